//! The command line, by the rules of getopt_long: short options joined or not, long ones cut short.

/// The short options that take a value (BusyBox 1.35, and older ones' `-c`, `-h` and `-H`); `-a` may have one joined to it.
const WITH_VALUE: &[u8] = b"AFHOPTVchiprstx";

/// The long options, each with its letter (`udhcpc_longopts` of BusyBox 1.35, and 1.30's `hostname`).
const LONG: [(&str, u8); 22] = [
    ("arping", b'a'),
    ("background", b'b'),
    ("broadcast", b'B'),
    ("client-port", b'P'),
    ("clientid-none", b'C'),
    ("foreground", b'f'),
    ("fqdn", b'F'),
    ("hostname", b'H'),
    ("interface", b'i'),
    ("no-default-options", b'o'),
    ("now", b'n'),
    ("pidfile", b'p'),
    ("quit", b'q'),
    ("release", b'R'),
    ("request", b'r'),
    ("request-option", b'O'),
    ("retries", b't'),
    ("script", b's'),
    ("syslog", b'S'),
    ("timeout", b'T'),
    ("tryagain", b'A'),
    ("vendorclass", b'V'),
];

/// The link that is served when none is named (udhcpc(8)).
const DEFAULT: &[u8] = b"eth0";

/// A command line in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// `udhcpc`, or `busybox udhcpc`.
    pub program: Vec<Vec<u8>>,
    pub choices: Vec<Choice>,
    /// Whether every word of it is understood.
    pub is_whole: bool,
}

/// An option that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub letter: u8,
    pub value: Option<Vec<u8>>,
}

impl CommandLine {
    /// Of a process whose word of the applet stands at this place.
    pub fn parse(args: &[Vec<u8>], applet: usize) -> Self {
        let (program, options) = args.split_at((applet + 1).min(args.len()));
        let mut parsed = CommandLine { program: program.to_vec(), choices: Vec::new(), is_whole: true };
        let mut words = options.iter();
        while let Some(word) = words.next() {
            if let Some(long) = word.strip_prefix(b"--") {
                parsed.add_long(long, &mut words);
            } else if let Some(cluster) = word.strip_prefix(b"-") {
                parsed.add_cluster(cluster, &mut words);
            } else {
                parsed.is_whole = false;
            }
        }
        parsed
    }

    /// The last value of an option, which is the one that counts.
    pub fn value(&self, letter: u8) -> Option<&[u8]> {
        self.choices.iter().rev().find(|choice| choice.letter == letter)?.value.as_deref()
    }

    /// Whether the option stands there.
    pub fn has(&self, letter: u8) -> bool {
        self.choices.iter().any(|choice| choice.letter == letter)
    }

    /// The link that is served.
    pub fn link_name(&self) -> &[u8] {
        self.value(b'i').unwrap_or(DEFAULT)
    }

    /// The words, each option by its letter.
    pub fn words(&self) -> Vec<Vec<u8>> {
        let mut words = self.program.clone();
        for Choice { letter, value } in &self.choices {
            match value {
                Some(value) if *letter == b'a' => words.push([b"-a", value.as_slice()].concat()),
                value => {
                    words.push(vec![b'-', *letter]);
                    words.extend(value.clone());
                }
            }
        }
        words
    }

    fn add_long<'a>(&mut self, long: &[u8], words: &mut impl Iterator<Item = &'a Vec<u8>>) {
        let (name, joined) = match long.iter().position(|byte| *byte == b'=') {
            Some(at) => (&long[..at], Some(long[at + 1..].to_vec())),
            None => (long, None),
        };
        let Some(letter) = letter(name) else {
            self.is_whole = false;
            return;
        };
        let next = WITH_VALUE.contains(&letter) && joined.is_none();
        self.add(letter, if next { words.next().cloned() } else { joined });
    }

    fn add_cluster<'a>(&mut self, cluster: &[u8], words: &mut impl Iterator<Item = &'a Vec<u8>>) {
        let mut letters = cluster;
        while let [letter, rest @ ..] = letters {
            let joined = (!rest.is_empty()).then(|| rest.to_vec());
            letters = if *letter == b'a' || WITH_VALUE.contains(letter) { &[] } else { rest };
            match *letter {
                b'a' => self.add(b'a', joined),
                letter if WITH_VALUE.contains(&letter) => self.add(letter, joined.or_else(|| words.next().cloned())),
                letter => self.add(letter, None),
            }
        }
    }

    fn add(&mut self, letter: u8, value: Option<Vec<u8>>) {
        self.is_whole &= value.is_some() || !WITH_VALUE.contains(&letter);
        self.choices.push(Choice { letter, value });
    }
}

/// The letter of a long option, which may be cut as long as it is told from the others.
fn letter(name: &[u8]) -> Option<u8> {
    let mut meant = LONG.iter().filter(|(long, _)| !name.is_empty() && long.as_bytes().starts_with(name));
    let (first, second) = (meant.next()?, meant.next());
    (second.is_none() || first.0.len() == name.len()).then_some(first.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> CommandLine {
        let args: Vec<Vec<u8>> = line.split_whitespace().map(|arg| arg.as_bytes().to_vec()).collect();
        CommandLine::parse(&args, 0)
    }

    fn words(line: &str) -> String {
        parse(line).words().iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_link_is_found_in_every_spelling() {
        let cases = [
            ("-b -R -i eth3", "eth3"),
            ("-bieth3", "eth3"),
            ("-bi eth3 -p /run/udhcpc.eth0.pid", "eth3"),
            ("--interface=eth3", "eth3"),
            ("--int eth3", "eth3"),
            ("-p -i -x hostname:eth3", "eth0"),
            ("-a -i eth3", "eth3"),
            ("-a500 -ieth3 -i eth4", "eth4"),
            ("-b", "eth0"),
            ("-i", "eth0"),
        ];
        for (line, expected) in cases {
            let command_line = parse(&format!("udhcpc {line}"));
            assert_eq!(String::from_utf8_lossy(command_line.link_name()), expected, "udhcpc {line}");
        }
    }

    #[test]
    fn every_spelling_comes_to_the_same_words() {
        for (line, expected) in [
            ("udhcpc -n -p /p -i eth0", "udhcpc -n -p /p -i eth0"),
            ("udhcpc -nbp/p -ieth0", "udhcpc -n -b -p /p -i eth0"),
            ("udhcpc --now --pid /p --request-option=12 --request 192.0.2.7", "udhcpc -n -p /p -O 12 -r 192.0.2.7"),
            ("udhcpc -a -a500 --arping=7 -vv", "udhcpc -a -a500 -a7 -v -v"),
        ] {
            assert_eq!((words(line).as_str(), parse(line).is_whole), (expected, true), "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for line in ["udhcpc --no eth0", "udhcpc --strange", "udhcpc eth0", "udhcpc -i", "udhcpc --", "udhcpc --script"]
        {
            assert!(!parse(line).is_whole, "{line}");
        }
    }
}
