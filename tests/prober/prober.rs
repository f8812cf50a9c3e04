//! Watches whether a host stays reachable while something is done to it: numbered probes in both directions over IPv4
//! and IPv6, TCP connections, and route lookups, from before a command starts until after it has ended.
#![deny(unsafe_code)]

mod clock;
mod lookup;
mod namespace;
mod processor;
mod report;
mod silence;
mod tcp;
mod udp;

use std::{
    io,
    net::{IpAddr, TcpStream, UdpSocket},
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use clap::Parser;

use crate::{
    clock::{Pauses, wall_ns},
    report::{Command, Lookups, Report, Tcp, Udp},
    silence::{Arrival, Watch},
};

/// In which the threads start and get their priority.
const SETTLING: Duration = Duration::from_millis(50);

/// Measures lost probes, TCP stalls and failed route lookups while COMMAND runs
#[derive(Parser)]
struct Arguments {
    /// Network namespace of the host under test (a path such as /run/netns/NAME or /proc/PID/ns/net)
    #[arg(long)]
    inside: PathBuf,
    /// Network namespace of the machine that it talks to
    #[arg(long)]
    outside: PathBuf,
    /// IPv4 address inside and outside
    #[arg(long, num_args = 2, value_names = ["INSIDE", "OUTSIDE"])]
    v4: Vec<IpAddr>,
    /// IPv6 address inside and outside
    #[arg(long, num_args = 2, value_names = ["INSIDE", "OUTSIDE"])]
    v6: Vec<IpAddr>,
    /// Time between two probes of a stream
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    interval_us: u64,
    /// Send no probes
    #[arg(long)]
    without_probes: bool,
    /// Also keep a TCP connection of each family busy, 64 bytes each millisecond both ways
    #[arg(long)]
    tcp: bool,
    /// Also look up the way from inside to this address in a loop; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    lookup: Vec<IpAddr>,
    /// Time to watch before COMMAND
    #[arg(long, default_value_t = 200)]
    warm_up_ms: u64,
    /// Time to watch after COMMAND
    #[arg(long, default_value_t = 500)]
    tail_ms: u64,
    /// Time to watch if there is no COMMAND: the noise of the machine
    #[arg(long, default_value_t = 3000)]
    duration_ms: u64,
    /// Run COMMAND in this network namespace
    #[arg(long, value_name = "NAMESPACE")]
    r#in: Option<PathBuf>,
    #[arg(long)]
    json: bool,
    #[arg(last = true)]
    command: Vec<String>,
}

/// The connections of one family.
struct Family {
    name: &'static str,
    probes: Option<(UdpSocket, UdpSocket)>,
    tcp: Option<(TcpStream, TcpStream)>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match measure(&arguments) {
        Ok(report) => {
            if arguments.json {
                println!("{}", serde_json::json!(report));
            } else {
                print!("{report}");
            }
            ExitCode::from(u8::from(report.command.is_some_and(|command| command.status != Some(0))))
        }
        Err(error) => {
            eprintln!("prober: {error}");
            ExitCode::from(2)
        }
    }
}

fn connect(arguments: &Arguments) -> io::Result<Vec<Family>> {
    let pairs = [("v4", &arguments.v4), ("v6", &arguments.v6)];
    let pairs = pairs.into_iter().filter(|(_, addresses)| !addresses.is_empty());
    let family = |(name, addresses): (_, &Vec<IpAddr>)| {
        let probes = || {
            let inside = udp::open(&arguments.inside, addresses[0])?;
            io::Result::Ok((inside, udp::open(&arguments.outside, addresses[1])?))
        };
        let tcp = || tcp::connect(&arguments.inside, addresses[0], &arguments.outside);
        Ok(Family {
            name,
            probes: (!arguments.without_probes).then(probes).transpose()?,
            tcp: arguments.tcp.then(tcp).transpose()?,
        })
    };
    pairs.map(family).collect()
}

fn probe_streams(families: &[Family]) -> io::Result<Vec<udp::Stream<'_>>> {
    let mut streams = Vec::new();
    for Family { name, probes, .. } in families {
        if let Some((inside, outside)) = probes {
            streams.push(udp::Stream::new(format!("{name} out"), inside, outside)?);
            streams.push(udp::Stream::new(format!("{name} in"), outside, inside)?);
        }
    }
    Ok(streams)
}

fn tcp_streams(families: &[Family]) -> Vec<tcp::Stream<'_>> {
    let mut streams = Vec::new();
    for Family { name, tcp, .. } in families {
        if let Some((inside, outside)) = tcp {
            streams.push(tcp::Stream { name: format!("tcp {name} out"), writer: inside, reader: outside });
            streams.push(tcp::Stream { name: format!("tcp {name} in"), writer: outside, reader: inside });
        }
    }
    streams
}

