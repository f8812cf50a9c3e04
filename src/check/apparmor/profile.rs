//! What a profile of AppArmor lets a program run, as its text has it (apparmor.d(5)).

/// Whether a rule of the profile lets it execute `path`.
pub fn may_execute(profile: &str, path: &str) -> bool {
    profile.lines().filter_map(rule).any(|(pattern, modes)| {
        modes.contains('x') && alternatives(pattern).iter().any(|pattern| matches(pattern.as_bytes(), path.as_bytes()))
    })
}

/// Pattern and modes of a line that allows something: `/usr/lib/libvirt/* PUxr,`, also with `audit` or `owner` before it, or
/// the modes.
fn rule(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let line =
        ["audit ", "allow ", "owner ", "file "].iter().fold(line, |line, word| line.strip_prefix(word).unwrap_or(line));
    let mut words = line.strip_suffix(',')?.split_whitespace();
    let (first, second) = (words.next()?, words.next()?);
    let is_path = |word: &str| word.trim_start_matches('"').starts_with('/');
    let (pattern, modes) = if is_path(first) { (first, second) } else { (second, first) };
    let is_modes = !modes.is_empty() && modes.bytes().all(|mode| b"rwalkmxpPcCuUiI".contains(&mode));
    (is_path(pattern) && is_modes).then_some((pattern.trim_matches('"'), modes))
}

/// The patterns that one with `{a,b}` stands for.
fn alternatives(pattern: &str) -> Vec<String> {
    let Some((head, (inner, tail))) =
        pattern.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?)))
    else {
        return vec![pattern.to_owned()];
    };
    inner.split(',').flat_map(|choice| alternatives(&format!("{head}{choice}{tail}"))).collect()
}

/// `*` and `?` stop at a slash, `**` does not.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=path.len()).any(|end| matches(rest, &path[end..])),
        [b'*', rest @ ..] => {
            let end = path.iter().position(|letter| *letter == b'/').unwrap_or(path.len());
            (0..=end).any(|end| matches(rest, &path[end..]))
        }
        [b'?', rest @ ..] => path.first().is_some_and(|letter| *letter != b'/') && matches(rest, &path[1..]),
        [letter, rest @ ..] => path.first() == Some(letter) && matches(rest, &path[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of Debian's own.
    const PROFILE: &str = "
        profile libvirtd /usr/sbin/libvirtd flags=(attach_disconnected) {
          #include <abstractions/base>
          mount options=(rw, move) /dev/ -> /{,var/}run/libvirt/qemu/*.dev/,
          ptrace (read,trace) peer=/usr/sbin/dnsmasq,
          / r,
          /** rwmkl,
          /usr/sbin/* PUx,
          /usr/{lib,lib64,lib/qemu,libexec}/virtiofsd PUx,
          audit deny /{usr/,}sbin/apparmor_parser rwxl,
          /usr/lib/libvirt/* PUxr,
          /etc/libvirt/hooks/** rmix,
        }";

    #[test]
    fn only_what_a_rule_names_may_be_run() {
        for (path, may) in [
            ("/usr/lib/libvirt/virt-bridge-network", true),
            ("/usr/lib/libvirt/deeper/virt-bridge-network", false),
            ("/etc/libvirt/hooks/network.d/10-mine", true),
            ("/usr/libexec/virtiofsd", true),
            ("/usr/libexec/virt-bridge-network", false),
            ("/opt/virt-bridge-network", false),
        ] {
            assert_eq!(may_execute(PROFILE, path), may, "{path}");
        }
        assert!(may_execute("  owner Pix \"/opt/*\",\n", "/opt/virt-bridge-network"));
        assert!(!may_execute("  deny /opt/* x,\n  /opt/** rw,\n", "/opt/virt-bridge-network"));
    }
}
