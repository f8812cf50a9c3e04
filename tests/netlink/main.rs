//! Our route netlink against the kernel, and against an independent reader of its messages.

mod dumps_and_batches;
mod reader;

use std::io::Write;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use virt_bridge::netlink::{Link, Socket, link};

pub const IPV4: u8 = 2;
pub const IPV6: u8 = 10;

const HOST: &str = "\
link set lo up
link add eth0 address 52:54:00:00:00:10 type veth peer name lan
link add eth1 type veth peer name wan
link set lan up
link set wan up
link set eth0 up
link set eth1 up
address add 192.0.2.10/24 broadcast + dev eth0
address add 2001:db8:0:1::10/64 nodad dev eth0
address add 198.51.100.10/24 dev eth1
address add 2001:db8:0:100::10/64 nodad dev eth1
route add default via 192.0.2.1
route add default via 2001:db8:0:1::1
";

/// Puts this test's thread on a host of its own, with everything that `batch` makes.
pub fn host(batch: &str) -> Socket {
    unshare(CloneFlags::CLONE_NEWNET).expect("these tests need root");
    ip(HOST);
    ip(batch);
    Socket::open().unwrap()
}

pub fn ip(batch: &str) {
    let mut ip = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    ip.stdin.take().unwrap().write_all(batch.as_bytes()).unwrap();
    assert!(ip.wait().unwrap().success());
}

pub fn index_of(socket: &mut Socket, name: &str) -> u32 {
    socket.get::<Link>(link::by_name(name)).unwrap().unwrap().index
}

/// The cases of the zoo that can stand beside each other, as `tests/zoo` puts them together.
pub fn zoo() -> String {
    let lonely = ["a prefix route taken away", "a gateway's prefix route", "a prefix shared behind the other NIC's"];
    let cases = include_str!("../zoo/uplink.batch").split("\n## ").skip(1);
    let cases = cases.map(|case| case.split_once('\n').unwrap()).filter(|(name, _)| !lonely.contains(name));
    // The independent reader fails a whole message on the name of a congestion control.
    cases.map(|(_, batch)| batch.replace("congctl cubic", "") + "\n").collect()
}
