//! The patcher of domain XML and `virt-bridge domain patch`.

mod cases;
mod command;
mod hostile;
mod libvirt_data;
mod malformed;
mod run;
mod tree;
