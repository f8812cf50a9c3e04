//! What is no well-formed XML of a domain is an error with its place, and comes out of nothing.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use virt_bridge::config::{Destination, InterfaceRule};
use virt_bridge::libvirt::domain;

fn rules() -> Vec<InterfaceRule> {
    vec![InterfaceRule { to: Destination::Bridge("br0".into()), ..InterfaceRule::default() }]
}

fn error(xml: &[u8]) -> String {
    match domain::patch(xml, &rules()) {
        Err(error) => error.to_string(),
        Ok(patched) => panic!("{}: {patched:?}", String::from_utf8_lossy(xml)),
    }
}

/// Whether libxml2 takes it for well-formed.
fn libxml2_reads(xml: &[u8]) -> bool {
    let mut xmllint = Command::new("xmllint");
    xmllint.args(["--noout", "--nonet", "-"]).stdin(Stdio::piped()).stderr(Stdio::null());
    let mut xmllint = xmllint.spawn().unwrap();
    xmllint.stdin.take().unwrap().write_all(xml).unwrap();
    xmllint.wait().unwrap().success()
}

#[test]
fn what_libxml2_refuses_is_refused_with_its_line_and_column() {
    for (xml, expected) in [
        ("", "1:1: there is no element in it"),
        (" \n", "2:1: there is no element in it"),
        ("<!-- x -->", "1:11: there is no element in it"),
        ("\n<domain>\n é<devices></domain>", "3:12: "),
        ("<domain>", "1:9: it ends inside of an element"),
        ("<domain/>\n<domain/>", "2:1: a second root element"),
        ("<domain/> x", "1:11: text outside of the root element"),
        ("x<domain/>", "1:1: text outside of the root element"),
        ("&amp;<domain/>", "1:1: text outside of the root element"),
        ("<![CDATA[x]]><domain/>", "1:1: text outside of the root element"),
        ("<domain></x></domain>", "1:9: "),
        ("</domain>", "1:1: "),
        ("<domain", "1:"),
        ("<domain>&x;</domain>", "1:9: a reference to an unknown entity"),
        ("<domain>a & b</domain>", "1:"),
        ("<domain>&#0;</domain>", "1:9: & without a reference"),
        ("<domain>&#xD800;</domain>", "1:9: & without a reference"),
        ("<domain>&#+65;</domain>", "1:9: & without a reference"),
        ("<domain>]]></domain>", "1:9: ]]> in a text"),
        ("<domain a='&x;'/>", "1:12: a reference to an unknown entity"),
        ("<domain a='&'/>", "1:12: & without a reference"),
        ("<domain a='&amp'/>", "1:12: & without a reference"),
        ("<domain a='<'/>", "1:12: < in the value of the attribute a"),
        ("<domain a=b/>", "1:9: the attribute a has no value in quotes"),
        ("<domain a/>", "1:9: the attribute a has no value in quotes"),
        ("<domain a=''b=''/>", "1:13: not an attribute"),
        ("<domain a='' b='' a=''/>", "1:1: the attribute a is given twice"),
        ("<domain a='' b='' c='' d='' e='' f='' g='' h='' i='' e=''/>", "1:1: the attribute e is given twice"),
        ("<domain ='x'/>", "1:9: not an attribute"),
        ("<1domain/>", "1:1: not the name of an element"),
        ("< domain/>", "1:1: not the name of an element"),
        ("<domain><!-- a -- b --></domain>", "1:"),
        ("<domain><!-- a ---></domain>", "1:"),
        ("<domain><?xml version='1.0'?></domain>", "1:9: an XML declaration that is not at the start"),
        (" <?xml version='1.0'?><domain/>", "1:2: an XML declaration that is not at the start"),
        ("<domain><? x?></domain>", "1:9: not a processing instruction"),
        ("<domain><?XML x?></domain>", "1:9: not a processing instruction"),
        ("<?xml encoding='UTF-8'?><domain/>", "1:1: an XML declaration without a version"),
        ("<?xml version='1.0' standalone='maybe'?><domain/>", "1:1: an XML declaration that is not well-formed"),
        ("<?xml version='1.0'>?><domain/>", "1:1: an XML declaration that is not well-formed"),
        ("<!doctype domain><domain/>", "1:1: not the name of an element"),
        ("<domain><a / ></a></domain>", "1:12: not an attribute"),
        ("<domain/><!DOCTYPE domain>", "1:10: a document type declaration that is not before the root element"),
        ("<domain>\u{1}</domain>", "1:9: a character that XML does not allow"),
        ("<domain>é\u{ffff}</domain>", "1:10: a character that XML does not allow"),
        ("\u{feff}<domain>&</domain>", "1:9: "),
        ("\u{feff}\u{feff}<domain/>", "1:1: a second byte order mark"),
    ] {
        assert!(!libxml2_reads(xml.as_bytes()), "libxml2 reads {xml:?}");
        let found = error(xml.as_bytes());
        assert!(found.starts_with(expected), "{xml:?}: {found}");
        assert!(found.len() > expected.len() || !expected.ends_with(": "), "{xml:?}: {found}");
    }
    assert_eq!(error(b"<domain>\n\xe4</domain>"), "2:1: not UTF-8 text");
}

