//! libvirt's side: how it calls hooks, and what its XML says. Knows nothing of netlink, and never calls libvirt.

pub mod active_networks;
mod bounded_input;
pub mod bridge_networks;
pub mod domains;
mod elements;
pub mod guest;
pub mod hook_call;
pub mod hook_main;
pub mod network;
pub mod network_definition;
pub mod networks;
pub mod nwfilter;
pub mod routed_networks;
pub mod taps;
pub mod timed_input;
pub mod vlans;

pub use domain;
