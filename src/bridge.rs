//! Bridges: the takeover of an uplink and its way back.
//!
//! observe ([`Snapshot`]) → `preflight` → [`plan`] → `apply`, which verifies before it commits, or goes back.

mod apply;
mod belongings;
mod ensure;
mod error;
mod gateway;
pub(crate) mod ipv6_settings;
mod lacking;
mod lock;
mod lost;
mod meanwhile;
mod outage;
pub mod plan;
mod prefix_route;
mod preflight;
mod receipt;
mod reception;
pub(crate) mod record_file;
mod recovery;
mod relocation;
mod report;
mod route_order;
mod snapshot;
mod stand_in;
mod step;
mod step_by_step;
mod undo;
mod uplink;
mod verify;
mod witness;

pub(crate) use apply::{apply, ask_routers};
pub use belongings::Belongings;
pub use ensure::{GATEWAY_CHECK, Outcome, Survey, Wanted, ensure, right, survey, survey_of};
pub use error::Error;
pub use lacking::lacking;
pub use lock::Lock;
pub use lost::{gives, lost};
pub use outage::while_watched;
pub use plan::Plan;
pub use preflight::Refusal;
pub use receipt::{DIRECTORY, Operation, Receipt, Records};
pub use reception::while_received;
pub use relocation::End;
pub use report::{Report, counted};
pub use snapshot::Snapshot;
pub use stand_in::take_stand_ins_away;
pub use step::Step;
pub use step_by_step::{StepTaken, step_by_step};
pub use undo::{MIND_GUESTS, recover_holding, undo, undo_holding};
pub use uplink::is_meant;
pub use witness::{Witness, give_back};
