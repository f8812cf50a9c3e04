//! The file that is installed as /etc/virt-bridge.toml says nothing, and shows every option with its default.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use super::*;
use crate::{bridge, netfilter::policy};

const SHIPPED: &str = include_str!("../../packaging/virt-bridge.toml");
/// virt-bridge.toml(5).
const PAGE: &str = include_str!("../../packaging/man/virt-bridge.toml.5");

/// What the file says when every option in it is given: prose has a space after its `#`.
fn uncommented() -> String {
    let given = |line: &str| match line.strip_prefix('#') {
        Some(option) if !option.starts_with(' ') => option.to_owned(),
        _ => line.to_owned(),
    };
    SHIPPED.lines().map(|line| given(line) + "\n").collect()
}

fn load(test: &str, text: &str) -> Result<Config, String> {
    let root = std::env::temp_dir().join(format!("virt-bridge-shipped-{}-{test}", std::process::id()));
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/virt-bridge.toml"), text).unwrap();
    let config = Config::load(&root).map_err(|error| error.to_string());
    fs::remove_dir_all(root).unwrap();
    config
}

#[test]
fn the_shipped_file_says_nothing() {
    assert_eq!(load("as-it-is", SHIPPED), Ok(Config::default()));
}

#[test]
fn every_option_of_the_shipped_file_is_shown_with_its_default() {
    let config = load("uncommented", &uncommented()).unwrap();
    let untold = Config::default();
    assert_eq!((config.hook, config.host), (untold.hook, untold.host));
    assert_eq!(config.netfilter.policy, untold.netfilter.policy);
    assert_eq!(config.netfilter.container_bridges, Some(Netfilter::known_container_bridges()));
    assert!(config.interfaces.iter().all(|rule| rule.to == Destination::Keep && !rule.live));
    let filtered = |config: &Config| policy::for_bridge(config, "br0", |_| false).calls;
    assert_eq!(filtered(&config), filtered(&untold));

    let shown = Bridge {
        // What a new bridge gets where nothing is told.
        stp: Some(false),
        forward_delay: Some(Duration::ZERO),
        vlan_filtering: Some(false),
        gateway_check: Some(bridge::GATEWAY_CHECK),
        nf_call_iptables: Some(false),
        nf_call_ip6tables: Some(false),
        nf_call_arptables: Some(false),
        ..Bridge::default()
    };
    assert_eq!(config.bridges, BTreeMap::from([("br0".to_owned(), shown)]));
}

#[test]
fn the_shipped_file_and_the_manual_page_show_every_option_that_there_is() {
    let uncommented = uncommented();
    let bold = PAGE.lines().filter(|line| line.starts_with(".B"));
    let words: BTreeSet<String> =
        bold.flat_map(|line| line.split([' ', ','])).map(|word| word.replace("\\-", "-")).collect();
    for section in ["[bridge.br0]", "[hook]", "[host]", "[netfilter]", "[[interface]]"] {
        let error = load("unknown", &format!("{section}\nqqqqqqqqqqqq = 1")).unwrap_err();
        let (_, keys) = error.split_once("allowed: ").unwrap();
        for key in keys.split(", ") {
            assert!(uncommented.lines().any(|line| line.starts_with(&format!("{key} = "))), "{section} {key}");
            assert!(words.contains(key), "the manual page lacks {section} {key}");
        }
    }
    let error = load("section", "qqqqqqqqqqqq = 1").unwrap_err();
    let (_, sections) = error.split_once("allowed: ").unwrap();
    for section in sections.split(", ") {
        let begins = |line: &str| line.trim_start_matches('[').starts_with(section) && line.starts_with('[');
        assert!(uncommented.lines().any(begins), "{section}");
        assert!(PAGE.lines().any(|line| line.starts_with(".SH") && line.contains(&format!("[{section}"))), "{section}");
    }
}
