//! Settings below /proc/sys.

use std::fs::File;
use std::io::{self, Read};
use std::mem::ManuallyDrop;
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
        return std::fs::write(file(components), value);
    }
    let ctl = Ctl::new(&components.join(".")).map_err(into_io)?;
    // Not set_value_string, which reads the setting back a second time.
    ctl.set_value(CtlValue::String(value.to_owned())).map(drop).map_err(into_io)
}

/// Reads a setting that is one digit; nothing where there is no such setting, or it is more than that.
///
/// Not by the crate, which takes eight system calls: a hook has three to spare.
pub fn read_digit(components: &[&str]) -> Option<u8> {
    File::open(file(components)).ok().and_then(|file| digit(&file))
}

/// The same for a program that is about to end, which closes the file: a hook counts its system calls.
pub fn peek_digit(components: &[&str]) -> Option<u8> {
    File::open(file(components)).ok().and_then(|file| digit(&ManuallyDrop::new(file)))
}

fn digit(mut file: &File) -> Option<u8> {
    let mut value = [0; 3];
    let length = file.read(&mut value).ok()?;
    match value[..length] {
        [digit @ b'0'..=b'9'] | [digit @ b'0'..=b'9', b'\n'] => Some(digit - b'0'),
        _ => None,
    }
}

fn file(components: &[&str]) -> PathBuf {
    PathBuf::from(["/proc/sys", &components.join("/")].join("/"))
}

fn into_io(error: SysctlError) -> io::Error {
    match error {
        SysctlError::IoError(error) => error,
        SysctlError::NotFound(name) => io::Error::new(io::ErrorKind::NotFound, format!("{name} does not exist")),
        other => io::Error::other(other.to_string()),
    }
}
