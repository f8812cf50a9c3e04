//! Settings that others write and no event tells of: each call of a hook looks at them, and has them put right.

use std::ffi::{CStr, CString};

use nix::errno::Errno;
use nix::unistd::execv;

use crate::config::Config;
use crate::deadline::Deadline;
use crate::log::Log;
use crate::netlink::Link;
use crate::{forwarding, netfilter};

/// Only the command has all of the code that writes settings, because a hook is to stay small. A package puts it in the
/// first place, `make install PREFIX=/usr/local` in the second.
const COMMANDS: [&CStr; 2] = [c"/usr/sbin/virt-bridge", c"/usr/local/sbin/virt-bridge"];

/// These make it speak to syslog, and succeed whatever it finds, within the milliseconds that are to follow.
const REAPPLY: [&CStr; 3] = [c"host", c"apply", c"--for-hook"];

/// Whether a setting of the host or of this bridge is not what the configuration has. `link` is the bridge as the kernel
/// has it, where it has been asked.
pub fn is_seen(config: &Config, bridge: &str, link: Option<&Link>) -> bool {
    netfilter::has_drifted(config)
        || link.is_some_and(|link| netfilter::has_drifted_on(config, link))
        || forwarding::has_drifted(config, bridge)
}

/// The last thing that a hook does: it becomes the command that applies all settings. Returns when that cannot be run.
pub fn correct(deadline: Deadline, log: &Log) {
    let left = CString::new(deadline.remaining().as_millis().to_string()).unwrap_or_default();
    let run = |command| {
        let arguments: Vec<&CStr> = [command].into_iter().chain(REAPPLY).chain([left.as_c_str()]).collect();
        let Err(errno) = execv(command, &arguments);
        errno
    };
    let refused = COMMANDS.into_iter().map(run).find(|errno| *errno != Errno::ENOENT);
    log.warning(&format!("sysctls: cannot run virt-bridge: {}", refused.unwrap_or(Errno::ENOENT).desc()));
}
