//! What `--persist` wrote into the files of an uplink's owner, and what of it a killed run left half done.

use std::path::{Path, PathBuf};

use super::{Check, Finding, Host};
use crate::owner::{Backup, Progress};

pub const UNFINISHED: Check = Check {
    name: "files-unfinished",
    about: "no run was killed while it wrote a bridge into its owner's files, or took it out",
    look: unfinished,
};
pub const UNUSED: Check =
    Check { name: "files-unused", about: "each bridge that was written to last is there", look: unused };

/// A bridge, what is known of its owner's files, and how far they are written.
pub(super) fn backups(root: &Path) -> Vec<(String, Backup, Progress)> {
    let known = |bridge: String| {
        let backup = Backup::of(root, &bridge).ok().flatten()?;
        let progress = backup.progress(root).ok()?;
        Some((bridge, backup, progress))
    };
    Backup::bridges(root).into_iter().filter_map(known).collect()
}

fn unfinished(host: &Host) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (bridge, backup, progress) in backups(&host.root) {
        let owner = backup.owner();
        let undo = format!("virt-bridge undo {bridge}");
        match progress {
            Progress::Half { done, open } => findings.push(Finding::problem(
                format!(
                    "a run was killed while it changed what {owner} has of {bridge}: {} with it, {} without it; to have it after \
                     all, say virt-bridge up {bridge} --persist again",
                    listed(&done),
                    listed(&open)
                ),
                undo,
            )),
            Progress::Nothing => findings.push(Finding::warning(
                format!("a run was killed before it wrote {bridge} into the files of {owner}, which are as before"),
                undo,
            )),
            Progress::All | Progress::Changed => {}
        }
        findings.extend(backup.leftovers(&host.root).into_iter().map(|path| {
            let path = path.display();
            Finding::warning(
                format!("{path} is left of a run that was killed, and nobody reads it"),
                format!("rm {path}"),
            )
        }));
    }
    findings
}

/// Deleted by somebody who has forgotten the files, or not made yet by an owner who was asked in vain.
fn unused(host: &Host) -> Vec<Finding> {
    let written = backups(&host.root).into_iter().filter(|(_, _, progress)| *progress == Progress::All);
    let absent = written.filter(|(bridge, _, _)| host.link(bridge).is_none());
    absent
        .map(|(bridge, backup, _)| {
            let owner = backup.owner();
            Finding::warning(
                format!(
                    "the files of {owner} have {bridge}, which is not there: the next boot makes it, or virt-bridge up {bridge} --persist"
                ),
                format!("virt-bridge undo {bridge}"),
            )
        })
        .collect()
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
