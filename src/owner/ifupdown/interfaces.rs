//! `/etc/network/interfaces` and what it sources, line by line, so that what is not changed stays to the byte
//! (interfaces(5); ifupdown 0.8, config.c).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::glob;
use crate::owner::edit;

/// Where ifupdown begins to read.
pub const MAIN: &str = "/etc/network/interfaces";

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Absolute on the host.
    pub path: PathBuf,
    pub lines: Vec<Line>,
}

impl File {
    /// The whole text.
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| line.text.as_str()).collect()
    }
}

/// A line with its continuations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// As it stands in the file, newline included.
    pub text: String,
    /// Counted from 1.
    pub number: usize,
    pub kind: Kind,
}

/// What a line is to ifupdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Comment or nothing.
    Empty,
    /// `iface NAME FAMILY METHOD`
    Iface,
    /// An option of the `iface` above.
    Option,
    /// `auto`, `allow-…`, `no-auto-down` and other lists of links.
    List,
    Mapping,
    /// A line of the `mapping` above.
    MappingOption,
    Source,
}

impl Line {
    /// The words of the line, continuations joined.
    pub fn words(&self) -> Vec<String> {
        self.text.replace("\\\n", "").split_whitespace().map(str::to_owned).collect()
    }

    /// The option's name with `-` and `_` as one: add-ons of ifupdown know both.
    pub fn option(&self) -> Option<String> {
        (self.kind == Kind::Option).then(|| self.words()[0].replace('_', "-"))
    }

    /// Whether ifupdown2 has a template engine make other lines of it (Mako's control lines and tags).
    pub fn is_of_template(&self) -> bool {
        let text = self.text.trim_start();
        text.starts_with('%') || text.contains("<%")
    }
}

/// Reads the main file below `root` and every file that it sources, in the order in which ifupdown comes to them.
///
/// # Errors
/// One line that names the file; a file that cannot be understood might configure the link.
pub fn read(root: &Path) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    read_file(root, Path::new(MAIN), &mut files)?;
    Ok(files)
}

fn read_file(root: &Path, path: &Path, files: &mut Vec<File>) -> Result<(), String> {
    if files.iter().any(|file| file.path == path) {
        return Err(format!("{} is sourced twice", path.display()));
    }
    let text =
        edit::text(&edit::below(root, path)).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let Some(text) = text else { return Ok(()) };
    let lines = parse(&text);
    let sources: Vec<Vec<String>> = lines.iter().filter(|line| line.kind == Kind::Source).map(Line::words).collect();
    files.push(File { path: path.to_owned(), lines });
    for words in sources {
        for pattern in &words[1..] {
            for sourced in sourced(root, path, &words[0], pattern)? {
                read_file(root, &sourced, files)?;
            }
        }
    }
    Ok(())
}

/// The files that one word of a `source` or `source-directory` line means.
fn sourced(root: &Path, from: &Path, keyword: &str, pattern: &str) -> Result<Vec<PathBuf>, String> {
    if pattern.contains(['$', '`', '~', '"', '\'', '{', '(', '\\']) {
        return Err(format!("{}: cannot follow {keyword} {pattern}: it needs a shell", from.display()));
    }
    let place = from.parent().unwrap_or(from).join(pattern);
    let list = |directory: &Path| {
        names(&edit::below(root, directory))
            .map_err(|error| format!("cannot list {} (sourced by {}): {error}", directory.display(), from.display()))
    };
    let (directory, last) = match (keyword, place.file_name().and_then(|name| name.to_str())) {
        ("source", Some(last)) if last.contains(['*', '?', '[']) => (place.parent().unwrap_or(&place), Some(last)),
        ("source", _) => return Ok(vec![place]),
        _ => (place.as_path(), None),
    };
    if directory.to_string_lossy().contains(['*', '?', '[']) {
        return Err(format!("{}: cannot follow {keyword} {pattern}: it has a pattern in a directory", from.display()));
    }
    let is_meant = |name: &String| match last {
        // A pattern does not match a leading dot by itself (wordexp(3)).
        Some(last) => glob::matches(last, name) && (!name.starts_with('.') || last.starts_with('.')),
        None => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')),
    };
    Ok(list(directory)?.into_iter().filter(is_meant).map(|name| directory.join(name)).collect())
}

/// The names of the regular files in a directory, sorted.
fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        // Through a link, too.
        if fs::metadata(entry.path()).is_ok_and(|file| file.is_file()) {
            names.push(entry.file_name().into_string().map_err(|_| io::Error::other("a name is no UTF-8"))?);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Splits a text into lines and tells what each is.
pub fn parse(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut physical = text.split_inclusive('\n').enumerate();
    let mut inside = Kind::Empty;
    while let Some((at, first)) = physical.next() {
        let mut text = first.to_owned();
        let trimmed = first.trim_start();
        // A comment ends with its line, whatever stands at its end.
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            while text.ends_with("\\\n") {
                let Some((_, next)) = physical.next() else { break };
                text.push_str(next);
            }
        }
        let mut line = Line { text, number: at + 1, kind: Kind::Empty };
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            let keyword = line.words().into_iter().next().unwrap_or_default();
            line.kind = kind(&keyword, inside);
            inside = line.kind;
        }
        lines.push(line);
    }
    lines
}

fn kind(keyword: &str, inside: Kind) -> Kind {
    match (keyword, inside) {
        ("iface", _) => Kind::Iface,
        ("mapping", _) => Kind::Mapping,
        ("source" | "source-directory" | "source-dir", _) => Kind::Source,
        ("auto" | "no-auto-down" | "no-scripts" | "rename" | "template", _) => Kind::List,
        (word, _) if word.starts_with("allow-") => Kind::List,
        (_, Kind::Iface | Kind::Option) => Kind::Option,
        (_, Kind::Mapping | Kind::MappingOption) => Kind::MappingOption,
        // ifupdown refuses such a line, and so the whole file.
        _ => Kind::List,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_known_and_nothing_is_lost() {
        let text = "# a \\\nauto lo \\\n  eth0\n\niface eth0 inet static\n\taddress 192.0.2.1/24 \\\n\n  # note\n\
                    up echo \\\n #no comment\nmapping eth*\n script /x\nmap a b\nsource-directory interfaces.d";
        let lines = parse(text);
        assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<String>(), text);
        let kinds: Vec<(usize, Kind)> = lines.iter().map(|line| (line.number, line.kind)).collect();
        use Kind::*;
        assert_eq!(
            kinds,
            [
                (1, Empty),
                (2, List),
                (4, Empty),
                (5, Iface),
                (6, Option),
                (8, Empty),
                (9, Option),
                (11, Mapping),
                (12, MappingOption),
                (13, MappingOption),
                (14, Source)
            ]
        );
        assert_eq!(lines[1].words(), ["auto", "lo", "eth0"]);
    }
}
