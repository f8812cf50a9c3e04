//! networkd's files as sections of settings (systemd.syntax(7)), each with the line that it stands on.

use std::path::{Path, PathBuf};

/// One file.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// Absolute on the host.
    pub path: PathBuf,
    pub sections: Vec<Section>,
}

/// `[Network]` and what stands below it.
#[derive(Clone, Debug)]
pub struct Section {
    pub name: String,
    pub settings: Vec<Setting>,
}

/// A setting, or a comment, whose key is empty.
#[derive(Clone, Debug)]
pub struct Setting {
    pub number: usize,
    pub key: String,
    pub value: String,
    /// As it stands in the file, with its continuations.
    pub text: String,
}

impl Unit {
    /// What networkd would read; what it would pass over is left out.
    pub fn parse(path: &Path, text: &str) -> Unit {
        let mut sections: Vec<Section> = Vec::new();
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let mut text = line.to_owned();
            let trimmed = line.trim();
            if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                sections.push(Section { name: name.to_owned(), settings: Vec::new() });
                continue;
            }
            let Some(section) = sections.last_mut().filter(|_| !trimmed.is_empty()) else { continue };
            if trimmed.starts_with(['#', ';']) {
                section.settings.push(Setting { number: at + 1, key: String::new(), value: String::new(), text });
                continue;
            }
            let mut whole = trimmed.to_owned();
            while let Some(begun) = whole.strip_suffix('\\') {
                let Some((_, next)) = lines.next() else { break };
                text = format!("{text}\n{next}");
                // A comment does not end the line that it stands in.
                let is_comment = next.trim_start().starts_with(['#', ';']);
                whole = if is_comment { whole } else { format!("{begun} {}", next.trim()) };
            }
            if let Some((key, value)) = whole.split_once('=') {
                let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
                section.settings.push(Setting { number: at + 1, key, value, text });
            }
        }
        Unit { path: path.to_owned(), sections }
    }

    /// The values of a key in all sections of a name, up to the last time that it is emptied.
    pub fn values(&self, section: &str, key: &str) -> Vec<&str> {
        values(std::slice::from_ref(self), section, key)
    }
}

/// The values of a key in all sections of a name, of a file and its drop-ins.
pub fn values<'a>(units: &'a [Unit], section: &str, key: &str) -> Vec<&'a str> {
    let sections = units.iter().flat_map(|unit| &unit.sections).filter(|candidate| candidate.name == section);
    let mut values = Vec::new();
    for setting in sections.flat_map(|section| &section.settings).filter(|setting| setting.key == key) {
        match setting.value.as_str() {
            "" => values.clear(),
            value => values.push(value),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_over_comments_and_continuations() {
        let text = "# head\n[Match]\nName=a \\\n# between\n b\n; note\n[Network]\nDNS=1\nDNS=\nDNS = 2\nnonsense\n";
        let unit = Unit::parse(Path::new("/a"), text);
        assert_eq!(unit.values("Match", "Name"), ["a  b"]);
        assert_eq!(unit.values("Network", "DNS"), ["2"]);
        let network = &unit.sections[1];
        assert_eq!(network.settings.iter().map(|setting| setting.number).collect::<Vec<_>>(), [8, 9, 10]);
        assert_eq!(unit.sections[0].settings[1].text, "; note");
    }
}
