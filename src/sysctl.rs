//! Settings below /proc/sys.

use std::io;
use std::path::PathBuf;

use sysctl::{Ctl, CtlValue, Sysctl, SysctlError};

/// Writes a setting, named by its components (`["net", "ipv6", "conf", "br0", "accept_ra"]`).
///
/// The crate takes one dotted name and so cannot reach a link with a dot in its own (`eth0.100`): those are written
/// as the file that they are.
///
/// # Errors
/// When the setting does not exist or refuses the value.
pub fn write(components: &[&str], value: &str) -> io::Result<()> {
    if components.iter().any(|component| component.contains('.')) {
        let path: PathBuf = ["/proc/sys"].iter().chain(components).collect();
        return std::fs::write(path, value);
    }
    let ctl = Ctl::new(&components.join(".")).map_err(into_io)?;
    // Not set_value_string, which reads the setting back a second time.
    ctl.set_value(CtlValue::String(value.to_owned())).map(drop).map_err(into_io)
}

fn into_io(error: SysctlError) -> io::Error {
    match error {
        SysctlError::IoError(error) => error,
        SysctlError::NotFound(name) => io::Error::new(io::ErrorKind::NotFound, format!("{name} does not exist")),
        other => io::Error::other(other.to_string()),
    }
}
