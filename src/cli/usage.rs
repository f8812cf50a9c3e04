//! What is said of a wrong command line: the cause and a hint, as of any other failure.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;

use super::exit::Failure;

/// As `EXIT_CODES` has it.
const WRONG: u8 = 2;

/// Ends the command with what clap has to say: help, the version, or what is wrong.
pub fn answer(error: &clap::Error) -> ExitCode {
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if is_help || !error.use_stderr() {
        match error.print() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let failure = Failure::unchanged(format!("cannot write the help: {error}"));
                let _ = write!(io::stderr(), "{failure}");
                return failure.exit().into();
            }
            _ => {}
        }
    } else {
        let _ = write!(
            io::stderr(),
            "{}",
            failure(&error.to_string(), &help(std::env::args_os().nth(1).as_deref().and_then(OsStr::to_str)))
        );
    }
    if error.use_stderr() { ExitCode::from(WRONG) } else { ExitCode::SUCCESS }
}

/// Where the options of a verb are explained.
fn help(verb: Option<&str>) -> String {
    let verb = verb.filter(|verb| super::command().find_subcommand(verb).is_some());
    verb.map_or("virt-bridge --help".into(), |verb| format!("virt-bridge {verb} --help"))
}

/// clap's text has paragraphs: the cause, what was likely meant, the usage, and how to get help.
fn failure(text: &str, help: &str) -> Failure {
    let paragraphs: Vec<String> =
        text.split("\n\n").map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let behind = |title: &str| paragraphs.iter().find_map(|it| it.strip_prefix(title)).map(str::to_owned);
    let cause = behind("error: ").unwrap_or_else(|| paragraphs.concat());
    // Of many there are, nobody looks for the one in a line.
    let cause = cause.split(" [possible values: ").next().unwrap_or_default();
    let usage = || behind("Usage: ").map(|usage| format!("usage: {usage}"));
    // How to have an option taken for a value is no help to whoever mistyped it.
    let tip = behind("tip: ").filter(|tip| !tip.starts_with("to pass "));
    let hint = tip.or_else(usage).unwrap_or_else(|| help.to_owned());
    Failure::unchanged(cause).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_command_line_is_a_cause_and_a_hint() {
        for (words, said) in [
            (
                &["staus"][..],
                "virt-bridge: unrecognized subcommand 'staus'\nhint: a similar subcommand exists: 'status'\n",
            ),
            (
                &["up"],
                "virt-bridge: the following required arguments were not provided: <BRIDGE>\n\
                 hint: usage: virt-bridge up <BRIDGE>\n",
            ),
            (
                &["up", "br/0"],
                "virt-bridge: invalid value 'br/0' for '<BRIDGE>': it contains '/', ':' or '%'\nhint: virt-bridge up --help\n",
            ),
            (
                &["heal", "--bogus"],
                "virt-bridge: unexpected argument '--bogus' found\nhint: usage: virt-bridge heal [OPTIONS]\n",
            ),
            (
                &["check", "tap-falen"],
                "virt-bridge: invalid value 'tap-falen' for '[CHECK]...'\nhint: a similar value exists: 'tap-fallen'\n",
            ),
            (
                &["status", "--jsn"],
                "virt-bridge: unexpected argument '--jsn' found\nhint: a similar argument exists: '--json'\n",
            ),
        ] {
            let error = super::super::command().try_get_matches_from([&["virt-bridge"], words].concat()).unwrap_err();
            assert_eq!(failure(&error.to_string(), &help(words.first().copied())).to_string(), said);
        }
    }
}
