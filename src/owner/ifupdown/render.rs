//! The uplink's stanzas become the bridge's: pure, from the files as they are to the one file that changes.

use super::bridge_options::{Maker, options};
use super::interfaces::{File, Kind, Line};
use super::words::{map_words, mentions};
use crate::owner::Owner;
use crate::owner::edit::Edit;
use crate::owner::persist::{Bridge, Persistence};

/// Methods that go over to a bridge as they are.
const METHODS: [&str; 6] = ["static", "dhcp", "auto", "manual", "bootp", "ipv4ll"];

/// Options of the NIC itself, which stay with it: bonding's, VLANs', ethtool's and the link's own.
const LINK_OPTIONS: [&str; 11] = [
    "bond-",
    "vlan-raw-device",
    "slaves",
    "ethernet-",
    "hardware-",
    "link-",
    "offload-",
    "driver-",
    "mtu",
    "hwaddress",
    "alias",
];

/// The configuration with the bridge.
///
/// # Errors
/// One line for each reason why these files cannot have it, with file and line.
pub fn render(files: &[File], bridge: &Bridge, maker: Maker) -> Result<Persistence, Vec<String>> {
    if has_bridge(files, bridge) {
        return Ok(Persistence::nothing(Owner::Ifupdown));
    }
    let reasons = reasons(files, bridge, maker);
    let file = files.iter().find(|file| file.lines.iter().any(|line| begins(line, &bridge.uplink)));
    match file {
        Some(file) if reasons.is_empty() => Ok(rendered(file, bridge, maker)),
        None if reasons.is_empty() => {
            Err(vec![format!("{} has no stanza of its own in {}", bridge.uplink, super::interfaces::MAIN)])
        }
        _ => Err(reasons),
    }
}

/// Whether the files have the bridge with this uplink already.
pub fn has_bridge(files: &[File], bridge: &Bridge) -> bool {
    stanzas(files).iter().any(|(_, header, options)| {
        begins(header, &bridge.name)
            && options.iter().any(|line| {
                line.option().as_deref() == Some("bridge-ports") && line.words()[1..].contains(&bridge.uplink)
            })
    })
}

/// Whether the line begins a stanza of this link.
fn begins(line: &Line, link: &str) -> bool {
    line.kind == Kind::Iface && line.words().get(1).is_some_and(|name| name == link)
}

/// Whether the line begins a stanza of the link or of an alias such as `eth0:1`.
fn renames(line: &Line, link: &str) -> bool {
    line.kind == Kind::Iface && line.words().get(1).is_some_and(|name| name.split(':').next() == Some(link))
}

fn stanzas(files: &[File]) -> Vec<(&File, &Line, Vec<&Line>)> {
    let mut stanzas: Vec<(&File, &Line, Vec<&Line>)> = Vec::new();
    for file in files {
        for line in &file.lines {
            match (line.kind, stanzas.last_mut()) {
                (Kind::Iface, _) => stanzas.push((file, line, Vec::new())),
                (Kind::Option, Some((_, _, options))) => options.push(line),
                _ => {}
            }
        }
    }
    stanzas
}

