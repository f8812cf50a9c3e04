//! IP forwarding, where the configuration turns it on.

use std::path::Path;

use super::{Check, Finding, Host};
use crate::forwarding;

pub const FORWARDING: Check =
    Check { name: "ip-forwarding", about: "the host forwards IP packets where [host] says so", look: off };

fn off(host: &Host) -> Vec<Finding> {
    let reports = forwarding::report(Path::new("/"), &host.config);
    let off = reports.iter().filter(|report| report.configured && report.present == Some(0));
    off.map(|report| Finding::warning(format!("somebody has turned it off: {report}"), "virt-bridge host apply"))
        .collect()
}
