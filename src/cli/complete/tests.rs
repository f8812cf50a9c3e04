use super::*;

fn names() -> Names {
    let named = |words: &[&str]| words.iter().map(|word| ((*word).to_owned(), String::new())).collect();
    Names {
        bridges: named(&["br0", "br1"]),
        nics: named(&["eth0", "auto"]),
        domains: named(&["web", "web 2"]),
        networks: named(&["lan"]),
    }
}

/// The candidates for the last word.
fn after(words: &str) -> Vec<String> {
    let mut before: Vec<String> = words.split(' ').map(str::to_owned).collect();
    let current = before.pop().unwrap();
    match candidates(&crate::cli::command(), &before, &current, &names()) {
        Answer::These(candidates) => candidates.into_iter().map(|(word, _)| word).collect(),
        Answer::File => vec!["a file".into()],
    }
}

#[test]
fn what_may_come_next_is_offered() {
    for (words, expected) in [
        ("u", &["up", "undo"][..]),
        ("gua", &[]),
        ("up ", &["br0", "br1"]),
        ("up br", &["br0", "br1"]),
        ("up br0 ", &[]),
        ("up br0 --uplink ", &["eth0", "auto"]),
        ("up br0 --uplink e", &["eth0"]),
        ("up br0 --uplink=e", &["--uplink=eth0"]),
        ("up br0 --uplink = e", &["eth0"]),
        ("up br0 --uplink eth0 --net", &["--network"]),
        ("up --uplink eth0 --network lan ", &["br0", "br1"]),
        ("up br0 --network ", &["lan"]),
        ("why w", &["web", "web 2"]),
        ("domain l", &["list"]),
        ("domain list ", &["web", "web 2"]),
        ("domain list web ", &["web", "web 2"]),
        ("domain patch --rules ", &["a file"]),
        ("check tap-", &["tap-fallen", "tap-mtu"]),
        ("check tap-mtu tap-f", &["tap-fallen"]),
        ("completions ", &["bash", "zsh", "fish"]),
        ("no-such-verb --x ", &[]),
    ] {
        let offered: Vec<String> = after(words).into_iter().filter(|word| word != "help").collect();
        assert_eq!(offered, expected, "after {words:?}");
    }
    assert!(after("status --").contains(&"--json".to_owned()));
    assert!(!after("").contains(&"guard".to_owned()) && after("").contains(&"why".to_owned()));
}

#[test]
fn the_names_are_those_of_the_host() {
    let root = std::env::temp_dir().join(format!("virt-bridge-complete-{}", std::process::id()));
    for (file, text) in [
        ("sys/class/net/br0/bridge/stp_state", ""),
        ("sys/class/net/eth0/address", ""),
        ("sys/class/net/vnet0/tun_flags", ""),
        ("sys/class/net/lo/address", ""),
        ("etc/virt-bridge.toml", "[bridge.br7]\n[bridge.br0]\n"),
        ("etc/libvirt/qemu/web.xml", "<domain/>"),
        ("run/libvirt/qemu/new.xml", "<domstatus/>"),
        ("etc/libvirt/qemu/networks/lan.xml", "<network/>"),
    ] {
        std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        std::fs::write(root.join(file), text).unwrap();
    }
    let names = Names::under(&root);
    let words = |what: &str| names.of(what).map(|(word, _)| word).collect::<Vec<_>>();
    assert_eq!(words("BRIDGE"), ["br0", "br7"]);
    assert_eq!(words("NIC"), ["eth0", "auto", "none"]);
    assert_eq!(words("DOMAIN"), ["new", "web"]);
    assert_eq!(words("NETWORK"), ["lan"]);
    std::fs::remove_dir_all(&root).unwrap();
}
