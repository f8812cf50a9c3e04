//! What takeovers left behind in /run/virt-bridge.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use super::{Check, Finding, Host};
use crate::bridge::{self, Belongings, Operation, Receipt, Records, Snapshot};
use crate::confirmation::Promise;
use crate::shell_word::ShellWord;
use crate::transfer::Transfer;

pub const UNFINISHED: Check = Check {
    name: "takeover-unfinished",
    about: "no takeover was killed, waits for confirmation, or was confirmed and not gone on with",
    look: unfinished,
};
pub const LOST: Check = Check {
    name: "bridge-belongings",
    about: "no bridge has lost the addresses or the way out of the host that it took over",
    look: lost,
};
pub const LEASES: Check = Check {
    name: "lease-unfinished",
    about: "every DHCP client has come to the link that has its address",
    look: leases,
};
pub const STALE: Check = Check { name: "receipt-stale", about: "no receipt is older than the last boot", look: stale };

/// The takeovers that a receipt tells of, but for those before the last boot.
pub fn since_boot() -> BTreeMap<String, Receipt> {
    let boot = boot_time().unwrap_or(0);
    let taken = |bridge: String| {
        let receipt = Records::of(&bridge).receipt().ok().flatten()?;
        let is_meant =
            receipt.operation == Operation::Takeover && i64::try_from(receipt.time).is_ok_and(|time| time >= boot);
        is_meant.then_some((bridge, receipt))
    };
    Records::bridges().into_iter().filter_map(taken).collect()
}

fn unfinished(host: &Host) -> Vec<Finding> {
    let killed = Records::bridges().into_iter().filter(|bridge| Records::of(bridge).is_interrupted()).map(|bridge| {
        let journal = Records::of(&bridge).journal().ok().flatten();
        match journal.as_ref().map(|journal| journal.operation) {
            Some(Operation::Undo) => Finding::problem(
                format!("an undo of {bridge} was killed in the middle"),
                format!("virt-bridge undo {bridge}"),
            ),
            _ => Finding::problem(
                format!("a takeover by {bridge} was killed in the middle"),
                host.up_with(&bridge, journal.as_ref().and_then(|it| it.uplink.as_ref()).map(|it| it.name.as_str())),
            ),
        }
    });
    let unreadable = Records::bridges().into_iter().filter_map(|bridge| {
        let records = Records::of(&bridge);
        let (error, path) = match (records.receipt(), records.journal()) {
            (Err(error), _) => (error, records.receipt_path()),
            (_, Err(error)) => (error, records.journal_path()),
            _ => return None,
        };
        // Whoever may not read them has been told so.
        (error.kind() != ErrorKind::PermissionDenied).then(|| {
            Finding::problem(
                format!("{} cannot be understood, so that undo does not know the way back: {error}", path.display()),
                format!("rm {}", ShellWord(&path.display().to_string())),
            )
        })
    });
    let waiting = host.bridges.iter().filter(|bridge| bridge.unconfirmed_ms.is_some()).map(|bridge| {
        Finding::warning(
            format!("{} goes back unless somebody confirms it", bridge.name),
            format!("virt-bridge confirm {}", bridge.name),
        )
    });
    killed.chain(unreadable).chain(waiting).chain(promised(host)).collect()
}

/// The command that had taken over ended between the confirmation and what was to follow.
fn promised(host: &Host) -> impl Iterator<Item = Finding> {
    let left = Promise::bridges().into_iter().filter_map(|bridge| Promise::left(&bridge).ok()?);
    left.filter(|promise| host.bridges.iter().any(|it| it.name == promise.bridge && it.unconfirmed_ms.is_none())).map(
        |Promise { bridge, network, persist, .. }| {
            let lasts = persist.then(|| "written what lets it last".to_owned());
            let undone: Vec<String> =
                lasts.into_iter().chain(network.map(|name| format!("made the network {name}"))).collect();
            Finding::warning(
                format!("{bridge} is confirmed, but nobody has {} yet", undone.join(" and ")),
                format!("virt-bridge confirm {bridge}"),
            )
        },
    )
}

/// The takeovers whose bridges have lost some of what they received, and what that is. Of one that was killed in the middle
/// it is not known where that should be.
pub fn emptied<'a>(
    snapshot: &Snapshot,
    takeovers: &'a BTreeMap<String, Receipt>,
) -> impl Iterator<Item = (&'a Receipt, Belongings)> {
    let whole = takeovers.values().filter(|receipt| !Records::of(&receipt.bridge.name).is_interrupted());
    let waits = Transfer::interrupted_bridges();
    let settled = whole.filter(move |receipt| !waits.contains(&receipt.bridge.name));
    settled.map(|receipt| (receipt, bridge::lost(snapshot, receipt))).filter(|(_, lost)| !lost.is_empty())
}

fn lost(host: &Host) -> Vec<Finding> {
    emptied(&host.snapshot, &host.takeovers)
        .map(|(receipt, lost)| Finding::problem(told_lost(receipt, &lost), "virt-bridge heal"))
        .collect()
}

/// A sentence that says what a takeover's bridge has lost.
pub fn told_lost(receipt: &Receipt, lost: &Belongings) -> String {
    let what: Vec<String> = lost.told().collect();
    let bridge = &receipt.bridge.name;
    format!("{bridge} has lost what it took over, as a link does that is set down: {}", what.join(", "))
}

/// Of a takeover that waits for confirmation whoever waits for it takes care.
fn leases(host: &Host) -> Vec<Finding> {
    let waits =
        |name: &String| host.bridges.iter().any(|bridge| bridge.name == *name && bridge.unconfirmed_ms.is_some());
    let interrupted = Transfer::interrupted_bridges().into_iter().filter(|bridge| !waits(bridge));
    interrupted
        .map(|bridge| {
            Finding::problem(
                format!("a run was killed while the DHCP client of {bridge} or its uplink went from one to the other, and nobody may renew the lease"),
                "virt-bridge heal",
            )
        })
        .collect()
}

/// A /run that outlives the boot, as in some containers, keeps receipts that lead back to a state of long ago.
fn stale(host: &Host) -> Vec<Finding> {
    let Some(boot) = boot_time() else { return Vec::new() };
    let receipts = host.bridges.iter().filter_map(|bridge| {
        let records = Records::of(&bridge.name);
        Some((bridge, records.receipt().ok()??.time, records))
    });
    receipts
        .filter(|(_, time, _)| i64::try_from(*time).is_ok_and(|time| time < boot))
        .map(|(bridge, _, records)| {
            Finding::warning(
                format!("the receipt of {} is older than the last boot, and undo would go back too far", bridge.name),
                format!("rm {}", records.receipt_path().display()),
            )
        })
        .collect()
}

/// When the kernel started, in seconds since 1970 (proc_stat(5)).
pub(super) fn boot_time() -> Option<i64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}
