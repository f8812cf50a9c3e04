//! `[[interface]]` as a person writes it.

use super::*;

#[test]
fn interface_rules_are_read_in_the_order_of_the_files() {
    let text = r#"
        [[interface]]
        domain = "web-*"
        uuid = "C7A5FDBDEDAF9455926Ad65c16db1809"
        title = "a ?"
        metadata = { namespace = "http://libosinfo.org/*", value = "http://debian.org/*" }
        from = { type = "direct", network = "n", bridge = "b", device = "eth?", mac = "52:54:0A", model = "e1000", target = "t" }
        to = { network = "bridge-network", portgroup = "blue" }
        live = true
        [[interface]]
        metadata = "urn:x"
        to = "keep"
    "#;
    let glob = |text: &str| Some(text.parse().unwrap());
    let root = Root::new("rules")
        .with("virt-bridge.toml", text)
        .with("virt-bridge.d/z.toml", "\ninterface = [\n{ from = {}, to = { bridge = 'br0' } } ]");
    let rules = root.load().unwrap().interfaces;
    let first = InterfaceRule {
        place: rules[0].place.clone(),
        domain: glob("web-*"),
        uuid: Some([0xc7, 0xa5, 0xfd, 0xbd, 0xed, 0xaf, 0x94, 0x55, 0x92, 0x6a, 0xd6, 0x5c, 0x16, 0xdb, 0x18, 0x09]),
        title: glob("a ?"),
        metadata: Some(MetadataMatch {
            namespace: "http://libosinfo.org/*".parse().unwrap(),
            value: glob("http://debian.org/*"),
        }),
        from: InterfaceMatch {
            kind: glob("direct"),
            network: glob("n"),
            bridge: glob("b"),
            device: glob("eth?"),
            mac: Some(vec![0x52, 0x54, 0x0a]),
            model: glob("e1000"),
            target: glob("t"),
        },
        to: Destination::Network { network: "bridge-network".into(), portgroup: Some("blue".into()) },
        live: true,
    };
    assert_eq!(rules[0], first);
    assert_eq!((&rules[1].to, &rules[1].from), (&Destination::Keep, &InterfaceMatch::default()));
    assert_eq!(rules[2].to, Destination::Bridge("br0".into()));
    let places: Vec<String> = rules.iter().map(|rule| rule.place.as_ref().unwrap().to_string()).collect();
    let root = root.0.to_str().unwrap();
    assert_eq!(places[0].strip_prefix(root), Some("/etc/virt-bridge.toml:2"));
    assert_eq!(places[1].strip_prefix(root), Some("/etc/virt-bridge.toml:10"));
    assert_eq!(places[2].strip_prefix(root), Some("/etc/virt-bridge.d/z.toml:3"));
}

#[test]
fn an_error_in_a_rule_names_its_line_and_key() {
    for (name, text, error) in [
        (
            "rule table",
            "[interface]\nto = 'keep'",
            ":1: interface: a table is not possible; allowed: an array of tables",
        ),
        (
            "no to",
            "\n[[interface]]\nlive = true",
            ":2: interface: the rule has no \"to\"; allowed: { network = \"NAME\" }, { network = \"NAME\", portgroup = \"NAME\" }, { bridge = \"NAME\" }, \"keep\"",
        ),
        (
            "two places",
            "[[interface]]\nto = { network = 'a', bridge = 'b' }",
            ":2: interface.to: neither one network nor one bridge; allowed: { network = \"NAME\" }, { network = \"NAME\", portgroup = \"NAME\" }, { bridge = \"NAME\" }, \"keep\"",
        ),
        ("rule key", "[[interface]]\nform = {}", r#":2: interface.form: unknown key; did you mean "from"?"#),
        (
            "from key",
            "[[interface]]\nto = 'keep'\n[interface.from]\nmacs = 1",
            r#":4: interface.from.macs: unknown key; did you mean "mac"?"#,
        ),
        (
            "rule mac",
            "[[interface]]\nfrom.mac = '52:5'",
            r#":2: interface.from.mac: "52:5" is no MAC address; allowed: a MAC address or its first bytes, such as "52:54:00""#,
        ),
        (
            "rule bridge",
            "[[interface]]\nto.bridge = 'a/b'",
            r#":2: interface.to.bridge: "a/b" is not possible as the name of a bridge: it contains '/', ':' or '%'"#,
        ),
        (
            "rule uuid",
            "[[interface]]\nuuid = 'c7a5'",
            r#":2: interface.uuid: "c7a5" is no UUID; allowed: a UUID, such as "c7a5fdbd-edaf-9455-926a-d65c16db1809""#,
        ),
        (
            "rule name",
            "[[interface]]\nto.network = \"a\\u0001\"",
            r#":2: interface.to.network: "a\u{1}" contains a control character"#,
        ),
    ] {
        assert_eq!(error_of(name, text), format!("/etc/virt-bridge.toml{error}"));
    }
}

#[test]
fn a_full_file_of_rules_takes_no_quadratic_time() {
    let text = "[[interface]]\nto = 'keep'\n".repeat(40_000);
    let root = Root::new("many rules").with("virt-bridge.toml", text);
    let start = std::time::Instant::now();
    assert_eq!(root.load().unwrap().interfaces.len(), 40_000);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
