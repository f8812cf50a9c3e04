//! A bridge that lasts, with the real systemd-networkd, netplan, dnsmasq and radvd: written after a takeover, given to the
//! running networkd without a gap, made again at boot, taken back.

mod addresses;
mod crashes;
mod host;
mod leases;
#[path = "../support/mod.rs"]
mod support;
