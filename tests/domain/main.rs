//! The patcher of domain XML and `virt-bridge domain patch`.

mod cases;
#[path = "../support/chance.rs"]
mod chance;
mod command;
mod generator;
mod hostile;
mod libvirt_data;
mod malformed;
#[path = "../support/programs.rs"]
mod programs;
mod properties;
mod run;
mod tree;