fn measure(arguments: &Arguments) -> io::Result<Report> {
    let families = connect(arguments)?;
    let (probes, connections) = (&probe_streams(&families)?, &tcp_streams(&families));
    udp::greet(probes)?;
    // What is sent until `sending_ends` has 100 ms to arrive before `receiving_ends`.
    let (sending_ends, receiving_ends) = (&AtomicBool::new(false), &AtomicBool::new(false));
    thread::scope(|scope| {
        let receiver = scope.spawn(|| udp::receive(probes, receiving_ends));
        let reader = scope.spawn(|| tcp::read(connections, sending_ends));
        let interval = Duration::from_micros(arguments.interval_us);
        let sender = scope.spawn(move || udp::send(probes, interval, sending_ends));
        let writer = scope.spawn(|| tcp::write(connections, sending_ends));
        let looker = scope.spawn(|| lookup::watch(&arguments.inside, &arguments.lookup, sending_ends));

        thread::sleep(SETTLING);
        let begin_ns = wall_ns();
        let ran = run(arguments);
        sending_ends.store(true, Relaxed);
        let end_ns = wall_ns();
        let (sent, written, answers) = (join(sender), join(writer), join(looker));
        thread::sleep(Duration::from_millis(100));
        receiving_ends.store(true, Relaxed);
        let (arrivals, received) = (join(receiver)?, join(reader)?);

        // An error is passed on only now, when every thread has been told to end.
        let (command_ns, command) = ran?;
        let ((sent, sender_pauses), (written, writer_pauses), (answers, looker_pauses)) = (sent?, written?, answers?);
        let watch = Watch { begin_ns, command_ns, end_ns };
        Ok(Report {
            command,
            udp: udp_report(probes, sent, &arrivals, watch),
            tcp: tcp_report(connections, written, received, watch),
            lookups: arguments.lookup.iter().zip(answers).map(|(&to, answers)| Lookups::new(to, answers)).collect(),
            pauses: pauses(arguments, sender_pauses, writer_pauses, looker_pauses),
        })
    })
}

/// Lets the time pass in which the command under test runs, and says when it started.
fn run(arguments: &Arguments) -> io::Result<(u64, Option<Command>)> {
    let [program, options @ ..] = &arguments.command[..] else {
        let start_ns = wall_ns();
        thread::sleep(Duration::from_millis(arguments.duration_ms));
        return Ok((start_ns, None));
    };
    thread::sleep(Duration::from_millis(arguments.warm_up_ms));
    let (start_ns, start) = (wall_ns(), Instant::now());
    let mut command = std::process::Command::new(program);
    // stdout is the report's.
    command.args(options).stdout(io::stderr());
    let status = thread::scope(|scope| {
        let run = scope.spawn(move || {
            processor::leave()?;
            match &arguments.r#in {
                Some(namespace) => namespace::inside(namespace, move || command.status()),
                None => command.status(),
            }
        });
        join(run)
    });
    let status = status.map_err(|error| io::Error::new(error.kind(), format!("run {program}: {error}")))?;
    let ms = start.elapsed().as_secs_f64() * 1e3;
    thread::sleep(Duration::from_millis(arguments.tail_ms));
    Ok((start_ns, Some(Command { status: status.code(), ms })))
}

fn join<T>(thread: ScopedJoinHandle<io::Result<T>>) -> io::Result<T> {
    thread.join().expect("a thread of the prober does not panic")
}

fn udp_report(streams: &[udp::Stream], sent: Vec<udp::Sent>, arrivals: &[Vec<Arrival>], watch: Watch) -> Vec<Udp> {
    let ends = sent.into_iter().zip(arrivals);
    streams.iter().zip(ends).map(|(stream, (sent, got))| Udp::new(stream.name.clone(), sent, got, watch)).collect()
}

fn tcp_report(
    streams: &[tcp::Stream],
    written: Vec<tcp::Written>,
    received: Vec<tcp::Received>,
    watch: Watch,
) -> Vec<Tcp> {
    let ends = written.into_iter().zip(received);
    streams.iter().zip(ends).map(|(stream, (sent, got))| Tcp::new(stream.name.clone(), sent, got, watch)).collect()
}

fn pauses(
    arguments: &Arguments,
    sender: Pauses,
    writer: Pauses,
    looker: Pauses,
) -> std::collections::BTreeMap<&'static str, report::Pause> {
    let threads = [
        ("probes", !arguments.without_probes, sender),
        ("tcp", arguments.tcp, writer),
        ("lookups", !arguments.lookup.is_empty(), looker),
    ];
    threads.into_iter().filter(|(_, used, _)| *used).map(|(name, _, pauses)| (name, pauses.into())).collect()
}
