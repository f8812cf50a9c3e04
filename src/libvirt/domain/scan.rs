//! Finds in the XML of a domain what matters to rules.

use std::ops::Range;

use xml::{Kind, Problem, Reference, Tag, Tokens, reference};

/// Domains, interfaces and their parts that are kept in memory; a domain of 5,000 interfaces, which no hypervisor
/// has, stays below.
const MOST_ELEMENTS: usize = 1 << 16;

/// A `<domain>`, or the `<inactiveDomain>` of a snapshot.
#[derive(Default)]
pub(super) struct Domain<'x> {
    pub name: Option<String>,
    pub uuid: Option<String>,
    pub title: Option<String>,
    pub metadata: Option<Metadata<'x>>,
    pub interfaces: Vec<Element<'x>>,
}

/// A domain's `<metadata>`.
pub(super) struct Metadata<'x> {
    pub span: Range<usize>,
    /// The elements around it and itself, the root first.
    pub path: Vec<Tag<'x>>,
}

/// An element and the parts of it that matter.
pub(super) struct Element<'x> {
    /// From its `<` to behind its last `>`.
    pub span: Range<usize>,
    pub tag: Tag<'x>,
    pub parts: Vec<Element<'x>>,
}

impl Element<'_> {
    /// The first part of that name.
    pub fn part(&self, name: &str) -> Option<&Self> {
        self.parts.iter().find(|part| part.tag.name() == name)
    }
}

/// All that was found.
pub(super) struct Found<'x> {
    pub domains: Vec<Domain<'x>>,
    pub has_document_type: bool,
}

/// An open element, as far as it matters where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `<domainsnapshot>` or `<domstatus>`
    Wrapper,
    Domain,
    Name,
    Uuid,
    Title,
    Metadata,
    Devices,
    Interface,
    Bandwidth,
    /// Another part of an interface, or one of its bandwidth.
    Part,
    Other,
}

/// Reads a whole document.
pub(super) fn scan(xml: &str) -> Result<Found<'_>, Problem> {
    let mut tokens = Tokens::of_document(xml);
    let mut scan = Scan::default();
    while let Some(token) = tokens.next_token()? {
        match token.kind {
            Kind::Start(tag) => scan.open(tag)?,
            Kind::Empty(tag) => {
                scan.open(tag)?;
                scan.close(token.span.end);
            }
            Kind::End => scan.close(token.span.end),
            Kind::Text(text) | Kind::Cdata(text) => scan.text(text),
            Kind::Reference(name) => scan.reference(token.span.start, name)?,
            Kind::Other => {}
        }
    }
    Ok(Found { domains: scan.domains, has_document_type: tokens.has_document_type() })
}

#[derive(Default)]
struct Scan<'x> {
    domains: Vec<Domain<'x>>,
    /// The domain that is open.
    domain: Domain<'x>,
    /// Every open element; and whether it is the first of its name, which alone counts for libvirt.
    path: Vec<(Place, bool)>,
    /// The tags of the open elements down to a `<metadata>`.
    tags: Vec<Tag<'x>>,
    /// An open interface and its open parts.
    open: Vec<Element<'x>>,
    elements: usize,
}

impl<'x> Scan<'x> {
    fn open(&mut self, tag: Tag<'x>) -> Result<(), Problem> {
        let place = place(self.path.last().map(|(place, _)| *place), &tag)?;
        if matches!(place, Place::Domain | Place::Interface | Place::Bandwidth | Place::Part) {
            self.elements += 1;
        }
        if self.elements > MOST_ELEMENTS {
            return Err(Problem::new(tag.span.start, "more interfaces than any domain has"));
        }
        let is_first = match place {
            Place::Name => begin(&mut self.domain.name),
            Place::Uuid => begin(&mut self.domain.uuid),
            Place::Title => begin(&mut self.domain.title),
            Place::Metadata => self.domain.metadata.is_none(),
            _ => true,
        };
        self.path.push((place, is_first));
        match place {
            Place::Interface | Place::Bandwidth | Place::Part => {
                self.open.push(Element { span: tag.span.clone(), tag, parts: Vec::new() });
            }
            Place::Wrapper | Place::Domain | Place::Metadata => self.tags.push(tag),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, end: usize) {
        match self.path.pop() {
            Some((Place::Interface | Place::Bandwidth | Place::Part, _)) => self.close_part(end),
            Some((Place::Metadata, is_first)) => {
                let path = self.tags.clone();
                let start = self.tags.pop().map_or(end, |tag| tag.span.start);
                if is_first {
                    self.domain.metadata = Some(Metadata { span: start..end, path });
                }
            }
            Some((Place::Domain, _)) => {
                self.tags.pop();
                self.domains.push(std::mem::take(&mut self.domain));
            }
            _ => {}
        }
    }

    fn close_part(&mut self, end: usize) {
        let Some(mut element) = self.open.pop() else { return };
        element.span.end = end;
        match self.open.last_mut() {
            Some(parent) => parent.parts.push(element),
            None => self.domain.interfaces.push(element),
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(value) = self.value() {
            value.push_str(text);
        }
    }

    fn reference(&mut self, at: usize, name: &str) -> Result<(), Problem> {
        let Some(value) = self.value() else { return Ok(()) };
        match reference(name) {
            Some(Reference::Character(c)) => value.push(c),
            _ => return Err(Problem::new(at, "an entity of the document type, which is not read")),
        }
        Ok(())
    }

    /// The value that a text directly inside of the open element is a part of.
    fn value(&mut self) -> Option<&mut String> {
        match self.path.last()? {
            (Place::Name, true) => self.domain.name.as_mut(),
            (Place::Uuid, true) => self.domain.uuid.as_mut(),
            (Place::Title, true) => self.domain.title.as_mut(),
            _ => None,
        }
    }
}

/// Whether this is the first value.
fn begin(value: &mut Option<String>) -> bool {
    let is_first = value.is_none();
    value.get_or_insert_default();
    is_first
}

fn place(parent: Option<Place>, tag: &Tag) -> Result<Place, Problem> {
    let place = match (parent, tag.name()) {
        (None, "domain") | (Some(Place::Wrapper), "domain" | "inactiveDomain") => Place::Domain,
        (None, "domainsnapshot" | "domstatus") => Place::Wrapper,
        (Some(Place::Domain), "name") => Place::Name,
        (Some(Place::Domain), "uuid") => Place::Uuid,
        (Some(Place::Domain), "title") => Place::Title,
        (Some(Place::Domain), "metadata") => Place::Metadata,
        (Some(Place::Domain), "devices") => Place::Devices,
        (Some(Place::Devices), "interface") => Place::Interface,
        (Some(Place::Interface), "bandwidth") => Place::Bandwidth,
        (
            Some(Place::Interface),
            "mac" | "source" | "target" | "model" | "virtualport" | "ip" | "route" | "portForward" | "backend"
            | "actual",
        )
        | (Some(Place::Bandwidth), "inbound") => Place::Part,
        _ => Place::Other,
    };
    // The names above are libvirt's only outside of any namespace.
    match parent {
        _ if place != Place::Other && !tag.is_in_namespace => Ok(place),
        Some(_) => Ok(Place::Other),
        None => {
            let problem = format!("the root element is <{}>, not that of a domain", tag.name());
            Err(Problem::new(tag.span.start, problem))
        }
    }
}
