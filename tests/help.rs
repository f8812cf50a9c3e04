//! What every verb says of itself, word by word: `UPDATE=1 cargo test --test help` writes it down anew.

#[path = "support/programs.rs"]
mod programs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use programs::program;

/// The verbs that people see, with those below them.
fn verbs(command: &clap::Command, above: &[String]) -> Vec<Vec<String>> {
    let visible = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let below = visible.flat_map(|verb| verbs(verb, &[above, &[verb.get_name().to_owned()]].concat()));
    std::iter::once(above.to_vec()).chain(below).collect()
}

fn file(verb: &[String]) -> PathBuf {
    let name = [&["virt-bridge".to_owned()], verb].concat().join("-");
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help").join(name + ".txt")
}

fn help(verb: &[String]) -> String {
    let output = Command::new(program("virt-bridge")).args(verb).arg("--help").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{verb:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_verb_says_what_is_written_down() {
    let verbs = verbs(&virt_bridge::cli::command(), &[]);
    assert!(verbs.len() > 15, "{verbs:?}");
    let is_update = std::env::var_os("UPDATE").is_some();
    for verb in &verbs {
        if is_update {
            fs::write(file(verb), help(verb)).unwrap();
        }
        let expected = fs::read_to_string(file(verb)).unwrap_or_default();
        assert_eq!(help(verb), expected, "{}", file(verb).display());
    }
    let files = fs::read_dir(file(&[]).parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    let forgotten: Vec<PathBuf> = files.filter(|path| !verbs.iter().any(|verb| file(verb) == *path)).collect();
    assert!(forgotten.is_empty(), "no verb says these: {forgotten:?}");
}
