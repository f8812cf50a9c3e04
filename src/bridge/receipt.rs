//! What a takeover leaves behind in /run/virt-bridge: the state before, from which undo goes back.
//!
//! Before the first change it is written as `BRIDGE.journal`; when all is done the journal becomes `BRIDGE.json`, the
//! receipt. A journal that is found at the start of a run is that of a run which was killed.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::belongings::Belongings;
use super::plan::{Before, Plan};
use super::record_file;
use super::relocation::End;

/// Where receipts, journals and the lock are.
pub const DIRECTORY: &str = "/run/virt-bridge";

/// The direction of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// The bridge receives what its uplink has.
    Takeover,
    /// The uplink receives what its bridge has.
    Undo,
}

/// The state before a takeover, what was done and how long it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What was done.
    pub operation: Operation,
    /// The bridge.
    pub bridge: End,
    /// Its uplink.
    pub uplink: Option<End>,
    /// Whether the takeover made the bridge.
    pub created_bridge: bool,
    /// The state before, beside what was moved.
    pub before: Before,
    /// What was moved.
    pub moved: Belongings,
    /// What an adopted bridge had of its own.
    pub kept: Belongings,
    /// What was done, in order.
    pub steps: Vec<String>,
    /// When it was done, in seconds since 1970.
    pub time: u64,
    /// How long each phase took, in microseconds.
    pub microseconds: Vec<(String, u64)>,
    /// The calls in which the kernel was given the steps.
    #[serde(default)]
    pub calls: Vec<Call>,
    /// Who has carried it out, where that was the uplink's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The longest time for which the host could not have answered, in microseconds; of what virt-bridge does itself, it is
    /// the phase `switch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<u64>,
}

/// A call of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// How many steps it was given, which follow those of the call before.
    pub steps: usize,
    /// How long it took.
    pub microseconds: u64,
}

impl Receipt {
    /// What is to be written down before a plan is carried out.
    pub fn of(plan: &Plan) -> Self {
        let steps = [&plan.prepare, &plan.switch, &plan.commit, &plan.finish].into_iter().flatten();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Receipt {
            operation: plan.operation,
            bridge: plan.bridge.clone(),
            uplink: plan.uplink.clone(),
            created_bridge: plan.creates_bridge,
            before: plan.before,
            moved: plan.moved.clone(),
            kept: plan.kept.clone(),
            steps: steps.map(|step| step.what.clone()).collect(),
            time: now.map(|time| time.as_secs()).unwrap_or(0),
            microseconds: Vec::new(),
            calls: Vec::new(),
            owner: None,
            outage: None,
        }
    }

    /// This takeover and an earlier one of the same bridge as one: a repair must not make anybody forget the state before
    /// the first.
    fn after(mut self, earlier: Receipt) -> Self {
        if earlier.bridge != self.bridge || earlier.operation != self.operation {
            return self;
        }
        let name = |receipt: &Receipt| receipt.uplink.as_ref().map(|uplink| uplink.name.clone());
        if self.uplink.is_none() || name(&self) == name(&earlier) {
            self.before.uplink_was_up = earlier.before.uplink_was_up;
            self.before.uplink_was_port = earlier.before.uplink_was_port;
        }
        self.before.bridge_was_up = earlier.before.bridge_was_up;
        self.before.parameters = earlier.before.parameters.or(self.before.parameters);
        self.created_bridge = earlier.created_bridge;
        self.uplink = self.uplink.or(earlier.uplink);
        self.moved = earlier.moved.and(self.moved);
        self.kept = earlier.kept;
        self
    }
}

/// The files of one bridge in the directory of receipts.
#[derive(Clone, Debug)]
pub struct Records {
    receipt: PathBuf,
    journal: PathBuf,
    handed_over: PathBuf,
}

const HANDED_OVER: &str = ".handed-over";

impl Records {
    /// The files of the bridge of this name.
    pub fn of(bridge: &str) -> Self {
        Records::under(Path::new("/"), bridge)
    }

