//! The kernel's own minimum for a takeover: sends the route messages of a recorded one again, with nothing around them.
//!
//! A recording is what `strace -yy -e trace=sendmsg,sendto -e write=all` writes. It holds interface indexes, so it fits
//! only a host that was set up in the same order as the recorded one.
#![deny(unsafe_code)]

use std::{
    fs, io,
    os::fd::{AsRawFd, OwnedFd},
    process::ExitCode,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket,
        sockopt,
    },
};

const NLMSG_ERROR: u16 = 2;

fn main() -> ExitCode {
    let Some(recording) = std::env::args().nth(1) else {
        eprintln!("usage: replay RECORDING");
        return ExitCode::FAILURE;
    };
    match fs::read_to_string(recording).and_then(|text| replay(&changes(&text))) {
        Ok(Outcome { time, messages, refused }) => {
            println!(
                "{}",
                serde_json::json!({ "ms": time.as_secs_f64() * 1e3, "messages": messages, "refused": refused })
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("replay: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Outcome {
    time: Duration,
    messages: usize,
    /// Messages that the kernel answered with an error.
    refused: usize,
}

fn replay(batches: &[Vec<u8>]) -> io::Result<Outcome> {
    let route = open()?;
    let start = Instant::now();
    let mut refused = 0;
    for batch in batches {
        send(route.as_raw_fd(), batch, MsgFlags::empty())?;
        refused += refusals(&route)?;
    }
    let time = start.elapsed();
    Ok(Outcome { time, messages: batches.iter().map(|batch| messages(batch).count()).sum(), refused })
}

fn open() -> io::Result<OwnedFd> {
    let route = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    // Room for the acks of a whole batch.
    setsockopt(&route, sockopt::RcvBufForce, &(256 << 20))?;
    setsockopt(&route, sockopt::SndBufForce, &(64 << 20))?;
    bind(route.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    Ok(route)
}

/// Reads the answers that are there, and counts the errors among them; the kernel answers before send(2) returns.
fn refusals(route: &OwnedFd) -> io::Result<usize> {
    let mut buffer = vec![0; 1 << 16];
    let mut refused = 0;
    loop {
        match recv(route.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => refused += messages(&buffer[..length]).filter(|message| is_refusal(message)).count(),
            Err(Errno::EAGAIN) => return Ok(refused),
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_refusal(message: &[u8]) -> bool {
    kind(message) == NLMSG_ERROR && message.get(16..20).is_some_and(|code| code != [0; 4])
}

fn kind(message: &[u8]) -> u16 {
    u16::from_ne_bytes([message[4], message[5]])
}

/// The netlink messages in a buffer; a broken length ends them.
fn messages(mut buffer: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(buffer.get(..4)?.try_into().ok()?) as usize;
        let message = buffer.get(..length).filter(|message| message.len() >= 16)?;
        buffer = buffer.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// The recorded batches without the questions in them.
fn changes(recording: &str) -> Vec<Vec<u8>> {
    let batches = sent(recording);
    // RTM_GETxxx are 2 modulo 4, by the layout of linux/rtnetlink.h.
    let change = |message: &&[u8]| kind(message) >= 16 && kind(message) % 4 != 2;
    let changes = batches.iter().map(|batch| messages(batch).filter(change).flat_map(padded).collect::<Vec<u8>>());
    changes.filter(|batch| !batch.is_empty()).collect()
}

fn padded(message: &[u8]) -> impl Iterator<Item = u8> {
    let padding = message.len().next_multiple_of(4) - message.len();
    message.iter().copied().chain(std::iter::repeat_n(0, padding))
}

/// What went to route sockets, one buffer a call, from the hex dumps of a recording.
fn sent(recording: &str) -> Vec<Vec<u8>> {
    let mut calls: Vec<Vec<u8>> = Vec::new();
    let mut of_route = false;
    for line in recording.lines() {
        if let Some(dump) = line.strip_prefix(" | ") {
            if of_route {
                calls.last_mut().into_iter().for_each(|call| call.extend(bytes(dump)));
            }
        } else if !line.starts_with(" * ") {
            of_route = line.contains("<NETLINK:[");
            calls.push(Vec::new());
        }
    }
    calls
}

/// The bytes of one line such as ` 00010  20 00 00 00 12 00 01 03  …  text |`.
fn bytes(dump: &str) -> impl Iterator<Item = u8> {
    let columns = dump.split_once("  ").map_or("", |(_, columns)| columns);
    columns.get(..49).unwrap_or(columns).split_whitespace().map_while(|byte| u8::from_str_radix(byte, 16).ok())
}
