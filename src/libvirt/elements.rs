//! libvirt's own XML files, and their start tags, one by one, with the elements around them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::bounded_input::BoundedInput;

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

/// A start tag.
pub(super) struct Element<'a>(&'a BytesStart<'a>);

impl Element<'_> {
    /// The element's name.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(self.0.name().as_ref()).into_owned()
    }

    /// The value of an attribute, its references resolved.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let found = self.0.attributes().flatten().find(|attribute| attribute.key.as_ref() == name.as_bytes())?;
        Some(found.normalized_value(XmlVersion::Explicit1_0).ok()?.into_owned())
    }
}

/// Shows every start tag of a file to `visit`, with the names of the elements around it, the root first.
///
/// # Errors
/// When the file cannot be read or is no XML; what stands before the problem was shown.
pub(super) fn visit(file: &Path, mut visit: impl FnMut(&[String], &Element)) -> Result<(), quick_xml::Error> {
    let mut reader = Reader::from_reader(BoundedInput::new(open(file)?));
    let mut buffer = Vec::new();
    let mut path: Vec<String> = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().begin_token();
        match reader.read_event_into(&mut buffer)? {
            Event::Start(start) => {
                let element = Element(&start);
                visit(&path, &element);
                path.push(element.name());
            }
            Event::Empty(start) => visit(&path, &Element(&start)),
            Event::End(_) => {
                path.pop();
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}
