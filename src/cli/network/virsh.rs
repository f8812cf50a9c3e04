//! `virsh`, which speaks to libvirt for us: its library cannot be linked into a static program.

use std::io::Write;
use std::process::{Command, Stdio};

/// A wedged libvirtd never answers; timeout(1) then ends with 124.
const LONGEST: &str = "60";
const TIMED_OUT: i32 = 124;

/// What it prints when it reads `input`; else why it failed, on one line.
pub fn virsh(words: &[&str], input: Option<&str>) -> Result<String, String> {
    let mut command = Command::new("timeout");
    command.args([LONGEST, "virsh", "--quiet", "--connect", "qemu:///system"]).args(words).env("LC_ALL", "C");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run virsh: {error}"))?;
    // Of a virsh that does not read it the exit code tells.
    drop(child.stdin.take().map(|mut stdin| stdin.write_all(input.unwrap_or_default().as_bytes())));
    let output = child.wait_with_output().map_err(|error| format!("cannot wait for virsh: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    if output.status.code() == Some(TIMED_OUT) {
        return Err(format!("virsh {} did not end within {LONGEST} s", words[0]));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = said.lines().map(|line| line.trim_start_matches("error: ").trim()).filter(|line| !line.is_empty());
    Err(lines.collect::<Vec<_>>().join(": "))
}
