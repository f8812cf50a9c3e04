//! The configuration as a person writes it, read from real files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;

mod interface_rules;

/// A root directory of a test's own, gone with it.
struct Root(PathBuf);

impl Root {
    fn new(test: &str) -> Self {
        let root = std::env::temp_dir().join(format!("virt-bridge-config-{}-{test}", std::process::id()));
        fs::create_dir_all(root.join("etc/virt-bridge.d")).unwrap();
        Root(root)
    }

    fn with(self, file: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.0.join("etc").join(file), text).unwrap();
        self
    }

    fn load(&self) -> Result<Config, String> {
        let root = self.0.to_str().unwrap();
        Config::load(&self.0).map_err(|e| e.to_string().replace(root, ""))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn error_of(test: &str, text: impl AsRef<[u8]>) -> String {
    Root::new(test).with("virt-bridge.toml", text).load().unwrap_err()
}

#[test]
fn no_file_means_the_default() {
    assert_eq!(Config::load(Path::new("/nonexistent")), Ok(Config::default()));
    assert_eq!(Root::new("none").load(), Ok(Config::default()));
    assert_eq!(Root::new("empty").with("virt-bridge.toml", "").load(), Ok(Config::default()));
    let config = Config::default();
    assert_eq!(config.hook.deadline, Duration::from_secs(20));
    assert_eq!((config.bridge("br0").uplink, config.bridge("br0").on_stop), (Uplink::None, OnStop::Keep));
}

#[test]
fn every_key_of_the_design_is_read() {
    let text = r#"
        [bridge.br0]
        uplink = "eth0"
        stp = false
        forward-delay = 0
        vlan-filtering = true
        on-stop = "remove"
        persist = true
        gateway-check = "500ms"
        nf-call-iptables = true
        nf-call-ip6tables = false
        nf-call-arptables = true
        [bridge."br0.1"]
        uplink = "mac:52:54:00:12:34:5F"
        stp = true
        forward-delay = "2s"
        gateway-check = 0
        [bridge.br2]
        uplink = "auto"
        [bridge.br3]
        uplink = "none"
        [hook]
        deadline = "7s"
        [netfilter]
        policy = "on"
        container-bridges = ["docker0", "podman?"]
    "#;
    let config = Root::new("every").with("virt-bridge.toml", text).load().unwrap();
    let br0 = Bridge {
        uplink: Uplink::Name("eth0".into()),
        stp: Some(false),
        forward_delay: Some(Duration::ZERO),
        vlan_filtering: Some(true),
        on_stop: OnStop::Remove,
        persist: true,
        gateway_check: Some(Duration::from_millis(500)),
        nf_call_iptables: Some(true),
        nf_call_ip6tables: Some(false),
        nf_call_arptables: Some(true),
    };
    let second = Bridge {
        uplink: Uplink::PermanentMac([0x52, 0x54, 0, 0x12, 0x34, 0x5f]),
        stp: Some(true),
        forward_delay: Some(Duration::from_secs(2)),
        gateway_check: Some(Duration::ZERO),
        ..Bridge::default()
    };
    assert_eq!(config.bridge("br0"), br0);
    assert_eq!(config.bridge("br0.1"), second);
    assert_eq!(config.bridge("br2").uplink, Uplink::Auto);
    assert_eq!(config.bridge("br3"), Bridge::default());
    assert_eq!(config.hook.deadline, Duration::from_secs(7));
    let container_bridges = Some(["docker0", "podman?"].map(|pattern| pattern.parse().unwrap()).to_vec());
    assert_eq!(config.netfilter, Netfilter { policy: Policy::On, container_bridges });
}

#[test]
fn a_section_about_packet_filters_alone_leaves_the_bridge_to_its_owner() {
    let text = "[bridge.docker0]\nnf-call-arptables = false\n[bridge.cni0]\nnf-call-iptables = true\nstp = false";
    let config = Root::new("owner").with("virt-bridge.toml", text).load().unwrap();
    assert!(!config.bridge("docker0").is_ours());
    assert!(config.bridge("cni0").is_ours());
}

#[test]
fn drop_ins_override_key_by_key_in_byte_order() {
    let config = Root::new("drop-ins")
        .with("virt-bridge.toml", "bridge.br0 = { uplink = \"eth0\", stp = false, on-stop = \"remove\" }")
        .with("virt-bridge.d/9.toml", "[bridge.br0]\nuplink = \"eth9\"")
        .with("virt-bridge.d/10.toml", "[bridge.br0]\nuplink = \"eth10\"\nstp = true")
        .with("virt-bridge.d/a.toml~", "garbage")
        .with("virt-bridge.d/.a.toml.swp", "garbage")
        .with("virt-bridge.d/.a.toml", "garbage")
        .with("virt-bridge.d/a.toml.dpkg-old", "garbage")
        .load()
        .unwrap();
    let bridge = config.bridge("br0");
    assert_eq!((bridge.uplink, bridge.stp), (Uplink::Name("eth9".into()), Some(true)));
    assert_eq!((bridge.on_stop, bridge.vlan_filtering), (OnStop::Remove, None));
}

#[test]
fn an_error_names_file_line_key_and_what_is_allowed() {
    for (name, text, error) in [
        (
            "choice",
            "\n\n[bridge.br0]\non-stop = 'restart'",
            r#":4: bridge.br0.on-stop: "restart" is not known; allowed: "keep", "remove""#,
        ),
        (
            "near",
            "[bridge.br0]\nforward_delay = 0",
            r#":2: bridge.br0.forward_delay: unknown key; did you mean "forward-delay"?"#,
        ),
        (
            "far",
            "[bridge.br0]\nmtu = 0",
            ":2: bridge.br0.mtu: unknown key; allowed: uplink, stp, forward-delay, vlan-filtering, on-stop, persist, gateway-check, nf-call-iptables, nf-call-ip6tables, nf-call-arptables",
        ),
        ("section", "[bridges.br0]\nstp = 0", r#":1: bridges: unknown key; did you mean "bridge"?"#),
        ("type", "[bridge.br0]\nstp = 'yes'", r#":2: bridge.br0.stp: "yes" is not possible; allowed: true, false"#),
        ("array", "[[bridge]]\nname = 'br0'", ":1: bridge: an array is not possible; allowed: a table"),
        ("scalar", "[bridge]\nbr0 = 1.5", ":2: bridge.br0: a float is not possible; allowed: a table"),
        (
            "name",
            "[bridge.'a/b']",
            ":1: bridge.\"a/b\": not possible as the name of a bridge: it contains '/', ':' or '%'",
        ),
        ("dotted", "\n[bridge.'br0.1']\nstp = 1", ":3: bridge.\"br0.1\".stp: 1 is not possible; allowed: true, false"),
        (
            "uplink",
            "bridge.br0.uplink = 'a b'",
            r#":1: bridge.br0.uplink: "a b" is no interface name: it contains white space or a control character; allowed: the name of a link, "mac:" and its permanent MAC address, "auto", "none""#,
        ),
        (
            "mac",
            "bridge.br0.uplink = 'mac:01:54:00:12:34:56'",
            r#":1: bridge.br0.uplink: "mac:01:54:00:12:34:56" is a multicast address, which no device has; allowed: "mac:52:54:00:12:34:56", any such address"#,
        ),
        (
            "time",
            "bridge.br0.gateway-check = '3 seconds'",
            r#":1: bridge.br0.gateway-check: "3 seconds" is no length of time; allowed: whole seconds, or a text such as "3s" or "500ms""#,
        ),
        (
            "negative",
            "bridge.br0.gateway-check = -1",
            r#":1: bridge.br0.gateway-check: -1 is no length of time; allowed: whole seconds, or a text such as "3s" or "500ms""#,
        ),
        (
            "delay",
            "bridge.br0.forward-delay = 31",
            ":1: bridge.br0.forward-delay: 31 is not possible; allowed: 0 to 30s in steps of 10ms",
        ),
        (
            "stp",
            "[bridge.br0]\nforward-delay = '1990ms'\nstp = true",
            ":2: bridge.br0.forward-delay: not possible with stp = true; allowed: 2s to 30s",
        ),
        ("self", "bridge.br0.uplink = 'br0'", ":1: bridge.br0.uplink: a bridge cannot be its own uplink"),
        ("deadline", "[hook]\ndeadline = 0", ":2: hook.deadline: 0 is not possible; allowed: 1s to 300s"),
        (
            "late",
            "hook.deadline = 5\nbridge.br0.gateway-check = 5",
            ":2: bridge.br0.gateway-check: not possible with hook.deadline = 5s; allowed: 0 (off), or less than the deadline",
        ),
        (
            "policy",
            "netfilter.policy = 'docker'",
            r#":1: netfilter.policy: "docker" is not known; allowed: "containers", "off", "on", "leave""#,
        ),
        (
            "pattern",
            "netfilter.container-bridges = ['docker[0']",
            r#":1: netfilter.container-bridges: the pattern "docker[0" has a [ without its ]"#,
        ),
        (
            "patterns",
            "netfilter.container-bridges = ['docker0', 1]",
            r#":1: netfilter.container-bridges: an array is not possible; allowed: an array of names and patterns of bridges, such as ["docker0", "podman[0-9]*"]"#,
        ),
        (
            "escape",
            "bridge.br0.on-stop = \"\\u001b[31m\\n\"",
            r#":1: bridge.br0.on-stop: "\u{1b}[31m\n" is not known; allowed: "keep", "remove""#,
        ),
    ] {
        assert_eq!(error_of(name, text), format!("/etc/virt-bridge.toml{error}"));
    }
}

#[test]
fn an_error_in_toml_itself_names_the_line() {
    for (name, text, line) in [
        ("open", "[bridge.br0]\nuplink = \"eth0\nstp = true", 2),
        ("twice", "[bridge.br0]\nstp = true\n\nstp = false", 4),
        ("noise", "\n\n\u{1}", 3),
        ("unquoted", "bridge.br0.uplink = eth0", 1),
    ] {
        let error = error_of(name, text);
        assert!(error.starts_with(&format!("/etc/virt-bridge.toml:{line}: ")), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn an_error_across_files_names_the_file_that_made_it() {
    let root = Root::new("across")
        .with("virt-bridge.toml", "bridge.br0.uplink = 'eth0'")
        .with("virt-bridge.d/x.toml", "\nbridge.br1.uplink = 'eth0'");
    let error = "/etc/virt-bridge.d/x.toml:2: bridge.br1.uplink: br0 has the same uplink; an uplink can be a port of one bridge only";
    assert_eq!(root.load().unwrap_err(), error);
    let root = root.with("virt-bridge.d/y.toml", "bridge.br1.uplink = 'none'\nbridge.br2.uplink = 'none'");
    assert!(root.load().is_ok());
}

#[test]
fn a_mac_address_is_one_that_a_device_can_have() {
    assert_eq!(permanent_mac("0a:1B:00:00:00:ff"), Ok([10, 27, 0, 0, 0, 255]));
    for bad in
        ["", "52:54:00:12:34", "52:54:00:12:34:56:78", "52-54-00-12-34-56", "5:54:0:12:34:56", "+2:54:00:12:34:56"]
    {
        assert_eq!(permanent_mac(bad), Err("is no MAC address"), "{bad:?}");
    }
    assert!(permanent_mac("00:00:00:00:00:00").is_err());
    assert!(permanent_mac("ff:ff:ff:ff:ff:ff").is_err());
}

#[test]
fn a_file_that_is_no_configuration_is_one_clear_line() {
    assert_eq!(error_of("huge", vec![b'#'; (1 << 20) + 1]), "/etc/virt-bridge.toml: larger than 1 MiB");
    assert!(Root::new("largest").with("virt-bridge.toml", vec![b'#'; 1 << 20]).load().is_ok());
    assert_eq!(error_of("latin1", b"# ok\n# \xe4"), "/etc/virt-bridge.toml:2: not UTF-8 text");

    let root = Root::new("special");
    let file = root.0.join("etc/virt-bridge.toml");
    fs::create_dir(&file).unwrap();
    assert_eq!(root.load().unwrap_err(), "/etc/virt-bridge.toml: not a regular file");
    fs::remove_dir(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(root.load().unwrap_err(), "/etc/virt-bridge.toml: not a regular file");
    fs::remove_file(&file).unwrap();
    symlink("nowhere", &file).unwrap();
    assert_eq!(root.load().unwrap_err(), "/etc/virt-bridge.toml: cannot read the configuration: entity not found");
    fs::remove_file(&file).unwrap();
    fs::remove_dir(root.0.join("etc/virt-bridge.d")).unwrap();
    fs::write(root.0.join("etc/virt-bridge.d"), "").unwrap();
    assert_eq!(root.load().unwrap_err(), "/etc/virt-bridge.d: cannot list the directory: not a directory");
}

#[test]
fn a_full_file_of_bridges_takes_no_quadratic_time() {
    let time = |bridges| {
        let text: String = (0..bridges).map(|i| format!("[bridge.b{i}]\nuplink = \"e{i}\"\n")).collect();
        let root = Root::new("many").with("virt-bridge.toml", text);
        let start = Instant::now();
        assert_eq!(root.load().unwrap().bridges.len(), bridges);
        start.elapsed()
    };
    let (few, many) = (time(1_000), time(20_000));
    // Twenty times as much by straight reading, four hundred times by what a square of them takes.
    assert!(many < few * 100, "{few:?} and {many:?}");
}

#[test]
fn lazy_reads_at_the_first_question_and_again_after_an_error() {
    let root = Root::new("lazy");
    let lazy = Lazy::at(&root.0);
    let root = root.with("virt-bridge.toml", "broken");
    assert!(lazy.get().is_err());
    let root = root.with("virt-bridge.toml", "hook.deadline = 9");
    assert_eq!(lazy.get().unwrap().hook.deadline, Duration::from_secs(9));
    let _root = root.with("virt-bridge.toml", "broken");
    assert!(lazy.get().is_ok());
}

#[test]
fn forwarding_is_turned_on_or_left_and_nothing_else() {
    let host = |text: &str| Root::new("host").with("virt-bridge.toml", text).load().map(|config| config.host);
    assert_eq!(host(""), Ok(Host { ip_forward: Forwarding::Leave, ip6_forward: Forwarding::Leave }));
    let both = host("[host]\nip-forward = \"leave\"\nip6-forward = true");
    assert_eq!(both, Ok(Host { ip_forward: Forwarding::Leave, ip6_forward: Forwarding::On }));
    let allowed = "is not possible; allowed: \"leave\", true";
    for (text, said) in [
        ("[host]\n\nip-forward = 1", format!("/etc/virt-bridge.toml:3: host.ip-forward: 1 {allowed}")),
        (
            "host.ip6-forward = false",
            format!(
                "/etc/virt-bridge.toml:1: host.ip6-forward: false {allowed}; to forward nothing, set the sysctl in \
                 /etc/sysctl.d"
            ),
        ),
        (
            "[host]\nip-forward = \"on\"",
            "/etc/virt-bridge.toml:2: host.ip-forward: \"on\" is not known; allowed: \"leave\", true".into(),
        ),
        (
            "[host]\nip_forward = true",
            "/etc/virt-bridge.toml:2: host.ip_forward: unknown key; did you mean \"ip-forward\"?".into(),
        ),
    ] {
        assert_eq!(host(text), Err(said));
    }
}
