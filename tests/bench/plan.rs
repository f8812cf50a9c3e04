//! How fast the XML of a domain is patched inside of one process: plan FILE SECONDS.
#![deny(unsafe_code)]

use std::time::{Duration, Instant};

use virt_bridge::config::{Destination, InterfaceMatch, InterfaceRule};
use virt_bridge::libvirt::domain;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, seconds] = arguments.as_slice() else { return Err("plan FILE SECONDS".into()) };
    let (xml, time) = (std::fs::read(file)?, Duration::from_secs(seconds.parse()?));
    let from = InterfaceMatch { network: Some("default".parse()?), ..InterfaceMatch::default() };
    let to = Destination::Network { network: "bridge-network".into(), portgroup: None };
    let rules = [InterfaceRule { from, to, ..InterfaceRule::default() }];
    let nothing = [InterfaceRule::default()];
    for (name, rules) in [("interfaces moved", &rules), ("nothing to move", &nothing)] {
        let start = Instant::now();
        let mut runs = 0;
        while start.elapsed() < time {
            std::hint::black_box(domain::patch(&xml, rules)?);
            runs += 1;
        }
        let megabytes = (xml.len() * runs) as f64 / start.elapsed().as_secs_f64() / 1e6;
        println!("{name:24}{megabytes:8.0} MB/s, {:8.1} µs each", start.elapsed().as_secs_f64() / runs as f64 * 1e6);
    }
    Ok(())
}
