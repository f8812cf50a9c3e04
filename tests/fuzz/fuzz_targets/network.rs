//! Any bytes as the XML of a network: no panic, and a bridge that the kernel can have.
#![no_main]

use libfuzzer_sys::fuzz_target;
use virt_bridge::interface_name;
use virt_bridge::libvirt::network;

fuzz_target!(|xml: &[u8]| {
    if let Ok(Some(network)) = network::read(xml) {
        assert_eq!(interface_name::check(&network.bridge), Ok(()));
        assert!(!network.name.is_empty());
    }
});
