//! `virt-bridge status`: the host's bridges as they are, and whether it forwards.

use std::fs;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::exit::Failure;
use crate::forwarding;
use crate::netlink::Socket;
use crate::owner::edit;
use crate::picture::{self, Bridge, Earlier, Paint};
use crate::printable::Printable;

#[derive(clap::Args, Default)]
pub struct Arguments {
    /// Only this bridge [default: all]
    #[arg(value_parser = super::link_name)]
    bridge: Option<String>,
    /// Print as JSON; keys may be added, but none is taken away or changes its meaning
    #[arg(long)]
    json: bool,
    /// Draw it into this file, as SVG; `-` is standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "watch"])]
    svg: Option<PathBuf>,
    /// Look again every so many seconds, and show rates
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1", conflicts_with = "json")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    watch: Option<u64>,
}

/// What was seen.
#[derive(Serialize)]
struct Status {
    bridges: Vec<Bridge>,
    ip_forwarding: [forwarding::Report; 2],
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::capability::warn_of_unreadable();
    let mut socket = Socket::open().map_err(unread)?;
    let status = look(&mut socket, arguments)?;
    if arguments.json {
        return super::print_json(&status);
    }
    if let Some(file) = &arguments.svg {
        return draw(file, &status);
    }
    match arguments.watch {
        Some(seconds) => watch(&mut socket, arguments, status, Duration::from_secs(seconds)),
        None => super::print_text(&in_words(arguments, &status, None)),
    }
}

fn draw(file: &Path, status: &Status) -> Result<(), Failure> {
    let host = nix::unistd::gethostname().unwrap_or_default();
    let picture = picture::svg(&status.bridges, &host.to_string_lossy());
    if file == Path::new("-") {
        return super::print_text(&picture);
    }
    let cannot = |error| {
        Failure::unchanged(format!("cannot write {}: {error}", file.display()))
            .hint("name a file in a directory that is there and has room, or - for standard output")
    };
    write_whole(file, picture.as_bytes()).map_err(cannot)
}

/// Where there is no room, an earlier picture stays, and no half of one. A device or a pipe gets it as it comes.
fn write_whole(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    match fs::metadata(file) {
        Ok(present) if present.is_file() => edit::replace(file, bytes, present.mode()),
        Ok(_) => fs::write(file, bytes),
        Err(_) => fs::write(file, bytes).inspect_err(|_| drop(fs::remove_file(file))),
    }
}

fn look(socket: &mut Socket, arguments: &Arguments) -> Result<Status, Failure> {
    let bridges = picture::look(socket, arguments.bridge.as_deref()).map_err(unread)?;
    if let Some(name) = arguments.bridge.as_ref().filter(|_| bridges.is_empty()) {
        let others = picture::look(socket, None).map_err(unread)?;
        let names: Vec<String> = others.into_iter().map(|bridge| bridge.name).collect();
        return Err(super::no_such_bridge(name, &names));
    }
    // A broken configuration does not hide what is.
    let config = super::config().unwrap_or_default();
    Ok(Status { bridges, ip_forwarding: forwarding::report(Path::new("/"), &config) })
}

/// Looks again and again, until the reader has gone or has seen enough (Ctrl-C).
fn watch(socket: &mut Socket, arguments: &Arguments, mut before: Status, pause: Duration) -> Result<(), Failure> {
    /// Home, and forget what stood there.
    const CLEAR: &str = "\x1b[H\x1b[2J";
    let clear = if std::io::stdout().is_terminal() && picture::can_move_cursor() { CLEAR } else { "" };
    let mut looked = Instant::now();
    let mut text = in_words(arguments, &before, None);
    while super::is_read(&format!("{clear}{text}"))? {
        std::thread::sleep(pause);
        let status = look(socket, arguments)?;
        text = in_words(arguments, &status, Some(Earlier { bridges: &before.bridges, ago: looked.elapsed() }));
        looked = Instant::now();
        before = status;
    }
    Ok(())
}

fn in_words(arguments: &Arguments, status: &Status, earlier: Option<Earlier>) -> String {
    let mut text = picture::tree(&status.bridges, earlier, Paint::of_stdout());
    if status.bridges.is_empty() {
        say!(text, "there is no bridge; to see what making one would do: virt-bridge plan br0 --uplink auto");
    }
    if arguments.bridge.is_none() {
        status.ip_forwarding.iter().for_each(|family| say!(text, "{}", Printable(&family.to_string())));
    }
    text
}

fn unread(error: crate::netlink::Error) -> Failure {
    Failure::unchanged(format!("cannot read the network state: {error}"))
}
