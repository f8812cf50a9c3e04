//! The definition of a network whose guests become ports of a bridge.

use quick_xml::escape::escape;

use super::network;

/// The definition, as libvirt's own documentation has it.
pub fn xml(name: &str, bridge: &str) -> String {
    let (name, bridge) = (escape(name), escape(bridge));
    format!("<network>\n  <name>{name}</name>\n  <forward mode='bridge'/>\n  <bridge name='{bridge}'/>\n</network>\n")
}

/// Whether the guests of this network become ports of the bridge, whatever else it says.
pub fn leads_to(xml: &str, bridge: &str) -> bool {
    network::read(xml.as_bytes()).is_ok_and(|network| network.is_some_and(|network| network.bridge == bridge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_leads_to_its_bridge_and_a_networks_name_is_any_text() {
        assert!(leads_to(&xml("a<b&c", "br0"), "br0"));
        assert!(!leads_to(&xml("lan", "br1"), "br0"));
        let with_more = xml("lan", "br0").replace("</network>", "<portgroup name='x'/></network>");
        assert!(leads_to(&with_more, "br0"));
        assert!(!leads_to(&xml("lan", "br0").replace("mode='bridge'", "mode='nat'"), "br0"));
        assert!(!leads_to("<network>", "br0"));
    }
}
