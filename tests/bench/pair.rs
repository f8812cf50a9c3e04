//! Runs programs by turns and compares their wall time, so that the machine's moods fall on all of them alike.
#![deny(unsafe_code)]

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    str::FromStr,
    time::Instant,
};

use clap::Parser;

#[path = "../support/chance.rs"]
mod chance;

use chance::Chance;

const WARM_UP: usize = 10;

/// Runs each COMMAND in turn, with the environment that libvirtd gives to hooks; all must succeed
#[derive(Parser)]
struct Arguments {
    /// How often each command runs
    #[arg(long, default_value_t = 300)]
    runs: usize,
    /// What each command gets as its standard input
    #[arg(long, default_value = "/dev/null")]
    stdin: PathBuf,
    /// Commands, split at white space; ratios are to the first one
    #[arg(required = true, value_name = "NAME=COMMAND")]
    programs: Vec<Program>,
}

#[derive(Clone)]
struct Program {
    name: String,
    command: Vec<String>,
}

impl FromStr for Program {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, command) = text.split_once('=').ok_or("no name before a `=`")?;
        let command: Vec<String> = command.split_whitespace().map(String::from).collect();
        if command.is_empty() { Err("no command after the `=`") } else { Ok(Program { name: name.into(), command }) }
    }
}

impl Program {
    /// Runs the program to its end; the wall time in microseconds.
    fn run(&self, stdin: &Path) -> io::Result<f64> {
        let failed = |what: &dyn std::fmt::Display| io::Error::other(format!("run {}: {what}", self.name));
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).env_clear().env("LC_ALL", "C").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(File::open(stdin)?).stdout(Stdio::null());
        let start = Instant::now();
        let status = command.spawn().and_then(|mut child| child.wait()).map_err(|error| failed(&error))?;
        let elapsed = start.elapsed();
        if status.success() { Ok(elapsed.as_secs_f64() * 1e6) } else { Err(failed(&status)) }
    }
}

fn shuffle(order: &mut [usize], chance: &mut Chance) {
    for last in (1..order.len()).rev() {
        order.swap(last, chance.below(last + 1));
    }
}

fn measure(arguments: &Arguments) -> io::Result<Vec<Vec<f64>>> {
    let mut times = vec![Vec::with_capacity(arguments.runs); arguments.programs.len()];
    let mut order: Vec<usize> = (0..times.len()).collect();
    let mut chance = Chance::of(1);
    for round in 0..WARM_UP + arguments.runs {
        // What ran before leaves its traces in the processor's caches, so nobody always follows the same neighbour.
        shuffle(&mut order, &mut chance);
        for &index in &order {
            let program = &arguments.programs[index];
            // Once for nothing, so that each program finds the caches as it leaves them itself.
            program.run(&arguments.stdin)?;
            let time = program.run(&arguments.stdin)?;
            if round >= WARM_UP {
                times[index].push(time);
            }
        }
    }
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    Ok(times)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let times = match measure(&arguments) {
        Ok(times) => times,
        Err(error) => {
            eprintln!("pair: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{:<24}{:>11}{:>11}{:>11}{:>11}", "wall time, µs", "median", "p10", "p90", "ratio");
    let at = |times: &[f64], percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or(f64::NAN);
    for (program, sorted) in arguments.programs.iter().zip(&times) {
        let (median, p10, p90) = (at(sorted, 50), at(sorted, 10), at(sorted, 90));
        println!("{:<24}{median:>11.0}{p10:>11.0}{p90:>11.0}{:>11.2}", program.name, median / at(&times[0], 50));
    }
    ExitCode::SUCCESS
}
