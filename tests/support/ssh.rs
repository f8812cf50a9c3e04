//! A host that lets its administrator in by SSH, for tests.

use super::Lab;

/// The administrator's key, on the host.
pub const KEY: &str = "/run/lab/ssh/user";

/// A lab whose host runs an sshd that lets the peer in.
pub fn lab() -> Lab {
    lab_with(&["--no-libvirt", "--no-ra"])
}

/// The same with these options of the lab.
pub fn lab_with(options: &[&str]) -> Lab {
    let lab = Lab::start(options.iter().copied());
    lab.host(["mkdir", "-p", "/run/lab/ssh", "/run/sshd"]);
    for key in ["/run/lab/ssh/host", KEY] {
        lab.host(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
    }
    lab.write(
        "/run/lab/ssh/config",
        "HostKey /run/lab/ssh/host\nAuthorizedKeysFile /run/lab/ssh/user.pub\nStrictModes no\nUsePAM no\nUseDNS no\n\
         PermitRootLogin prohibit-password\nPidFile /run/lab/ssh/pid\nListenAddress 192.0.2.10\n\
         Subsystem sftp internal-sftp\n",
    );
    lab.host(["/usr/sbin/sshd", "-f", "/run/lab/ssh/config"]);
    lab
}
