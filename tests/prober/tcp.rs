//! A TCP connection that carries a few bytes each millisecond in both directions.

use std::{
    io::{self, ErrorKind::WouldBlock, Read, Write},
    net::{IpAddr, Shutdown, TcpListener, TcpStream},
    os::fd::AsFd,
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::{
    clock::{Pauses, Ticker, wall_ns},
    namespace, processor,
    udp::errno_name,
};

const PIECE: [u8; 64] = [0; 64];
const INTERVAL: Duration = Duration::from_millis(1);
/// Long enough for a retransmission or two after the last write.
const LINGER: Duration = Duration::from_millis(500);

/// One direction of a connection.
pub struct Stream<'a> {
    pub name: String,
    pub writer: &'a TcpStream,
    pub reader: &'a TcpStream,
}

/// What the writing side of a stream says.
#[derive(Default)]
pub struct Written {
    pub bytes: u64,
    pub error: Option<String>,
}

/// What the reading side of a stream says.
#[derive(Default)]
pub struct Received {
    pub bytes: u64,
    pub times_ns: Vec<u64>,
    /// Why the stream ended, if not by its proper end.
    pub error: Option<String>,
    ended: bool,
}

/// A connection from outside to a service inside: its end inside, its end outside.
pub fn connect(inside: &Path, address: IpAddr, outside: &Path) -> io::Result<(TcpStream, TcpStream)> {
    let listener = namespace::inside(inside, || TcpListener::bind((address, 0)))?;
    let service = listener.local_addr()?;
    let client = namespace::inside(outside, || TcpStream::connect_timeout(&service, Duration::from_secs(3)))?;
    let (server, _) = listener.accept()?;
    for end in [&server, &client] {
        end.set_nodelay(true)?;
        end.set_nonblocking(true)?;
    }
    Ok((server, client))
}

/// Writes a piece to each stream every millisecond until `stop`, then ends them.
pub fn write(streams: &[Stream], stop: &AtomicBool) -> io::Result<(Vec<Written>, Pauses)> {
    let mut ticker = Ticker::every(INTERVAL)?;
    let mut written: Vec<Written> = streams.iter().map(|_| Written::default()).collect();
    while !stop.load(Relaxed) {
        ticker.wait();
        for (stream, written) in streams.iter().zip(&mut written).filter(|(_, written)| written.error.is_none()) {
            let mut writer = stream.writer;
            match writer.write(&PIECE) {
                Ok(bytes) => written.bytes += bytes as u64,
                Err(error) if error.kind() == WouldBlock => {}
                Err(error) => written.error = Some(errno_name(&error)),
            }
        }
    }
    for stream in streams {
        // A connection that broke cannot be ended; its error is known already.
        let _ = stream.writer.shutdown(Shutdown::Write);
    }
    Ok((written, ticker.pauses()))
}

/// Reads every stream to its end, or until `LINGER` after `stop`.
pub fn read(streams: &[Stream], stop: &AtomicBool) -> io::Result<Vec<Received>> {
    processor::take()?;
    let mut received: Vec<Received> = streams.iter().map(|_| Received::default()).collect();
    let mut stopped = None;
    while !received.iter().all(|received| received.ended) {
        if stop.load(Relaxed) && stopped.get_or_insert_with(Instant::now).elapsed() > LINGER {
            break;
        }
        wait_readable(streams, &received)?;
        for (stream, received) in streams.iter().zip(&mut received).filter(|(_, received)| !received.ended) {
            take(stream, received);
        }
    }
    for received in received.iter_mut().filter(|received| !received.ended) {
        received.error = Some(format!("not at its end after {LINGER:?}"));
    }
    Ok(received)
}

fn wait_readable(streams: &[Stream], received: &[Received]) -> io::Result<()> {
    let open = streams.iter().zip(received).filter(|(_, received)| !received.ended);
    let mut waiting: Vec<PollFd> =
        open.map(|(stream, _)| PollFd::new(stream.reader.as_fd(), PollFlags::POLLIN)).collect();
    poll(&mut waiting, PollTimeout::from(100u8))?;
    Ok(())
}

fn take(stream: &Stream, received: &mut Received) {
    let mut buffer = [0; 4096];
    let mut reader = stream.reader;
    match reader.read(&mut buffer) {
        Ok(0) => received.ended = true,
        Ok(bytes) => {
            received.bytes += bytes as u64;
            received.times_ns.push(wall_ns());
        }
        Err(error) if error.kind() == WouldBlock => {}
        Err(error) => {
            received.error = Some(errno_name(&error));
            received.ended = true;
        }
    }
}