    /// The files of the bridge of this name on the host whose root directory is `root`.
    pub fn under(root: &Path, bridge: &str) -> Self {
        let directory = root.join(DIRECTORY.trim_start_matches('/'));
        Records {
            receipt: directory.join(format!("{bridge}.json")),
            journal: directory.join(format!("{bridge}.journal")),
            handed_over: directory.join(format!("{bridge}{HANDED_OVER}")),
        }
    }

    /// The bridges with a receipt or a journal on this host, by name.
    pub fn bridges() -> Vec<String> {
        record_file::bridges(&[".json", ".journal"])
    }

    /// The bridges with a receipt, also of what an owner has carried out, by name.
    pub fn bridges_with_receipt() -> Vec<String> {
        record_file::bridges(&[".json", HANDED_OVER])
    }

    /// Whether a run was killed before it was done.
    pub fn is_interrupted(&self) -> bool {
        self.journal.exists()
    }

    /// Where the receipt is.
    pub fn receipt_path(&self) -> &Path {
        &self.receipt
    }

    /// Where the journal is.
    pub fn journal_path(&self) -> &Path {
        &self.journal
    }

    /// Where the receipt of what an owner has carried out is.
    pub fn handed_over_path(&self) -> &Path {
        &self.handed_over
    }

    /// The receipt of the last takeover; nothing when there was none since boot.
    ///
    /// # Errors
    /// When the file cannot be read or is no receipt.
    pub fn receipt(&self) -> io::Result<Option<Receipt>> {
        record_file::read(&self.receipt)
    }

    /// The receipt of what the uplink's owner has carried out, who knows by itself how to go back.
    ///
    /// # Errors
    /// When the file cannot be read or is no receipt.
    pub fn handed_over(&self) -> io::Result<Option<Receipt>> {
        record_file::read(&self.handed_over)
    }

    /// Notes what the uplink's owner has carried out.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note_handed_over(&self, receipt: &Receipt) -> io::Result<()> {
        record_file::write(&self.handed_over, receipt)
    }

    /// Notes that the uplink's owner has gone back.
    ///
    /// # Errors
    /// When the file cannot be deleted.
    pub fn forget_handed_over(&self) -> io::Result<()> {
        record_file::remove(&self.handed_over)
    }

    /// The journal of a run that was killed.
    ///
    /// # Errors
    /// When the file cannot be read or is no journal.
    pub fn journal(&self) -> io::Result<Option<Receipt>> {
        record_file::read(&self.journal)
    }

    /// Writes down what is about to be done.
    ///
    /// # Errors
    /// When it cannot be written; then nothing may be done.
    pub fn begin(&self, receipt: &Receipt) -> io::Result<()> {
        record_file::write(&self.journal, receipt)
    }

    /// Takes back that something is about to be done.
    ///
    /// # Errors
    /// When the journal cannot be deleted.
    pub fn abandon(&self) -> io::Result<()> {
        record_file::remove(&self.journal)
    }

    /// Notes that a takeover is done. Where there is no room for the receipt, the journal becomes it, unless there is an
    /// earlier one: that knows the state before better.
    ///
    /// # Errors
    /// When neither can be done.
    pub fn complete(&self, receipt: &Receipt) -> io::Result<()> {
        let earlier = self.receipt().ok().flatten();
        let is_repair = earlier.as_ref().is_some_and(|earlier| earlier.bridge == receipt.bridge);
        let whole = earlier.into_iter().fold(receipt.clone(), Receipt::after);
        if record_file::write(&self.receipt, &whole).is_err() && !is_repair {
            return fs::rename(&self.journal, &self.receipt);
        }
        record_file::remove(&self.journal)
    }

    /// Notes that the takeover was undone.
    ///
    /// # Errors
    /// When the files cannot be deleted.
    pub fn forget(&self) -> io::Result<()> {
        record_file::remove(&self.receipt)?;
        record_file::remove(&self.journal)
    }
}
