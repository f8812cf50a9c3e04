//! The start tags of an XML file of libvirt's own, one by one, with the elements around them.

use std::path::Path;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::bounded_input::BoundedInput;
use super::bridges_in_use::open;

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
