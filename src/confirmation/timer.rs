//! The systemd timer that takes a bridge back when nobody else is left.

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Arms a transient timer (systemd-run(1)) that starts a guardian after `allowed`; answers with its unit, or nothing
/// where systemd does not run (sd_booted(3)).
///
/// # Errors
/// When systemd runs and refuses.
pub fn arm(bridge: &str, allowed: Duration) -> io::Result<Option<String>> {
    if !Path::new("/run/systemd/system").is_dir() {
        return Ok(None);
    }
    let unit = format!("virt-bridge-guard-{}", std::process::id());
    let mut command = Command::new("systemd-run");
    command
        .args(["--quiet", "--collect", "--timer-property=AccuracySec=100ms"])
        // A DHCP client that is given its lease back lives on.
        .arg("--property=KillMode=process")
        .arg(format!("--unit={unit}"))
        .arg(format!("--description=Take {bridge} back unless it is confirmed"))
        .arg(format!("--on-active={}ms", allowed.as_millis()))
        .arg("--")
        .arg(std::env::current_exe()?)
        .args(["guard", "--by-timer", "--", bridge]);
    succeeded(command.stdin(Stdio::null()).output()?)?;
    Ok(Some(format!("{unit}.timer")))
}

/// Takes a timer away. One that stays would start a guardian that finds nothing to guard.
pub fn disarm(timer: &str) {
    let _ = Command::new("systemctl").args(["--quiet", "--no-block", "stop", "--", timer]).output();
}

fn succeeded(output: Output) -> io::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("systemd-run: {}", said.trim().lines().last().unwrap_or("failed"))))
}
