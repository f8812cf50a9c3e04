//! Makes up XML of domains, as odd as XML allows, from a seed.

use crate::chance::Chance;

impl Chance {
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }

    fn some(&mut self, make: impl Fn(&mut Self) -> String) -> String {
        let count = self.below(4);
        (0..count).map(|_| make(self)).collect()
    }

    fn space(&mut self) -> &'static str {
        self.pick(&[" ", "  ", "\t", "\n", "\r\n", " \n\t"])
    }

    fn maybe_space(&mut self) -> &'static str {
        if self.one_in(4) { self.space() } else { "" }
    }

    /// White space, comments and text that stand between elements.
    fn between(&mut self) -> String {
        match self.below(12) {
            0 => "<!-- <interface type='network'> & ]]> -->".into(),
            1 => "<?pi <interface> ?>".into(),
            2 => "<![CDATA[<interface type='user'/>&]]>".into(),
            3 => "größe &amp; &#x1F600;".into(),
            4 => String::new(),
            5 => "\r\n\r\n    ".into(),
            _ => format!("\n{}", " ".repeat(self.below(8))),
        }
    }

    fn attribute(&mut self, name: &str, value: &str) -> String {
        let quote = self.pick(&["'", "\""]);
        let mut written = String::new();
        for c in value.chars() {
            match c {
                '&' | '<' => written += &format!("&#{};", c as u32),
                '\'' | '"' if c.to_string() == quote => written += &format!("&#x{:x};", c as u32),
                c if self.one_in(12) => written += &format!("&#x{:X};", c as u32),
                c => written.push(c),
            }
        }
        format!("{}{name}{}={}{quote}{written}{quote}", self.space(), self.maybe_space(), self.maybe_space())
    }

    fn element(&mut self, name: &str, attributes: &[(&str, &str)], content: &str) -> String {
        let mut attributes = attributes.to_vec();
        for i in (1..attributes.len()).rev() {
            attributes.swap(i, self.below(i + 1));
        }
        let attributes: String = attributes.iter().map(|(name, value)| self.attribute(name, value)).collect();
        let (before, after) = (self.maybe_space(), self.maybe_space());
        if content.is_empty() && !self.one_in(4) {
            return format!("<{name}{attributes}{before}/>");
        }
        format!("<{name}{attributes}{before}>{content}</{name}{after}>")
    }
}

const NAMES: [&str; 6] = ["default", "lan", "a&b", "x<y>\"z\"", "é's", "default"];

/// The XML of a domain.
pub fn domain(chance: &mut Chance) -> String {
    let interfaces = chance.some(interface);
    let others = chance.some(|chance| {
        let content = chance.between();
        let name = chance.pick(&["disk", "graphics", "x:interface", "interfaces", "Interface"]);
        chance.between() + &chance.element(name, &[("xmlns:x", "urn:x"), ("type", "network")], &content)
    });
    let devices = format!("{interfaces}{others}{}", chance.between());
    let mut parts = vec![chance.element("devices", &[], &devices), chance.element("name", &[], "d&lt;1")];
    let decoy = interface(chance);
    let decoy = chance.element("y:devices", &[("xmlns:y", "urn:y")], &decoy);
    parts.push(chance.element("metadata", &[], &decoy));
    if chance.one_in(2) {
        parts.reverse();
    }
    let content: String = parts.iter().map(|part| part.clone() + &chance.between()).collect();
    let root = chance.element("domain", &[("type", "kvm"), ("xmlns:q", "urn:q"), ("a", "<>&'\"")], &content);
    let mark = if chance.one_in(5) { "\u{feff}" } else { "" };
    let declaration = chance.pick(&["", "", "<?xml version='1.0'?>", "<?xml version=\"1.0\"  encoding='UTF-8' ?>\r\n"]);
    let kind = chance.pick(&["", "", "<!DOCTYPE domain [<!ENTITY e '>'> <!-- ]> -->]>\n", "<!DOCTYPE domain>"]);
    format!("{mark}{declaration}{kind}{root}{}", chance.pick(&["", "\n", "<!-- end -->\r\n"]))
}

fn interface(chance: &mut Chance) -> String {
    let name = chance.pick(&NAMES);
    let kind = chance.pick(&["network", "bridge", "direct", "user", "network", "hostdev", "vhostuser", "br-of-ours"]);
    let mut source = match kind {
        "network" => vec![("network", name), ("portgroup", "p"), ("portid", "1"), ("bridge", "virbr0")],
        "bridge" => vec![("bridge", name), ("network", "lan"), ("portid", "2"), ("macTableManager", "libvirt")],
        _ => vec![("dev", name), ("mode", "vepa"), ("unknown", "x")],
    };
    source.truncate(1 + chance.below(source.len()));
    let content = chance.some(|chance| chance.element("source-part", &[("a", "b")], ""));
    let mut parts = vec![chance.element("source", &source, &content)];
    for (part, attributes) in [
        ("mac", &[("address", "52:54:00:12:34:56")][..]),
        ("target", &[("dev", chance.pick(&["vnet0", "macvtap12", "mine", "vnet", "impossible/name"]))]),
        ("model", &[("type", "virtio")]),
        ("virtualport", &[("type", "openvswitch")]),
        ("ip", &[("address", "192.0.2.1"), ("family", "ipv4")]),
        ("ip", &[("address", "2001:db8::1")]),
        ("route", &[("address", "192.0.2.0")]),
        ("portForward", &[("proto", "tcp")]),
        ("backend", &[(chance.pick(&["type", "tap"]), "passt")]),
        ("alias", &[("name", "net0")]),
        ("x:source", &[("xmlns:x", "urn:x"), ("network", "no")]),
        ("actual", &[("type", "bridge")]),
    ] {
        if chance.one_in(3) {
            let content = chance.between().replace("größe &amp; &#x1F600;", "");
            parts.push(chance.element(part, attributes, &content));
        }
    }
    if chance.one_in(3) {
        let inbound = chance.element("inbound", &[("average", "1"), ("floor", "2")], "");
        parts.push(chance.element("bandwidth", &[], &inbound));
    }
    if !matches!(kind, "network" | "bridge" | "direct") && chance.one_in(2) {
        parts.remove(0);
    }
    let content: String = parts.iter().map(|part| chance.between() + part).collect::<String>() + &chance.between();
    chance.between() + &chance.element("interface", &[("type", kind), ("managed", "yes")], &content)
}
