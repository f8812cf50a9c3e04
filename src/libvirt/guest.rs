//! One guest and its interfaces, as libvirt's files have them: as it runs, or as it is defined.

use std::fs::File;
use std::io;
use std::path::Path;

use super::elements::{self, xml_files};
use super::vlans::{Native, Vlans};

const DEFINITIONS: &str = "etc/libvirt/qemu";
const STATES: &str = "run/libvirt/qemu";

/// A guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guest {
    /// Its name, which is that of the file.
    pub name: String,
    /// `running`, `paused` and so on (virDomainState); nothing when it is shut off.
    pub state: Option<String>,
    /// Its interfaces, in the file's order.
    pub interfaces: Vec<Interface>,
}

/// An `<interface>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// `type`
    pub kind: String,
    /// The guest's own MAC address.
    pub mac: Option<String>,
    /// `<source network>`
    pub network: Option<String>,
    /// The bridge that it is attached to; of a running guest also that of its network.
    pub bridge: Option<String>,
    /// `<source dev>`, macvtap's.
    pub device: Option<String>,
    /// The link on the host, such as `vnet0`; a guest that is shut off seldom names one.
    pub link: Option<String>,
    /// The network filter that libvirt applies to it.
    pub filter: Option<String>,
    /// Whether its cable is pulled (`<link state='down'/>`).
    pub is_unplugged: bool,
    /// Its VLANs.
    pub vlans: Vlans,
    /// Whether it is kept apart from the bridge's other isolated ports.
    pub is_isolated: bool,
}

/// The guests that run, under `root`. A file that cannot be read has no interfaces.
pub fn running(root: &Path) -> Vec<Guest> {
    xml_files(&root.join(STATES)).iter().map(|file| read(file)).collect()
}

/// The guest of this name, as it runs; else as it is defined.
///
/// # Errors
/// When its file cannot be read, which takes root.
pub fn named(root: &Path, name: &str) -> io::Result<Option<Guest>> {
    // A name is a file's name here, and must not lead elsewhere.
    let files = [STATES, DEFINITIONS].iter().filter(|_| !name.contains('/'));
    let Some(file) = files.map(|it| root.join(it).join(format!("{name}.xml"))).find(|file| file.exists()) else {
        return Ok(None);
    };
    let cannot = |error: io::Error| io::Error::new(error.kind(), format!("cannot read {}: {error}", file.display()));
    File::open(&file).map_err(cannot)?;
    Ok(Some(read(&file)))
}

/// The names of all guests under `root`, defined or running, each once.
pub fn names(root: &Path) -> Vec<String> {
    let files = [DEFINITIONS, STATES].into_iter().flat_map(|directory| xml_files(&root.join(directory)));
    let mut names: Vec<String> = files.map(|file| name_of(&file)).collect();
    names.sort();
    names.dedup();
    names
}

fn name_of(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(file: &Path) -> Guest {
    let mut guest = Guest { name: name_of(file), ..Guest::default() };
    let _ = elements::visit(file, |path, element| {
        let around = |depth: usize| path.len().checked_sub(depth).map(|place| path[place].as_str());
        let name = element.name();
        if path.is_empty() && name == "domstatus" {
            guest.state = element.attribute("state");
        }
        if name == "interface" && around(1) == Some("devices") {
            let kind = element.attribute("type").unwrap_or_else(|| "user".into());
            guest.interfaces.push(Interface { kind, ..Interface::default() });
        }
        let Some(interface) = guest.interfaces.last_mut() else { return };
        // What a network has made of it stands in <actual>, in libvirt's own files only.
        let is_in = |depth: usize| matches!(around(depth), Some("interface" | "actual"));
        match name.as_str() {
            "mac" if is_in(1) => interface.mac = element.attribute("address"),
            "source" if is_in(1) => {
                interface.network = element.attribute("network").or(interface.network.take());
                interface.bridge = element.attribute("bridge").or(interface.bridge.take());
                interface.device = element.attribute("dev").or(interface.device.take());
            }
            "target" if is_in(1) => interface.link = element.attribute("dev"),
            "filterref" if is_in(1) => interface.filter = element.attribute("filter"),
            "link" if is_in(1) => interface.is_unplugged = element.attribute("state").as_deref() == Some("down"),
            "port" if is_in(1) => interface.is_isolated = element.attribute("isolated").as_deref() == Some("yes"),
            "vlan" if is_in(1) => interface.vlans.says_trunk |= element.attribute("trunk").as_deref() == Some("yes"),
            "tag" if is_in(2) && around(1) == Some("vlan") => {
                let tag = element.attribute("id").and_then(|tag| tag.parse::<u16>().ok());
                let mode = element.attribute("nativeMode");
                let native = tag.zip(mode).map(|(tag, mode)| Native { tag, is_tagged: mode == "tagged" });
                let vlans = &mut interface.vlans;
                // The network's and the interface's own are the same.
                vlans.tags.extend(tag.filter(|tag| !vlans.tags.contains(tag)));
                vlans.native = vlans.native.or(native);
            }
            _ => {}
        }
    });
    guest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_told_as_it_runs_and_else_as_it_is_defined() {
        let root = std::env::temp_dir().join(format!("virt-bridge-guest-{}", std::process::id()));
        for (file, text) in [
            (
                "run/libvirt/qemu/web.xml",
                "<domstatus state='paused' reason='user' pid='7'><domain><name>web</name><devices>\
                 <interface type='network'><mac address='52:54:00:00:00:30'/><source network='lan' portid='1'/>\
                 <actual type='bridge'><source bridge='br0'/><vlan><tag id='7'/></vlan></actual><vlan trunk='yes'><tag id='7' nativeMode='tagged'/></vlan>\
                 <target dev='vnet0'/><filterref filter='clean-traffic'/><link state='down'/></interface>\
                 </devices></domain></domstatus>",
            ),
            ("etc/libvirt/qemu/web.xml", "<domain><devices><interface type='user'/></devices></domain>"),
            (
                "etc/libvirt/qemu/db.xml",
                "<domain><devices><interface><source dev='eth0'/></interface></devices></domain>",
            ),
        ] {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            std::fs::write(root.join(file), text).unwrap();
        }
        let web = named(&root, "web").unwrap().unwrap();
        assert_eq!(web.state.as_deref(), Some("paused"));
        assert_eq!(running(&root), std::slice::from_ref(&web));
        let expected = Interface {
            kind: "network".into(),
            mac: Some("52:54:00:00:00:30".into()),
            network: Some("lan".into()),
            bridge: Some("br0".into()),
            link: Some("vnet0".into()),
            filter: Some("clean-traffic".into()),
            is_unplugged: true,
            vlans: Vlans { tags: vec![7], says_trunk: true, native: Some(Native { tag: 7, is_tagged: true }) },
            ..Interface::default()
        };
        assert_eq!(web.interfaces, [expected]);
        let db = named(&root, "db").unwrap().unwrap();
        assert_eq!((db.state, db.interfaces[0].device.as_deref()), (None, Some("eth0")));
        assert_eq!(named(&root, "../qemu/web").unwrap(), None);
        assert_eq!(names(&root), ["db", "web"]);
        std::fs::remove_dir_all(&root).unwrap();
    }
}
