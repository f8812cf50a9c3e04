//! Who likely wrote a sysctl of bridge netfilter; the kernel does not say.

use std::fs;
use std::path::Path;

use super::docker::{self, Docker};
use super::state::key;
use crate::sysctl_d;

/// Programs that set the sysctls to 1, by the name of their process: kubelet and kube-proxy
/// (kubernetes, sysctlBridgeCallIPTables), and k3s and RKE2, which run both.
const KUBERNETES: [&str; 5] = ["kubelet", "kube-proxy", "k3s", "k3s-server", "rke2"];

/// Those that would set the sysctl of this table to this value, most specific first; at least one.
pub fn likely(root: &Path, table: &str, filtered: bool) -> Vec<String> {
    let value = u8::from(filtered).to_string();
    let settings = sysctl_d::settings(root, &format!("net.bridge.{}", key(table)));
    let mut writers: Vec<String> = settings
        .iter()
        .filter(|setting| setting.value == value)
        .map(|setting| format!("{setting} (systemd-sysctl, sysctl)"))
        .collect();
    if filtered {
        let running = processes(root);
        writers.extend(running.iter().filter(|name| *name == "dockerd").map(|_| dockerd(root)));
        writers.extend(running.into_iter().filter(|name| KUBERNETES.contains(&name.as_str())));
    }
    if writers.is_empty() {
        writers.extend(filtered.then(|| "the module br_netfilter when it was loaded".into()));
        writers.push("an administrator".into());
    }
    writers
}

fn dockerd(root: &Path) -> String {
    match Docker::read(root).needs_iptables().as_slice() {
        [] => "dockerd".into(),
        settings => format!("dockerd (/{}: {})", docker::FILE, settings.join(", ")),
    }
}

/// Whether a process of one of the known names runs.
pub fn is_running(root: &Path, name: &str) -> bool {
    processes(root).iter().any(|running| running == name)
}

/// The names of the writers that run, each once.
fn processes(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root.join("proc")).into_iter().flatten().flatten();
    let names = entries.filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    let mut names: Vec<String> = names
        .filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .filter(|name| name == "dockerd" || KUBERNETES.contains(&name.as_str()))
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_is_named_with_its_file_and_line() {
        let root = std::env::temp_dir().join(format!("virt-bridge-writers-{}", std::process::id()));
        let write = |file: &str, text: &str| {
            let file = root.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        assert_eq!(likely(&root, "iptables", true), ["the module br_netfilter when it was loaded", "an administrator"]);
        assert_eq!(likely(&root, "iptables", false), ["an administrator"]);
        write("etc/sysctl.d/k8s.conf", "\nnet.bridge.bridge-nf-call-iptables = 1\n");
        write("proc/17/comm", "dockerd\n");
        write("proc/18/comm", "kubelet\n");
        write("proc/self/comm", "kube-proxy\n");
        write("proc/19/comm", "bash\n");
        let file = root.join("etc/sysctl.d/k8s.conf").display().to_string();
        let sysctl = format!("{file}:2 (systemd-sysctl, sysctl)");
        assert_eq!(likely(&root, "iptables", true), [sysctl.as_str(), "dockerd", "kubelet"]);
        assert_eq!(likely(&root, "ip6tables", true), ["dockerd", "kubelet"]);
        assert_eq!(likely(&root, "iptables", false), ["an administrator"]);
        write("etc/docker/daemon.json", r#"{"icc": false, "userland-proxy": false, "log-level": "info"}"#);
        let docker = r#"dockerd (/etc/docker/daemon.json: "icc": false, "userland-proxy": false)"#;
        assert_eq!(likely(&root, "ip6tables", true), [docker, "kubelet"]);
        fs::remove_dir_all(&root).unwrap();
    }
}
