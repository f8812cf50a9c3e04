//! Unified diffs, in colour on a terminal.

use std::io::IsTerminal;

use similar::ChangeTag;

use crate::diff;
use crate::picture::Paint;
use crate::printable;

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const CYAN: &str = "\x1b[36m";
const PLAIN: &str = "\x1b[0m";

/// Whether the output is for a person who wants colours.
pub fn on_terminal() -> bool {
    Paint::of_stdout().is_on()
}

/// The difference, with three lines around each change; empty if there is none.
pub fn unified(name: &str, before: &[u8], after: &[u8], coloured: bool) -> String {
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    if !coloured {
        let text = diff::unified([name, name], &before, &after);
        // What goes into a file has to be a patch, to the byte.
        return if std::io::stdout().is_terminal() { printable::lines(&text) } else { text };
    }
    let diff = diff::of_lines(&before, &after);
    let mut text = String::new();
    for (index, hunk) in diff.unified_diff().context_radius(3).iter_hunks().enumerate() {
        if index == 0 {
            text += &format!("{BOLD}--- {name}{PLAIN}\n{BOLD}+++ {name}{PLAIN}\n");
        }
        text += &format!("{CYAN}{}{PLAIN}\n", hunk.header());
        for change in hunk.iter_changes() {
            let colour = match change.tag() {
                ChangeTag::Delete => RED,
                ChangeTag::Insert => GREEN,
                ChangeTag::Equal => "",
            };
            let end = if colour.is_empty() { "" } else { PLAIN };
            let line = printable::lines(change.value().trim_end_matches(['\r', '\n']));
            text += &format!("{colour}{}{line}{end}\n", change.tag());
            if change.missing_newline() {
                text += "\\ No newline at end of file\n";
            }
        }
    }
    text
}
