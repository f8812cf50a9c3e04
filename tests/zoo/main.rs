//! The zoo: hosts with everything that Linux lets an administrator put on an uplink.

#[path = "../support/mod.rs"]
mod support;

mod adoption;
mod bystanders;
mod host;
mod refusals;
mod rehearsals;
mod steps;
mod uplink;