/// Everything in the files that stands against the bridge.
fn reasons(files: &[File], bridge: &Bridge, maker: Maker) -> Vec<String> {
    let (uplink, mut reasons) = (&bridge.uplink, Vec::new());
    let at = |file: &File, line: &Line| format!("{}:{}", file.path.display(), line.number);
    let mut home: Option<&File> = None;
    for (file, header, options) in stanzas(files) {
        let words = header.words();
        let name = words.get(1).map_or("", String::as_str);
        if name == bridge.name {
            reasons.push(format!("{}: {} is there already, without the port {uplink}", at(file, header), bridge.name));
        }
        let uses = |line: &&Line| is_stacked(line) && line.words()[1..].contains(uplink);
        if !renames(header, uplink) {
            let is_vlan = name.strip_prefix(uplink.as_str()).is_some_and(|rest| rest.starts_with('.'));
            if is_vlan || options.iter().any(uses) {
                reasons.push(format!("{}: {name} stands on {uplink} and would lose its traffic", at(file, header)));
            }
            continue;
        }
        match words.get(3) {
            Some(method) if METHODS.contains(&method.as_str()) => {}
            // `iface eth0` alone.
            None if maker == Maker::Ifupdown2 => {}
            method => {
                let method = method.map_or("nothing", String::as_str);
                reasons.push(format!("{}: the method {method} cannot be a bridge's", at(file, header)));
            }
        }
        if let Some(line) = options.iter().find(|line| line.option().as_deref() == Some("bond-master")) {
            reasons.push(format!("{}: {uplink} is a port of a bond", at(file, line)));
        }
        // Two files cannot be replaced at one moment, and a crash in between would leave half a bridge.
        if home.is_some_and(|home| home.path != file.path) {
            reasons
                .push(format!("{}: the stanzas of {uplink} are in several files: put them into one", at(file, header)));
        }
        home = home.or(Some(file));
    }
    for (file, line) in files.iter().flat_map(|file| file.lines.iter().map(move |line| (file, line))) {
        let words = line.words();
        if maker == Maker::Ifupdown2 && line.is_of_template() {
            reasons.push(format!("{}: a template, which may make anything of {uplink}", at(file, line)));
        }
        let is_home = home.is_some_and(|home| home.path == file.path);
        let names = words.iter().skip(1);
        match line.kind {
            Kind::Mapping if names.clone().any(|pattern| crate::glob::matches(pattern, uplink)) => {
                reasons.push(format!("{}: a mapping chooses the stanza of {uplink}", at(file, line)));
            }
            Kind::List if names.clone().any(|name| name.starts_with(&format!("{uplink}="))) => {
                reasons.push(format!("{}: {uplink} has a stanza of another name", at(file, line)));
            }
            Kind::List if !is_home && names.clone().any(|name| name.starts_with(&format!("{uplink}:"))) => {
                reasons.push(format!(
                    "{}: an alias of {uplink} is listed in another file than its stanza",
                    at(file, line)
                ));
            }
            _ => {}
        }
    }
    let lists = |file: &&File| file.lines.iter().any(|line| is_auto(line) && line.words().contains(uplink));
    if home.is_some_and(|home| is_made_by_ifupdown(home, bridge)) && home.filter(lists).is_none() {
        // ifup takes links in the order of their `auto` lines, and a bridge cannot wait for its port.
        reasons.push(format!("{uplink} is made by ifupdown: put `auto {uplink}` into the file of its stanza"));
    }
    reasons
}

/// Whether the uplink is a bond or VLAN interface that is not there before its own `ifup`.
fn is_made_by_ifupdown(home: &File, bridge: &Bridge) -> bool {
    let makes = |line: &&Line| is_stacked(line) || line.option().is_some_and(|option| option.starts_with("bond-"));
    let is_ours = |header: &Line| begins(header, &bridge.uplink);
    bridge.uplink.contains('.')
        || stanzas(std::slice::from_ref(home))
            .iter()
            .any(|(_, header, options)| is_ours(header) && options.iter().any(makes))
}

/// Whether the option names links below.
fn is_stacked(line: &Line) -> bool {
    let below = ["vlan-raw-device", "bond-slaves", "slaves", "bridge-ports"];
    line.option().is_some_and(|option| below.contains(&option.as_str()))
}

/// Whether the option stays with the NIC.
fn is_of_link(line: &Line) -> bool {
    // `gro-offload` and the like are ifupdown2's.
    let is_link_option =
        |option: String| LINK_OPTIONS.iter().any(|prefix| option.starts_with(prefix)) || option.ends_with("-offload");
    line.option().is_some_and(is_link_option)
        || (is_command(line) && line.words().iter().any(|word| word.rsplit('/').next() == Some("ethtool")))
}

fn is_command(line: &Line) -> bool {
    let commands = ["pre-up", "up", "post-up", "pre-down", "down", "post-down"];
    line.option().is_some_and(|option| commands.contains(&option.as_str()))
}

fn is_auto(line: &Line) -> bool {
    line.kind == Kind::List && matches!(line.words()[0].as_str(), "auto" | "allow-auto")
}

