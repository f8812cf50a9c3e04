//! Networks as libvirt writes them, and input that nobody should write.

use std::io::{BufReader, Cursor};
use std::time::{Duration, Instant};

use super::*;

const BRIDGED: &str = "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>";

fn ours(name: &str, bridge: &str) -> Option<BridgedNetwork> {
    Some(BridgedNetwork { name: name.into(), bridge: bridge.into() })
}

fn problem(xml: impl AsRef<[u8]>) -> String {
    match read(xml.as_ref()) {
        Err(error) => error.to_string(),
        Ok(found) => panic!("{found:?} in {}", String::from_utf8_lossy(xml.as_ref())),
    }
}

/// What libvirt 9.0.0 wrote for a hook, a definition and a status file.
#[test]
fn each_form_in_which_libvirt_writes_a_network_is_read() {
    let network = "<network>
    <name>bn</name>
    <uuid>ed4d6462-3217-4cde-8dc2-be5ebad2318d</uuid>
    <forward mode='bridge'/>
    <bridge name='br0'/>
    <portgroup name='x' default='yes'>
      <bandwidth>
        <inbound average='1000'/>
      </bandwidth>
    </portgroup>
  </network>";
    let comment = "<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE.\n  virsh net-edit bn\n-->\n\n";
    let port = "<networkport><uuid>x</uuid><name>n</name><plug type='bridge' bridge='br0'/></networkport>";
    for xml in [
        format!("<hookData>\n  {network}\n</hookData>"),
        format!("<hookData>\n  {network}\n  {port}</hookData>"),
        format!("{comment}{network}\n"),
        format!(
            "{comment}<networkstatus>\n  <class_id bitmap='0-2'/>\n  <floor sum='0'/>\n  <taint flag='hook-script'/>\n  {network}\n</networkstatus>"
        ),
        format!("\u{feff}<?xml version='1.0' encoding='UTF-8'?>{network}"),
    ] {
        assert_eq!(read(xml.as_bytes()).unwrap(), ours("bn", "br0"), "{xml}");
    }
}

#[test]
fn only_a_network_on_a_linux_bridge_that_libvirt_does_not_make_is_ours() {
    let bridge = "<forward mode='bridge'/><bridge name='br0'/>";
    for (body, is_ours) in [
        (bridge.to_owned(), true),
        ("<bridge name='br0'/><forward mode='bridge'/>".to_owned(), true),
        (format!("{bridge}<vlan><tag id='42'/></vlan>"), true),
        (format!("{bridge}<metadata><x:ip xmlns:x='u'/><ip/><virtualport type='openvswitch'/></metadata>"), true),
        (format!("{bridge}<portgroup name='a'><virtualport type='802.1Qbh'/></portgroup>"), true),
        (format!("{bridge}<virtualport type='openvswitch'/>"), false),
        (format!("<virtualport type='openvswitch'/>{bridge}"), false),
        (format!("{bridge}<virtualport type='midonet'/>"), false),
        (
            format!("{bridge}<portgroup name='a'/><portgroup name='b'><virtualport type='openvswitch'/></portgroup>"),
            false,
        ),
        ("<forward mode='bridge'/>".to_owned(), false),
        ("<forward mode='bridge'/><bridge/>".to_owned(), false),
        ("<forward mode='bridge'/><bridge name=''/>".to_owned(), false),
        ("<forward mode='bridge' dev='eth0'/><bridge name='br0'/>".to_owned(), false),
        ("<forward mode='bridge'><interface dev='eth0'/></forward><bridge name='br0'/>".to_owned(), false),
        ("<forward dev='eth0' mode='bridge'><interface dev='eth0'/></forward>".to_owned(), false),
        ("<forward mode='nat'/><bridge name='virbr0'/>".to_owned(), false),
        ("<forward/><bridge name='virbr0'/>".to_owned(), false),
        ("<bridge name='virbr0' stp='on' delay='0'/>".to_owned(), false),
        ("<bridge name='virbr0'/><ip address='192.0.2.1'/>".to_owned(), false),
        ("<forward mode='hostdev'><pf dev='eth0'/></forward>".to_owned(), false),
        ("<x:forward mode='bridge' xmlns:x='u'/><bridge name='br0'/>".to_owned(), false),
        ("<metadata><forward mode='bridge'/></metadata><bridge name='br0'/>".to_owned(), false),
    ] {
        let xml = format!("<hookData><network><name>n</name>{body}</network></hookData>");
        assert_eq!(read(xml.as_bytes()).unwrap(), is_ours.then(|| ours("n", "br0").unwrap()), "{xml}");
    }
}

#[test]
fn names_are_decoded() {
    for (text, name) in [
        ("a&amp;b", "a&b"),
        ("&lt;&#60;&#x3C;&gt;&quot;&apos;", "<<<>\"'"),
        ("<![CDATA[a&b]]>c", "a&bc"),
        ("--help", "--help"),
        ("a\nb", "a\nb"),
        ("größe<!-- x -->大", "größe大"),
    ] {
        let xml = BRIDGED.replace("lan", text).replace("'br0'", "\"b&#114;0\"");
        assert_eq!(read(xml.as_bytes()).unwrap(), ours(name, "br0"), "{text}");
    }
}