#[test]
fn what_libxml2_reads_and_this_does_not_is_refused_with_the_reason() {
    for (xml, expected) in [
        ("<network/>", "1:1: the root element is <network>, not that of a domain"),
        ("<domain xmlns='urn:x'/>", "1:1: the root element is <domain>, not that of a domain"),
        ("<d:domain xmlns:d='urn:x'/>", "1:1: the root element is <d:domain>, not that of a domain"),
        (
            "<?xml version='1.0' encoding='ISO-8859-1'?><domain/>",
            "1:1: the encoding ISO-8859-1 is not possible; allowed: UTF-8",
        ),
        (
            "<!DOCTYPE domain [<!ENTITY t 'x'><!ATTLIST interface type CDATA 'network'>]><domain/>",
            "1:34: a document type that declares attributes is not supported",
        ),
        (
            "<!DOCTYPE domain [<!ENTITY t 'network'>]><domain><devices>\n<interface type='&t;'/></devices></domain>",
            "2:18: the value of the attribute type has an entity of the document type, which is not read",
        ),
        (
            "<!DOCTYPE domain [<!ENTITY n 'x'>]><domain><name>a&n;</name></domain>",
            "1:51: an entity of the document type, which is not read",
        ),
    ] {
        assert!(libxml2_reads(xml.as_bytes()), "{xml:?}");
        assert_eq!(error(xml.as_bytes()), expected, "{xml:?}");
    }
    let utf16: Vec<u8> = "\u{feff}<domain/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(libxml2_reads(&utf16));
    assert_eq!(error(&utf16), "1:1: not UTF-8 text");
}

#[test]
fn an_input_cut_anywhere_is_an_error() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/domain/cases");
    for name in ["odd-bytes", "macvtap", "metadata", "first-match"] {
        let xml = std::fs::read(case.join(name).join("input.xml")).unwrap();
        let last = xml.windows(2).rposition(|pair| pair == b"</").unwrap();
        let end = last + xml[last..].iter().position(|&byte| byte == b'>').unwrap();
        for cut in 0..=end {
            error(&xml[..cut]);
        }
        assert!(domain::patch(&xml[..=end], &rules()).is_ok(), "{name}");
    }
}

#[test]
fn more_than_16_mib_are_refused_and_16_mib_are_not() {
    let of = |length: usize| format!("<domain>{}</domain>", " ".repeat(length - "<domain></domain>".len()));
    assert!(domain::patch(of(domain::LARGEST).as_bytes(), &rules()).is_ok());
    assert_eq!(error(of(domain::LARGEST + 1).as_bytes()), "1:16777217: more than 16 MiB");
}
