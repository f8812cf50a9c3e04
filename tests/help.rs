//! The help of every verb as people read it: a change of the command line is seen, and meant.
//!
//! To take over what is meant: `HELP=write cargo test --test help`.

const EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/help/expected");

/// The short help of a verb and those below it, hidden ones left out.
fn add_help(command: &mut clap::Command, text: &mut String) {
    if command.is_hide_set() {
        return;
    }
    let help = command.render_help();
    text.push_str(&format!("$ {} --help\n{help}\n", command.get_bin_name().unwrap_or_default()));
    for verb in command.get_subcommands_mut().filter(|verb| verb.get_name() != "help") {
        add_help(verb, text);
    }
}

#[test]
fn every_verb_says_what_it_does() {
    let mut command = virt_bridge::cli::command().bin_name("virt-bridge");
    command.build();
    let mut text = String::new();
    add_help(&mut command, &mut text);
    if std::env::var_os("HELP").is_some_and(|word| word == "write") {
        std::fs::write(EXPECTED, &text).unwrap();
    }
    let expected = std::fs::read_to_string(EXPECTED).unwrap();
    let difference = similar::TextDiff::from_lines(&expected, &text).unified_diff().to_string();
    assert!(
        difference.is_empty(),
        "the help has changed; if that is meant: HELP=write cargo test --test help\n{difference}"
    );
}
