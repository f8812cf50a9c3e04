//! `virt-bridge complete`: what may stand in the place of the last word, for the shells' completions.

mod names;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::{Arg, ArgAction, Command, ValueHint};

use names::Names;

#[derive(clap::Args)]
pub struct Arguments {
    /// The words so far, without the command itself; the last one is being typed
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// What a shell is told where a file is wanted: of those it knows more.
const FILE: u8 = 10;

/// A candidate, and what it is.
type Candidate = (String, String);

/// What may come.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    These(Vec<Candidate>),
    File,
}

/// Runs the verb: a line for each candidate, with a tab before what it is.
pub fn run(arguments: &Arguments) -> ExitCode {
    let (current, before) = arguments.words.split_last().map_or(("", &[][..]), |(last, rest)| (last.as_str(), rest));
    match candidates(&super::command(), before, current, &Names::under("/".as_ref())) {
        Answer::File => ExitCode::from(FILE),
        Answer::These(candidates) => {
            let lines = candidates.into_iter().map(|(word, about)| format!("{word}\t{about}\n"));
            // A shell that has stopped to read wants nothing more.
            let _ = super::print_text(&lines.collect::<String>());
            ExitCode::SUCCESS
        }
    }
}

/// Walks along the words, and answers what fits where they end.
fn candidates(root: &Command, before: &[String], current: &str, names: &Names) -> Answer {
    let mut root = root.clone();
    root.build();
    let (mut command, mut place) = (&root, 0);
    let mut open: Option<&Arg> = None;
    // bash takes `--uplink=eth0` apart at the `=`.
    for word in before.iter().filter(|word| *word != "=") {
        if open.take().is_some() {
            continue;
        }
        if let Some(option) = word.strip_prefix("--") {
            open = option_named(command, option).filter(|option| takes_value(option));
        } else if let Some(verb) = command.find_subcommand(word) {
            (command, place) = (verb, 0);
        } else if !word.starts_with('-') {
            place += 1;
        }
    }
    let current = if current == "=" { "" } else { current };
    if let Some(option) = open {
        return values(option, current, "", names);
    }
    if let Some((option, value)) = current.strip_prefix("--").and_then(|option| option.split_once('=')) {
        let argument = option_named(command, option);
        return argument.map_or(Answer::These(Vec::new()), |it| values(it, value, &format!("--{option}="), names));
    }
    if current.starts_with('-') {
        return Answer::These(options(command, current));
    }
    let mut all = if place == 0 { verbs(command, current) } else { Vec::new() };
    // The last one may be given several times.
    let positionals: Vec<&Arg> = command.get_positionals().collect();
    let positional = positionals.get(place).or(positionals.last().filter(|last| is_repeated(last)));
    match positional.map(|positional| values(positional, current, "", names)) {
        Some(Answer::File) => return Answer::File,
        Some(Answer::These(values)) => all.extend(values),
        None => {}
    }
    Answer::These(all)
}

fn option_named<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|argument| argument.get_long() == Some(name))
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

fn is_repeated(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Append)
}

fn verbs(command: &Command, begin: &str) -> Vec<Candidate> {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name().starts_with(begin));
    verbs.map(|verb| (verb.get_name().to_owned(), about(verb.get_about()))).collect()
}

fn options(command: &Command, begin: &str) -> Vec<Candidate> {
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let named = shown.filter_map(|argument| Some((format!("--{}", argument.get_long()?), about(argument.get_help()))));
    named.filter(|(name, _)| name.starts_with(begin)).collect()
}

/// What an argument's value may be: what clap knows, or names of this host by what the value is called.
fn values(argument: &Arg, begin: &str, prefix: &str, names: &Names) -> Answer {
    if argument.get_value_hint() == ValueHint::AnyPath {
        return Answer::File;
    }
    let what = argument.get_value_names().and_then(|names| names.first());
    let what = what.map_or_else(|| argument.get_id().to_string().to_uppercase(), ToString::to_string);
    let known = argument.get_possible_values().into_iter();
    let known = known.map(|value| (value.get_name().to_owned(), about(value.get_help())));
    let fitting = known.chain(names.of(&what)).filter(|(word, _)| word.starts_with(begin));
    Answer::These(fitting.map(|(word, about)| (format!("{prefix}{word}"), about)).collect())
}

/// One line.
fn about(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}