#[test]
fn every_truncation_is_an_error() {
    let xml = format!("<hookData>{BRIDGED}</hookData>");
    for end in 0..xml.len() {
        assert!(read(&xml.as_bytes()[..end]).is_err(), "{}", &xml[..end]);
    }
    for nothing in ["", " \n", "<!-- x -->"] {
        assert!(matches!(read(nothing.as_bytes()), Err(Error::Empty)), "{nothing:?}");
    }
}

#[test]
fn malformed_xml_is_an_error_with_its_position() {
    for (xml, error) in [
        (format!("{BRIDGED}{BRIDGED}"), "byte 79: a second root element"),
        (format!("<hookData>{BRIDGED}{BRIDGED}</hookData>"), "byte 89: a second <network>"),
        (format!("{BRIDGED}x"), "byte 79: text outside of the root element"),
        (format!("{BRIDGED}\0"), "byte 79: a character that XML does not allow"),
        (format!("{BRIDGED}</network>"), "byte 79: </network> without <network>"),
        ("\u{7f}ELF\u{2}\0\0".into(), "byte 4: a character that XML does not allow"),
        ("{\"name\": 1}".into(), "byte 0: text outside of the root element"),
        ("<domain/>".into(), "byte 0: the root element is <domain>"),
        ("<hookData/>".into(), "byte 11: there is no <network> in it"),
        (BRIDGED.replace("</name>", "</nam>"), "byte 18: </nam> where </name> has to be"),
        (BRIDGED.replace("lan", "&bomb;"), "byte 15: a reference to an unknown entity"),
        (BRIDGED.replace("lan", "&#0;"), "byte 15: & without a reference"),
        (BRIDGED.replace("lan", "&#x1b;"), "byte 15: & without a reference"),
        (BRIDGED.replace("lan", ""), "byte 76: the network has no name"),
        (BRIDGED.replace("lan", &"x".repeat(256)), "byte 15: the network's name has more than 255 bytes"),
        (BRIDGED.replace("br0", "&bomb;"), "byte 63: a reference to an unknown entity"),
        (BRIDGED.replace("br0", "../../etc"), "a bridge cannot be called \"../../etc\": it contains"),
        (BRIDGED.replace("br0", "a&#10;b"), "a bridge cannot be called \"a\\nb\": it contains"),
        (BRIDGED.replace("mode='bridge'", "mode='bridge' mode='nat'"), "byte 25: the attribute mode is given twice"),
        (BRIDGED.replace("mode='bridge'", "mode=bridge"), "byte 34: the attribute mode has no value in quotes"),
        (BRIDGED.replace("<bridge", "<1bridge"), "byte 49: not the name of an element"),
        (format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{BRIDGED}"), "byte 0: a document type declaration is not allowed"),
    ] {
        let found = problem(&xml);
        assert!(found.contains(error) && !found.contains('\n'), "{xml}: {found}");
    }
    assert!(problem(b"<network><name>\xff</name></network>").contains("byte 15: not UTF-8 text"));
}

#[test]
fn a_network_that_is_not_ours_is_left_at_the_first_element_that_tells() {
    let garbage = "<host mac='52:54:00:00:00:01' ip='192.0.2.9'/>".repeat(50_000) + "<<<";
    for head in [
        "<hookData><network><name>default</name><forward mode='nat'>",
        "<hookData><network><name>isolated</name><bridge name='virbr9' stp='on' delay='0'/><mac address='x'/>",
        "<network><name>isolated</name><bridge name='virbr9'/><ip address='192.0.2.1' netmask='255.255.255.0'>",
    ] {
        let mut input = Cursor::new(format!("{head}{garbage}"));
        assert_eq!(read(&mut input).unwrap(), None);
        assert!(input.position() <= 8192, "{}", input.position());
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let start = Instant::now();
    let endless = |unit: &str| BufReader::new(Repeat { unit: unit.into(), at: 0 });
    let long = format!("<a>{}</a><!-- {} -->", "x".repeat(1000), "y".repeat(1000));
    let head = "<network><name>n</name><forward mode='bridge'/><metadata>";
    for (unit, error) in [
        (long.as_str(), "more than 16 MiB"),
        ("<a>", "elements are more than 256 deep"),
        ("x", "a single tag, text or comment of more than 64 KiB"),
        ("<!--", "a single tag, text or comment of more than 64 KiB"),
        ("<a b='", "a single tag, text or comment of more than 64 KiB"),
    ] {
        let found = read(head.as_bytes().chain(endless(unit))).unwrap_err().to_string();
        assert!(found.contains(error), "{unit}: {found}");
    }
    let many: String = (0..9000).map(|i| format!(" a{i}=''")).collect();
    assert!(problem(format!("<network{}/>", many + "a")).contains("64 KiB"));
    assert!(problem(format!("<{}/>", "n".repeat(300))).contains("not the name of an element"));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

/// The same bytes for ever.
struct Repeat {
    unit: Vec<u8>,
    at: usize,
}

impl Read for Repeat {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = self.unit[self.at % self.unit.len()];
            self.at += 1;
        }
        Ok(buffer.len())
    }
}

#[test]
fn an_input_that_fails_is_told_from_one_that_is_wrong() {
    struct Late;
    impl Read for Late {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::TimedOut.into())
        }
    }
    match read("<hookData>".as_bytes().chain(Late)) {
        Err(Error::Unreadable(error)) => assert_eq!(error.kind(), io::ErrorKind::TimedOut),
        other => panic!("{other:?}"),
    }
}