fn rendered(file: &File, bridge: &Bridge, maker: Maker) -> Persistence {
    let (mut text, mut warnings) = (String::new(), Vec::new());
    let (mut in_uplink, mut is_made) = (false, false);
    let mut has_auto = file.lines.iter().any(|line| is_auto(line) && line.words()[1..].contains(&bridge.uplink));
    let auto_line = if has_auto { String::new() } else { format!("auto {}\n", bridge.name) };
    for (at, line) in file.lines.iter().enumerate() {
        if !matches!(line.kind, Kind::Empty | Kind::Option) {
            in_uplink = renames(line, &bridge.uplink);
        }
        match line.kind {
            Kind::Iface if in_uplink => {
                let header = whole(&map_words(&line.text, |at, word| renamed(word, bridge, at == 1)));
                if begins(line, &bridge.uplink) && !is_made {
                    is_made = true;
                    let of_link: String = link_options(file, bridge).iter().map(|line| whole(&line.text)).collect();
                    text.push_str(&format!("iface {} inet manual\n{of_link}\n{auto_line}{header}", bridge.uplink));
                    let indent = indent(&file.lines[at + 1..]);
                    options(bridge, maker).iter().for_each(|option| text.push_str(&format!("{indent}{option}\n")));
                } else {
                    text.push_str(&header);
                }
            }
            Kind::Option if in_uplink && is_of_link(line) => {}
            Kind::Option if in_uplink && is_command(line) => {
                let moved = moved_command(line, bridge);
                if line.words().iter().any(|word| mentions(word, &bridge.uplink)) {
                    warnings.push(told(file, line, bridge, moved != line.text));
                }
                text.push_str(&moved);
            }
            Kind::List => {
                let is_first_auto =
                    is_auto(line) && line.words()[1..].contains(&bridge.uplink) && std::mem::take(&mut has_auto);
                let adds = is_first_auto || line.words()[0] == "no-auto-down";
                text.push_str(&map_words(&line.text, |_, word| match word == bridge.uplink && adds {
                    true => format!("{word} {}", bridge.name),
                    false => renamed(word, bridge, false),
                }));
            }
            _ => text.push_str(&line.text),
        }
    }
    if file.path.to_string_lossy().contains("cloud-init") {
        warnings.push(format!(
            "cloud-init writes {} anew for a new instance, without the bridge: to keep it, \
             put `network: {{config: disabled}}` into /etc/cloud/cloud.cfg.d/99-disable-network-config.cfg",
            file.path.display()
        ));
    }
    let edit = Edit { path: file.path.clone(), old: Some(file.text()), new: Some(text), mode: 0o644 };
    Persistence { edits: vec![edit], warnings, ..Persistence::nothing(Owner::Ifupdown) }
}

/// The name of the bridge, or its alias, for that of the uplink; the name of the uplink itself only if `whole`.
fn renamed(word: &str, bridge: &Bridge, whole: bool) -> String {
    match word.strip_prefix(&bridge.uplink) {
        Some("") if whole => bridge.name.clone(),
        Some(alias) if alias.starts_with(':') => format!("{}{alias}", bridge.name),
        _ => word.to_owned(),
    }
}

/// The options that stay with the NIC, each once: ifupdown refuses an option that is given twice, except commands.
fn link_options<'a>(file: &'a File, bridge: &Bridge) -> Vec<&'a Line> {
    let mut kept: Vec<&Line> = Vec::new();
    for (_, header, options) in stanzas(std::slice::from_ref(file)) {
        for line in options.into_iter().filter(|line| begins(header, &bridge.uplink) && is_of_link(line)) {
            if is_command(line) || kept.iter().all(|other| other.option() != line.option()) {
                kept.push(line);
            }
        }
    }
    // A copy of the slice's lines outlives the list of stanzas, not the file.
    kept.iter().filter_map(|line| file.lines.iter().find(|own| own.number == line.number)).collect()
}

/// A command whose route or address is now the bridge's names the bridge; any other is left as it is.
fn moved_command(line: &Line, bridge: &Bridge) -> String {
    let words = line.words();
    let program = words.get(1).and_then(|word| word.rsplit('/').next());
    if !matches!(program, Some("ip" | "route")) || words.iter().any(|word| word == "link") {
        return line.text.clone();
    }
    let mut after_dev = false;
    map_words(&line.text, |_, word| {
        let is_device = std::mem::replace(&mut after_dev, word == "dev");
        renamed(word, bridge, is_device)
    })
}

fn told(file: &File, line: &Line, bridge: &Bridge, moved: bool) -> String {
    let (command, uplink) = (line.words().join(" "), &bridge.uplink);
    let what = match moved {
        true => format!("names {uplink} and will name {}", bridge.name),
        false => format!("names {uplink} and stays so: look whether it has to name {}", bridge.name),
    };
    format!("{}:{}: `{command}` {what}", file.path.display(), line.number)
}

fn indent(below: &[Line]) -> String {
    let option = below.iter().find(|line| line.kind != Kind::Empty).filter(|line| line.kind == Kind::Option);
    option.map_or("    ".into(), |line| line.text.chars().take_while(|c| matches!(c, ' ' | '\t')).collect())
}

/// The line with its end, which the last one of a file may lack.
fn whole(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}
