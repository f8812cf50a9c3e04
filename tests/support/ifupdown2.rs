//! The real ifupdown2 in the place of ifupdown.

use std::path::Path;
use std::process::Command;

/// Puts ifupdown2, unpacked in `$ifupdown2`, where its package would, for all that is in this mount namespace.
const INSTALL: &str = "
    for directory in /usr/sbin /usr/share; do
        mount -t overlay -o lowerdir=$ifupdown2$directory:$directory overlay $directory
    done
    cp -a $ifupdown2/etc/network/ifupdown2 /etc/network/
    # For its state, which would outlive a boot.
    mount -t tmpfs none /var/tmp
    mkdir -p /run/network /var/lib/dhcp
";

/// The script that installs it, in a mount namespace in which /run and /etc/network are the test's own.
pub fn install() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/ifupdown2.sh");
    let fetched = Command::new(script).arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("ifupdown2")).output().unwrap();
    assert!(fetched.status.success(), "{}", super::told(&fetched));
    format!("ifupdown2={}{INSTALL}", super::text(&fetched.stdout).trim())
}
