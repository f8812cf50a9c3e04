//! GLib's key files, as NetworkManager keeps profiles in: read and changed line by line, so that the rest stays.

/// A file of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyfile {
    groups: Vec<Group>,
}

/// A group with its header; what stands before the first one has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    name: Option<String>,
    lines: Vec<String>,
}

impl Keyfile {
    /// The file of this text.
    pub fn parse(text: &str) -> Self {
        let mut groups = vec![Group::default()];
        for line in text.lines() {
            match name(line) {
                Some(name) => groups.push(Group { name: Some(name.to_owned()), lines: Vec::new() }),
                None => groups.last_mut().into_iter().for_each(|group| group.lines.push(line.to_owned())),
            }
        }
        Keyfile { groups }
    }

    /// The groups in their order, without what stands before the first.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| group.name.is_some())
    }

    /// The value of a key; of several the last counts, also over groups of the same name (GKeyFile).
    pub fn value(&self, group: &str, key: &str) -> Option<&str> {
        self.groups().filter(|other| other.is(group)).filter_map(|group| group.value(key)).last()
    }

    /// Adds a group at the end, behind an empty line, unless it says nothing.
    pub fn add(&mut self, group: Group) {
        if group.lines.is_empty() {
            return;
        }
        if let Some(before) = self.groups.last_mut() {
            before.lines.push(String::new());
        }
        self.groups.push(group);
    }

    /// Changes one value, in the place where it is or would be looked for.
    pub fn set(&mut self, name: &str, key: &str, value: &str) {
        match self.groups.iter_mut().rfind(|group| group.is(name)) {
            Some(group) => group.set(key, value),
            None => self.groups.push(Group::new(name).with(key, value)),
        }
    }

    /// The text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for group in &self.groups {
            if let Some(name) = &group.name {
                text.push_str(&format!("[{name}]\n"));
            }
            group.lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        }
        text
    }
}

impl Group {
    /// A group that says nothing yet.
    pub fn new(name: &str) -> Self {
        Group { name: Some(name.to_owned()), lines: Vec::new() }
    }

    /// The same group with one value more.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, value);
        self
    }

    /// Whether it has this name, in today's words or those of old.
    pub fn is(&self, name: &str) -> bool {
        self.name.as_deref().is_some_and(|own| today(own) == today(name))
    }

    /// The value of a key, of several the last.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.lines.iter().filter_map(|line| value(line, key)).next_back()
    }

    /// Changes one value where it stands, or adds it behind the others.
    pub fn set(&mut self, key: &str, to: &str) {
        let line = format!("{key}={to}");
        match self.lines.iter().rposition(|line| value(line, key).is_some()) {
            Some(at) => self.lines[at] = line,
            None => {
                let end = self.lines.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
                self.lines.insert(end, line);
            }
        }
    }

    /// The values, key by key.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().filter_map(|line| split(line))
    }

    /// The same group without empty lines at its end.
    pub fn trimmed(&self) -> Self {
        let end = self.lines.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
        Group { name: self.name.clone(), lines: self.lines[..end].to_vec() }
    }
}

/// The name of the group that the line begins.
fn name(line: &str) -> Option<&str> {
    line.trim_end().strip_prefix('[')?.strip_suffix(']')
}

fn split(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    (!line.trim_start().starts_with('#')).then_some((key.trim(), value.trim_start()))
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    split(line).filter(|(own, _)| *own == key).map(|(_, value)| value)
}

/// What the type of a profile and its group are called today (nm-keyfile-utils.c, `alias_list`).
pub fn today(name: &str) -> &str {
    match name {
        "802-3-ethernet" => "ethernet",
        "802-11-wireless" => "wifi",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# mine\n[connection]\nid=lan\nautoconnect = true\n\n[802-3-ethernet]\nmtu=9000\n#mtu=1\n\n[ipv4]\n";

    #[test]
    fn what_is_not_changed_stays_to_the_byte() {
        let mut file = Keyfile::parse(TEXT);
        assert_eq!(file.text(), TEXT);
        file.set("connection", "autoconnect", "false");
        file.set("ipv4", "method", "auto");
        file.add(Group::new("ipv6").with("method", "auto"));
        file.add(Group::new("proxy"));
        let changed = TEXT.replace("autoconnect = true", "autoconnect=false") + "method=auto\n\n[ipv6]\nmethod=auto\n";
        assert_eq!(file.text(), changed);
    }

    #[test]
    fn a_value_is_found_under_the_groups_old_name_and_the_last_one_counts() {
        let file = Keyfile::parse("[ethernet]\nmtu=1\n[802-3-ethernet]\nmtu=2\n mtu=3\n[other]\nmtu=4\n");
        assert_eq!(file.value("ethernet", "mtu"), Some("3"));
        assert_eq!(file.value("ethernet", "wake-on-lan"), None);
        assert_eq!(Keyfile::parse(TEXT).value("connection", "autoconnect"), Some("true"));
    }

    #[test]
    fn a_new_value_stands_with_the_others_of_its_group() {
        let mut file = Keyfile::parse(TEXT);
        file.set("connection", "uuid", "1");
        assert!(file.text().contains("autoconnect = true\nuuid=1\n\n[802-3-ethernet]"), "{}", file.text());
    }
}
