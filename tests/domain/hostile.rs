//! Inputs that are made to cost time or memory.

use std::process::Command;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use virt_bridge::config::{Destination, InterfaceMatch, InterfaceRule, MetadataMatch};
use virt_bridge::libvirt::domain;

use crate::programs::program;

/// Rules that look at everything.
fn rules() -> Vec<InterfaceRule> {
    let glob = || Some("*a*b".parse().unwrap());
    let from = InterfaceMatch { network: glob(), ..InterfaceMatch::default() };
    let metadata = Some(MetadataMatch { namespace: "*".parse().unwrap(), value: glob() });
    let to = || Destination::Network { network: "lan".into(), portgroup: None };
    vec![
        InterfaceRule { domain: glob(), title: glob(), metadata, from, to: to(), ..InterfaceRule::default() },
        InterfaceRule { to: to(), ..InterfaceRule::default() },
    ]
}

/// An input of so many parts.
type Input = fn(usize) -> String;

fn inputs() -> Vec<(&'static str, Input)> {
    vec![
        ("levels", |n| format!("<domain>{}{}</domain>", "<a>".repeat(n), "</a>".repeat(n))),
        ("attributes", |n| format!("<domain{}/>", (0..n).map(|i| format!(" a{i}=''")).collect::<String>())),
        ("attributes of a source", |n| {
            let attributes: String = (0..n).map(|i| format!(" a{i}=''")).collect();
            format!("<domain><devices><interface><source{attributes}/></interface></devices></domain>")
        }),
        ("open references", |n| format!("<domain a='{}'/>", "&amp".repeat(n))),
        ("references", |n| {
            let name = "&amp;&#x61;".repeat(n);
            format!("<domain><name>{name}</name><devices><interface type='{name}'/></devices></domain>")
        }),
        ("entities of entities", |n| {
            let entities: String = (1..n).map(|i| format!("<!ENTITY e{i} '&e{};&e{};'>", i - 1, i - 1)).collect();
            format!("<!DOCTYPE domain [<!ENTITY e0 'x'>{entities}]><domain><a b='&e{};'/></domain>", n - 1)
        }),
        ("interfaces", |n| {
            let interface = "\n<interface type='network'><source network='default'/></interface>";
            format!("<domain><devices>{}</devices></domain>", interface.repeat(n / 8))
        }),
        ("parts of an interface", |n| {
            format!("<domain><devices><interface>{}</interface></devices></domain>", "\n <ip/>".repeat(n / 4))
        }),
        ("domains", |n| format!("<domstatus>{}</domstatus>", "<domain/>".repeat(n / 4))),
        ("empty elements", |n| format!("<domain>{}</domain>", "<a/>".repeat(n))),
        ("metadata", |n| format!("<domain><metadata>{}</metadata></domain>", "<a b='abab'>ab</a>".repeat(n))),
        ("spaces", |n| format!("<domain><devices><interface>{}<ip/></interface></devices></domain>", " ".repeat(n))),
        ("lines", |n| {
            let ip = format!("{}<ip/>", "\n".repeat(100));
            format!("<domain><devices><interface>{}</interface></devices></domain>", ip.repeat(n / 100))
        }),
        ("a comment", |n| format!("<domain><!--{}--></domain>", "- ".repeat(n))),
        ("brackets", |n| format!("<domain><![CDATA[{}]]></domain>", "]".repeat(n))),
        ("open tags", |n| format!("<domain>{}", "<".repeat(n))),
        ("open quotes", |n| format!("<domain a='{}", "\"'".repeat(n))),
    ]
}

/// The processor time of a call; the shortest of three.
fn time_of(xml: &str) -> Duration {
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let once = |_| {
        let start = now();
        let _ = domain::patch(xml.as_bytes(), &rules());
        now() - start
    };
    (0..3).map(once).min().unwrap()
}

#[test]
fn sixteen_times_the_input_takes_no_256_times_the_time() {
    for (name, input) in inputs() {
        let (few, many) = (time_of(&input(6_250)), time_of(&input(100_000)));
        // Linear is 16 and quadratic 256; below a millisecond the clock tells little.
        let ratio = many.as_secs_f64() / few.as_secs_f64().max(0.001);
        assert!(ratio < 64.0, "{name}: {few:?} and {many:?}");
    }
}

#[test]
fn the_largest_inputs_take_bounded_memory() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile.xml");
    for (name, input) in inputs() {
        let mut parts = 100_000;
        while input(parts * 2).len() < domain::LARGEST {
            parts *= 2;
        }
        std::fs::write(&file, input(parts)).unwrap();
        let command = format!("ulimit -v 524288; exec {} domain patch --to-bridge br0", program("virt-bridge"));
        let output =
            Command::new("bash").args(["-c", &command]).stdin(std::fs::File::open(&file).unwrap()).output().unwrap();
        // 1 is a refusal in words; running out of memory is an abort.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{name}: {output:?}");
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn elements_as_deep_as_libxml2_reads_them_are_read_and_deeper_ones_refused() {
    let of = |levels: usize| format!("{}{}", "<domain>".repeat(levels), "</domain>".repeat(levels));
    assert!(domain::patch(of(256).as_bytes(), &[]).is_ok());
    let error = domain::patch(of(257).as_bytes(), &[]).unwrap_err();
    assert_eq!(error.to_string(), "1:2049: elements are more than 256 deep");
}
