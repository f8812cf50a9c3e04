//! Any bytes as the XML of a domain: no panic, nothing changed outside of interfaces, and patching twice is patching
//! once, whatever the rules.
#![no_main]

use libfuzzer_sys::fuzz_target;
use virt_bridge::config::{Destination, InterfaceMatch, InterfaceRule, MetadataMatch};
use virt_bridge::libvirt::domain::{self, Patched};

fuzz_target!(|xml: &[u8]| {
    let rules = rules();
    let Ok(patched) = domain::patch(xml, &rules) else { return };
    assert_eq!(patched.xml().is_some(), patched.changes().count() > 0);
    let Some(result) = patched.xml() else { return };
    assert_eq!(result, outside_as_before(xml, &patched));
    let again = domain::patch(result, &rules).expect("what was patched is well-formed");
    assert!(again.xml().is_none(), "patched twice");
});

/// The XML before, with nothing but the changed interfaces replaced.
fn outside_as_before(xml: &[u8], patched: &Patched) -> Vec<u8> {
    let mut expected = Vec::new();
    let mut at = 0;
    for (interface, change) in patched.changes() {
        expected.extend_from_slice(&xml[at..interface.span.start]);
        expected.extend_from_slice(patched.interface_xml(change));
        at = interface.span.end;
    }
    expected.extend_from_slice(&xml[at..]);
    expected
}

fn rules() -> Vec<InterfaceRule> {
    let glob = |pattern: &str| Some(pattern.parse().expect("a pattern"));
    let network = |network: &str| Destination::Network { network: network.into(), portgroup: Some("a'\"<&".into()) };
    let metadata = Some(MetadataMatch { namespace: "*".parse().expect("a pattern"), value: glob("*a*") });
    let from = |from| InterfaceRule { from, ..InterfaceRule::default() };
    vec![
        InterfaceRule { domain: glob("k*"), ..InterfaceRule::default() },
        InterfaceRule { metadata, to: network("meta"), ..InterfaceRule::default() },
        InterfaceRule {
            to: network("lan"),
            ..from(InterfaceMatch { network: glob("default"), ..InterfaceMatch::default() })
        },
        InterfaceRule {
            to: Destination::Bridge("br1".into()),
            ..from(InterfaceMatch { network: glob("lan"), target: glob("*"), ..InterfaceMatch::default() })
        },
        InterfaceRule {
            to: network("lan"),
            ..from(InterfaceMatch { kind: glob("direct"), mac: Some(vec![0x52]), ..InterfaceMatch::default() })
        },
        InterfaceRule {
            to: Destination::Bridge("br0".into()),
            ..from(InterfaceMatch { kind: glob("[!n]*"), ..InterfaceMatch::default() })
        },
    ]
}
