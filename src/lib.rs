//! virt-bridge: bridged networking for KVM/libvirt that works by itself and never loses the host.
#![deny(unsafe_code)]

pub mod bridge;
pub mod check;
pub mod cli;
pub mod config;
pub mod confirmation;
pub mod deadline;
pub mod diff;
pub mod drift;
pub mod duplicate_detection;
pub mod forwarding;
pub mod libvirt;
pub mod log;
pub mod netfilter;
pub mod netlink;
pub mod owner;
pub mod picture;
pub mod regular_file;
pub mod rehearsal;
pub mod shell_word;
pub mod sysctl;
pub mod sysctl_d;
pub mod sysfs;
pub mod transfer;
pub mod why;

pub use names::{glob, interface_name, printable};
