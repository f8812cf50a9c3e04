//! Who owns a link, asked while the real programs own it. Needs root and the packages isc-dhcp-client, dhcpcd-base,
//! udhcpc, ifupdown, network-manager and dbus.
//!
//! Each test runs itself again as the first process of network, mount and process namespaces of its own, so nothing of
//! the host is touched and nothing that it starts outlives it.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs, process};
use virt_bridge::owner::{Claim, Link, Owner, claims, verdict};

const INSIDE: &str = "VIRT_BRIDGE_TEST_INSIDE";

/// Runs `body` as a host with the links eth0 and eth1, the process that calls it standing outside.
fn on_a_host_of_its_own(test: &str, body: fn()) {
    if env::var_os(INSIDE).is_some() {
        set_up();
        return body();
    }
    let output = Command::new("timeout")
        .args(["60", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{}\n{out}\n{err}", output.status);
}

fn set_up() {
    for directory in ["/run", "/var/lib/dhcp", "/var/lib/dhcpcd", "/var/lib/NetworkManager"] {
        run(&["mount", "-t", "tmpfs", "none", directory]);
    }
    // What a DHCP client or NetworkManager writes, /etc/resolv.conf above all, is written into the tmpfs.
    for directory in ["/run/etc/written", "/run/etc/work"] {
        fs::create_dir_all(directory).unwrap();
    }
    let layers = "lowerdir=/etc,upperdir=/run/etc/written,workdir=/run/etc/work";
    run(&["mount", "-t", "overlay", "-o", layers, "none", "/etc"]);
    // Read-only, as in a container: networkd and NetworkManager then don't wait for udev.
    run(&["mount", "-t", "sysfs", "-o", "ro", "none", "/sys"]);
    run(&["ip", "link", "set", "lo", "up"]);
    for (near, far) in [("eth0", "far0"), ("eth1", "far1")] {
        run(&["ip", "link", "add", near, "type", "veth", "peer", "name", far]);
        run(&["ip", "link", "set", far, "up"]);
        run(&["ip", "link", "set", near, "up"]);
    }
}

fn run(command: &[&str]) {
    let output = Command::new(command[0]).args(&command[1..]).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn start(command: &[&str]) -> Child {
    let mut child = Command::new(command[0]);
    child.args(&command[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    child.spawn().unwrap()
}

/// Asks the program to end and, since some take their time to release what they have, makes it.
fn stop(mut child: Child) {
    run(&["kill", &child.id().to_string()]);
    let end = Instant::now() + Duration::from_secs(5);
    while child.try_wait().unwrap().is_none() && Instant::now() < end {
        sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    child.wait().unwrap();
}

fn write(path: &str, text: &str) {
    fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn claims_on(name: &str) -> Vec<Claim> {
    let index = fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).unwrap().trim().parse().unwrap();
    claims(Path::new("/"), Link { name, index }).unwrap()
}

fn owners_of(name: &str) -> Vec<Owner> {
    claims_on(name).into_iter().map(|claim| claim.owner).collect()
}

/// Waits until the owners are these, for a program takes its time to start.
#[track_caller]
fn expect(name: &str, expected: &[Owner]) {
    let end = Instant::now() + Duration::from_secs(15);
    while owners_of(name) != expected && Instant::now() < end {
        sleep(Duration::from_millis(50));
    }
    assert_eq!(owners_of(name), expected, "{name}: {:?}", claims_on(name));
}

#[test]
fn nobody_owns_a_link_that_no_program_runs_for() {
    on_a_host_of_its_own("nobody_owns_a_link_that_no_program_runs_for", || expect("eth0", &[]));
}

#[test]
fn dhclient_owns_the_links_it_names_or_all() {
    on_a_host_of_its_own("dhclient_owns_the_links_it_names_or_all", || {
        let named = start(&["dhclient", "-d", "-sf", "/bin/true", "-pf", "/run/a.pid", "eth0"]);
        expect("eth0", &[Owner::Dhclient]);
        expect("eth1", &[]);
        assert_eq!(claims_on("eth0")[0].evidence, format!("process {} (dhclient) runs for eth0", named.id()));
        stop(named);
        expect("eth0", &[]);

        let unnamed = start(&["dhclient", "-d", "-sf", "/bin/true", "-pf", "/run/b.pid"]);
        expect("eth0", &[Owner::Dhclient]);
        expect("eth1", &[Owner::Dhclient]);
        stop(unnamed);
    });
}

#[test]
fn a_client_that_ended_but_was_not_reaped_owns_nothing() {
    on_a_host_of_its_own("a_client_that_ended_but_was_not_reaped_owns_nothing", || {
        let mut client = start(&["dhclient", "-d", "-sf", "/bin/true", "-pf", "/run/a.pid", "eth0"]);
        expect("eth0", &[Owner::Dhclient]);
        client.kill().unwrap();
        expect("eth0", &[]);
        assert_eq!(fs::read_to_string(format!("/proc/{}/comm", client.id())).unwrap(), "dhclient\n");
        client.wait().unwrap();
    });
}

#[test]
fn a_client_in_another_network_namespace_owns_nothing_here() {
    on_a_host_of_its_own("a_client_in_another_network_namespace_owns_nothing_here", || {
        let script = "ip link add eth0 type veth peer name far0 && ip link set far0 up && ip link set eth0 up && \
                      exec dhclient -d -sf /bin/true -pf /run/c.pid eth0";
        let other = start(&["unshare", "--net", "sh", "-c", script]);
        let comm = format!("/proc/{}/comm", other.id());
        while fs::read_to_string(&comm).unwrap() != "dhclient\n" {
            sleep(Duration::from_millis(20));
        }
        expect("eth0", &[]);
        stop(other);
    });
}

#[test]
fn udhcpc_owns_its_link_under_both_names() {
    on_a_host_of_its_own("udhcpc_owns_its_link_under_both_names", || {
        let applet = start(&["udhcpc", "-f", "-s", "/bin/true", "-i", "eth1"]);
        expect("eth1", &[Owner::Udhcpc]);
        // Whoever holds it in the foreground would start it again.
        assert!(!claims_on("eth1")[0].can_move && claims_on("eth1")[0].hint.contains("as ifupdown starts it"));
        expect("eth0", &[]);
        stop(applet);
        let busybox = start(&["busybox", "udhcpc", "-s", "/bin/true"]);
        expect("eth0", &[Owner::Udhcpc]);
        assert!(claims_on("eth0")[0].can_move);
        expect("eth1", &[]);
        stop(busybox);
    });
}

#[test]
fn dhcpcd_for_one_link_is_one_claim_whatever_its_children() {
    on_a_host_of_its_own("dhcpcd_for_one_link_is_one_claim_whatever_its_children", || {
        let client = start(&["dhcpcd", "-B", "-c", "/bin/true", "eth0"]);
        let children = format!("/proc/{0}/task/{0}/children", client.id());
        while fs::read_to_string(&children).unwrap().is_empty() {
            sleep(Duration::from_millis(20));
        }
        expect("eth0", &[Owner::Dhcpcd]);
        expect("eth1", &[]);
        stop(client);
        expect("eth0", &[]);
    });
}

#[test]
fn dhcpcd_for_every_link_owns_those_its_configuration_does_not_deny() {
    on_a_host_of_its_own("dhcpcd_for_every_link_owns_those_its_configuration_does_not_deny", || {
        write("/run/dhcpcd.conf", "duid\ndenyinterfaces eth1 far*\n");
        run(&["mount", "--bind", "/run/dhcpcd.conf", "/etc/dhcpcd.conf"]);
        let client = start(&["dhcpcd", "-B", "-c", "/bin/true"]);
        expect("eth0", &[Owner::Dhcpcd]);
        let title = format!("/proc/{}/cmdline", client.id());
        while !fs::read(&title).unwrap().starts_with(b"dhcpcd: [manager]") {
            sleep(Duration::from_millis(20));
        }
        expect("eth0", &[Owner::Dhcpcd]);
        assert!(
            claims_on("eth0")[0].hint.contains("have `iface eth0 inet dhcp` in /etc/network/interfaces, and no other")
        );
        expect("eth1", &[]);
        stop(client);
    });
}

#[test]
fn ifupdown_only_warns() {
    on_a_host_of_its_own("ifupdown_only_warns", || {
        write("/run/interfaces", "iface eth0 inet static\n address 192.0.2.4/24\n");
        fs::create_dir("/run/network").unwrap();
        run(&["ifup", "-i", "/run/interfaces", "eth0"]);
        expect("eth0", &[Owner::Ifupdown]);
        expect("eth1", &[]);
        let claims = claims_on("eth0");
        assert!(verdict(&claims).refusals.is_empty());
        assert_eq!(verdict(&claims).warnings, [&claims[0]]);
        run(&["ifdown", "-i", "/run/interfaces", "eth0"]);
        expect("eth0", &[]);
    });
}

#[test]
fn networkd_owns_what_it_configures_while_it_runs() {
    on_a_host_of_its_own("networkd_owns_what_it_configures_while_it_runs", || {
        write("/run/systemd/network/10-eth0.network", "[Match]\nName=eth0\n[Network]\nAddress=192.0.2.5/24\n");
        fs::create_dir_all("/run/systemd/netif/links").unwrap();
        fs::create_dir_all("/run/systemd/netif/leases").unwrap();
        run(&["chown", "-R", "systemd-network", "/run/systemd/netif"]);
        let mut networkd = start(&["/lib/systemd/systemd-networkd"]);
        expect("eth0", &[Owner::Networkd]);
        expect("eth1", &[]);
        let claims = claims_on("eth0");
        assert_eq!(verdict(&claims).refusals, [&claims[0]]);
        assert!(claims[0].evidence.ends_with(" by /run/systemd/network/10-eth0.network"), "{claims:?}");

        // Killed, it leaves its files behind.
        networkd.kill().unwrap();
        networkd.wait().unwrap();
        expect("eth0", &[]);
        assert!(fs::read_dir("/run/systemd/netif/links").unwrap().count() > 0);
    });
}

#[test]
fn network_manager_owns_what_it_was_not_told_to_leave_alone() {
    on_a_host_of_its_own("network_manager_owns_what_it_was_not_told_to_leave_alone", || {
        run(&["mount", "-t", "tmpfs", "none", "/etc/NetworkManager"]);
        write(
            "/etc/NetworkManager/NetworkManager.conf",
            "[main]\nplugins=keyfile\nno-auto-default=*\n[keyfile]\nunmanaged-devices=interface-name:eth1\n",
        );
        fs::create_dir("/run/dbus").unwrap();
        run(&["dbus-daemon", "--system", "--fork", "--nopidfile"]);
        let network_manager = start(&["NetworkManager", "--no-daemon"]);
        expect("eth0", &[Owner::NetworkManager]);
        expect("eth1", &[]);
        run(&["nmcli", "--wait", "5", "device", "set", "eth0", "managed", "no"]);
        expect("eth0", &[]);
        run(&["nmcli", "--wait", "5", "device", "set", "eth0", "managed", "yes"]);
        expect("eth0", &[Owner::NetworkManager]);
        expect("eth1", &[]);
        stop(network_manager);
        expect("eth0", &[]);
        assert!(fs::read_dir("/run/NetworkManager/devices").unwrap().count() > 0);
    });
}

#[test]
fn processes_that_come_and_go_while_we_look_are_no_error() {
    on_a_host_of_its_own("processes_that_come_and_go_while_we_look_are_no_error", || {
        fs::copy("/bin/true", "/run/dhclient").unwrap();
        let mut storm = start(&["sh", "-c", "for i in $(seq 1000); do /run/dhclient eth1; done"]);
        let mut looks = 0;
        while storm.try_wait().unwrap().is_none() {
            expect("eth0", &[]);
            looks += 1;
        }
        assert!(looks > 10, "looked {looks} times only");
    });
}

#[test]
fn a_name_of_hostile_bytes_is_no_claim_and_no_error() {
    on_a_host_of_its_own("a_name_of_hostile_bytes_is_no_claim_and_no_error", || {
        fs::copy("/bin/sleep", "/run/dhclient").unwrap();
        let mut odd = Command::new("/run/dhclient").arg0("\u{1b}[2J").args(["60"]).spawn().unwrap();
        while fs::read_to_string(format!("/proc/{}/comm", odd.id())).unwrap() != "dhclient\n" {
            sleep(Duration::from_millis(20));
        }
        expect("eth0", &[]);
        odd.kill().unwrap();
        odd.wait().unwrap();
        assert_eq!(process::id(), 1, "not in a process namespace of our own");
    });
}
