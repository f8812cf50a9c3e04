//! The bridges of libvirt's networks, from their definitions and status files.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::elements;

/// Definitions, and the status of active networks, transient ones included.
pub(super) const DIRECTORIES: [&str; 2] = ["etc/libvirt/qemu/networks", "run/libvirt/network"];

/// The names of all bridges that a network under `root` uses, whatever its forward mode.
///
/// A file that cannot be read names none: libvirt cannot use it either.
pub fn names(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for file in DIRECTORIES.iter().flat_map(|directory| xml_files(&root.join(directory))) {
        let _ = elements::visit(&file, |path, element| {
            if path.last().is_some_and(|parent| parent == "network") && element.name() == "bridge" {
                names.extend(element.attribute("name"));
            }
        });
    }
    names
}

/// The XML files in a directory, in order; none where there is no such directory.
pub(super) fn xml_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.extension() == Some(OsStr::new("xml"))).collect();
    files.sort_unstable();
    files
}

/// Opens a file; without O_NONBLOCK the open of a fifo waits for a writer.
pub(super) fn open(path: &Path) -> std::io::Result<File> {
    File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_names_its_bridge_and_nothing_else_does() {
        let root = std::env::temp_dir().join(format!("virt-bridge-in-use-{}", std::process::id()));
        assert_eq!(names(&root), Vec::<String>::new());
        for directory in DIRECTORIES {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for (file, text) in [
            ("etc/libvirt/qemu/networks/lan.xml", "<network><name>lan</name><bridge name='cni0'/></network>"),
            ("etc/libvirt/qemu/networks/nat.xml", "<network><forward mode='nat'/><bridge name='a&amp;b'/></network>"),
            ("etc/libvirt/qemu/networks/no.xml", "<network><x><bridge name='no'/></x></network>"),
            ("etc/libvirt/qemu/networks/broken.xml", "<network><bridge name='kept'/><"),
            ("run/libvirt/network/t.xml", "<networkstatus><network><bridge name=\"br1\"/></network></networkstatus>"),
            ("run/libvirt/network/t.txt", "<network><bridge name='no'/></network>"),
        ] {
            fs::write(root.join(file), text).unwrap();
        }
        nix::unistd::mkfifo(&root.join("run/libvirt/network/f.xml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut found = names(&root);
        found.sort_unstable();
        assert_eq!(found, ["a&b", "br1", "cni0", "kept"]);
        fs::remove_dir_all(&root).unwrap();
    }
}
