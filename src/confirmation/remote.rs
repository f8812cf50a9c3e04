//! Whether the administrator sits at the other end of the network that is about to change.

use std::fs;
use std::path::Path;

/// What the kernel calls the servers of remote logins; sshd-session since OpenSSH 9.8.
const SERVERS: [&str; 5] = ["sshd", "sshd-session", "dropbear", "mosh-server", "in.telnetd"];

/// What sshd says to the session.
const VARIABLE: &[u8] = b"SSH_CONNECTION=";

/// A process has no more ancestors than that, or somebody plays with us.
const MOST_ANCESTORS: usize = 100;

/// Whether this process, or one that it descends from, belongs to a remote login. sudo and su take the variable away, and
/// tmux and screen stand beside their login, so both signs are looked for in every ancestor.
pub fn is_remote() -> bool {
    is_remote_below(Path::new("/"), std::process::id())
}

fn is_remote_below(root: &Path, process: u32) -> bool {
    let ancestors = std::iter::successors(Some(process), |process| parent(root, *process));
    ancestors.take(MOST_ANCESTORS).any(|process| is_server(root, process) || has_variable(root, process))
}

/// The second field behind the name, which may itself have brackets (proc_pid_stat(5)).
fn parent(root: &Path, process: u32) -> Option<u32> {
    let stat = fs::read(root.join(format!("proc/{process}/stat"))).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok().filter(|parent| *parent != 0)
}

fn is_server(root: &Path, process: u32) -> bool {
    let name = fs::read_to_string(root.join(format!("proc/{process}/comm"))).unwrap_or_default();
    SERVERS.contains(&name.trim_end())
}

fn has_variable(root: &Path, process: u32) -> bool {
    let environment = fs::read(root.join(format!("proc/{process}/environ"))).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(VARIABLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Host(std::path::PathBuf);

    impl Host {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("virt-bridge-remote-{name}-{}", std::process::id()));
            fs::create_dir_all(&root).unwrap();
            Host(root)
        }

        fn process(self, pid: u32, name: &str, parent: u32, environment: &str) -> Self {
            let directory = self.0.join(format!("proc/{pid}"));
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("stat"), format!("{pid} ({name}) S {parent} 1 1 0 -1")).unwrap();
            fs::write(directory.join("comm"), format!("{name}\n")).unwrap();
            fs::write(directory.join("environ"), environment).unwrap();
            self
        }
    }

    impl Drop for Host {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_login_at_the_console_is_not_remote() {
        let host = Host::new("console").process(1, "systemd", 0, "").process(7, "login", 1, "TERM=linux\0");
        assert!(!is_remote_below(&host.process(9, "bash", 7, "NOT_SSH_CONNECTION=1\0").0, 9));
    }

    #[test]
    fn a_session_of_sshd_is_remote_behind_sudo_too() {
        for server in ["sshd", "sshd-session", "dropbear"] {
            let host = Host::new(server).process(1, "systemd", 0, "").process(7, server, 1, "");
            assert!(is_remote_below(&host.process(8, "sudo", 7, "").process(9, "a) S 1 (b", 8, "").0, 9), "{server}");
        }
    }

    #[test]
    fn a_terminal_multiplexer_that_was_started_remotely_is_remote() {
        let host = Host::new("tmux").process(1, "systemd", 0, "").process(5, "tmux: server", 1, "");
        let host =
            host.process(8, "bash", 5, "A=b\0SSH_CONNECTION=192.0.2.9 1 192.0.2.1 22\0").process(9, "sudo", 8, "");
        assert!(is_remote_below(&host.0, 9));
    }

    #[test]
    fn ancestors_that_go_round_or_are_gone_are_no_remote_login() {
        assert!(!is_remote_below(&Host::new("round").process(8, "a", 9, "").process(9, "b", 8, "").0, 9));
        assert!(!is_remote_below(&Host::new("gone").0, 9));
    }
}
