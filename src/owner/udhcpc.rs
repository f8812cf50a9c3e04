//! udhcpc, the DHCP client of BusyBox.

mod command_line;
mod hand_over;

use super::process::{Process, base_name};
use super::{Claim, Error, Host, Link, Owner, lease_claim};
use command_line::CommandLine;

pub use hand_over::{can_move, go_on, pass_over_first_word};

pub const COMM: &str = "udhcpc";
pub const COMM_V6: &str = "udhcpc6";
pub const BUSYBOX: &str = "busybox";

pub fn claims(host: &Host, link: Link) -> Result<Vec<Claim>, Error> {
    let clients = host.processes.iter().filter(|process| {
        command_line(process).is_some_and(|command_line| command_line.link_name() == link.name.as_bytes())
    });
    let claim = |process: &Process| match lease_claim(Owner::Udhcpc, link, process, link.name) {
        claim if can_move(process, link.name) => claim.movable(link),
        claim => claim,
    };
    Ok(clients.map(claim).collect())
}

/// The command line, if the process is udhcpc.
fn command_line(process: &Process) -> Option<CommandLine> {
    let at = match process.comm.as_str() {
        COMM | COMM_V6 => 0,
        BUSYBOX => process.args.iter().take(2).position(|arg| is_udhcpc(base_name(arg)))?,
        _ => return None,
    };
    Some(CommandLine::parse(&process.args, at))
}

fn is_udhcpc(name: &[u8]) -> bool {
    name == COMM.as_bytes() || name == COMM_V6.as_bytes()
}
