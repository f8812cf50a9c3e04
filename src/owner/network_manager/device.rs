//! What NetworkManager and the kernel have noted of the uplink: read from files, decided elsewhere.

use std::net::Ipv6Addr;
use std::path::Path;

use super::keyfile::Keyfile;
use crate::owner::edit;

/// The uplink as it is configured now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The profile that is up on it.
    pub profile: Option<String>,
    /// The metric of its routes where the profile sets none; that of a bridge would be 425, behind every other NIC's.
    pub route_metric: Option<String>,
    /// Who it is to the DHCP server.
    pub client_id: Option<String>,
    /// Which of the host's links it is to the DHCPv6 server, as a number.
    pub iaid: Option<u32>,
    /// Its addresses from router advertisements.
    pub advertised: Vec<Ipv6Addr>,
}

impl Device {
    /// The link of this name and index below `root`.
    ///
    /// # Errors
    /// One line when a file that is there cannot be read.
    pub fn read(root: &Path, link: &str, index: u32) -> Result<Self, String> {
        let text = |path: &str| {
            let path = Path::new(path);
            edit::text(&edit::below(root, path)).map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        let state = text(&format!("/run/NetworkManager/devices/{index}"))?.unwrap_or_default();
        let state = Keyfile::parse(&state);
        let value = |group: &str, key: &str| state.value(group, key).map(str::to_owned);
        Ok(Device {
            profile: value("device", "connection-uuid"),
            route_metric: value("device", "route-metric-default-effective"),
            client_id: value("dhcp4", "dhcp4.dhcp_client_identifier"),
            iaid: state.value("dhcp6", "dhcp6.iaid").and_then(number),
            advertised: advertised(&text("/proc/net/if_inet6")?.unwrap_or_default(), link),
        })
    }
}

/// `2b:50:67:35` as the number that a profile's `dhcp-iaid` is.
fn number(bytes: &str) -> Option<u32> {
    u32::from_str_radix(&bytes.replace(':', ""), 16).ok()
}

/// The addresses of prefixes of 64 bits that are neither permanent nor temporary, from `/proc/net/if_inet6`.
fn advertised(text: &str, link: &str) -> Vec<Ipv6Addr> {
    /// The kernel's `IFA_F_TEMPORARY` and `IFA_F_PERMANENT` (linux/if_addr.h).
    const TEMPORARY_OR_PERMANENT: u32 = 0x01 | 0x80;
    let address = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, _, prefix, scope, flags, name] = fields[..] else { return None };
        let flags = u32::from_str_radix(flags, 16).ok()?;
        let is_ours = name == link && prefix == "40" && scope == "00" && flags & TEMPORARY_OR_PERMANENT == 0;
        is_ours.then(|| u128::from_str_radix(address, 16).ok()).flatten().map(Ipv6Addr::from)
    };
    text.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertised_address_is_told_from_others() {
        let text = "20010db80000000300000000000001ab 02 80 00 00     eth0
fe80000000000000a179d28ec5c43df8 02 40 20 80     eth0
20010db8000000029e2240212f17bef2 02 40 00 00     eth0
20010db8000000021111222233334444 02 40 00 01     eth0
20010db8000000010000000000000010 02 40 00 80     eth0
20010db8000000020000000000000001 03 40 00 00     eth1
";
        assert_eq!(advertised(text, "eth0"), ["2001:db8:0:2:9e22:4021:2f17:bef2".parse::<Ipv6Addr>().unwrap()]);
        assert_eq!(number("2b:50:67:35"), Some(726_689_589));
    }
}
