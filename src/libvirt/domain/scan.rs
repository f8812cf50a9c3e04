//! Finds in the XML of a domain what matters to rules.

use std::borrow::Cow;
use std::ops::Range;

use xml::{Kind, Problem, Reference, Tag, Tokens, reference};

/// Domains, interfaces and their parts that are kept in memory; a domain of 5,000 interfaces, which no hypervisor
/// has, stays below.
const MOST_ELEMENTS: usize = 1 << 16;

/// A `<domain>`, or the `<inactiveDomain>` of a snapshot.
#[derive(Default)]
pub(super) struct Domain<'x> {
    pub name: Option<Cow<'x, str>>,
    pub uuid: Option<Cow<'x, str>>,
    pub title: Option<Cow<'x, str>>,
    pub metadata: Option<Metadata<'x>>,
    /// Each interface, followed by its parts.
    pub elements: Vec<Element<'x>>,
}

/// A domain's `<metadata>`.
pub(super) struct Metadata<'x> {
    pub span: Range<usize>,
    /// The elements around it and itself, the root first.
    pub path: Vec<Tag<'x>>,
}

/// An interface, or a part of one that matters.
pub(super) struct Element<'x> {
    pub role: Role,
    pub tag: Tag<'x>,
    /// Behind its last `>`.
    end: usize,
}

/// What an element is to an interface.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The interface itself.
    Whole,
    Mac,
    Source,
    Model,
    Target,
    /// Another part of it, or one of its bandwidth.
    Other,
}

/// The elements of one interface.
pub(super) struct Elements<'e, 'x> {
    pub whole: &'e Element<'x>,
    /// In the order of the XML.
    pub parts: &'e [Element<'x>],
}

impl<'x> Domain<'x> {
    /// How many interfaces there are.
    pub fn count(&self) -> usize {
        self.elements.iter().filter(|element| element.role == Role::Whole).count()
    }

    /// Its interfaces, in the order of the XML.
    pub fn interfaces(&self) -> impl Iterator<Item = Elements<'_, 'x>> {
        let of_each = self.elements.chunk_by(|_, next| next.role != Role::Whole);
        of_each.filter_map(<[Element]>::split_first).map(|(whole, parts)| Elements { whole, parts })
    }
}

impl Element<'_> {
    /// From its `<` to behind its last `>`.
    pub fn span(&self) -> Range<usize> {
        self.tag.span().start..self.end
    }
}

impl<'e, 'x> Elements<'e, 'x> {
    /// The first part of that role.
    pub fn part(&self, role: Role) -> Option<&'e Element<'x>> {
        self.parts.iter().find(|part| part.role == role)
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
    Part(Role),
    Other,
}

impl Place {
    /// What an element there is to an interface.
    fn role(self) -> Option<Role> {
        match self {
            Place::Interface => Some(Role::Whole),
            Place::Bandwidth => Some(Role::Other),
            Place::Part(role) => Some(role),
            _ => None,
        }
    }
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
    /// Which elements are those of an open interface and its open parts.
    open: Vec<usize>,
    elements: usize,
}

impl<'x> Scan<'x> {
    fn open(&mut self, tag: Tag<'x>) -> Result<(), Problem> {
        let place = place(self.path.last().map(|(place, _)| *place), &tag)?;
        let role = place.role();
        if place == Place::Domain || role.is_some() {
            self.elements += 1;
        }
        if self.elements > MOST_ELEMENTS {
            return Err(Problem::new(tag.span().start, "more interfaces than any domain has"));
        }
        let is_first = match place {
            Place::Name => begin(&mut self.domain.name),
            Place::Uuid => begin(&mut self.domain.uuid),
            Place::Title => begin(&mut self.domain.title),
            Place::Metadata => self.domain.metadata.is_none(),
            _ => true,
        };
        self.path.push((place, is_first));
        if let Some(role) = role {
            self.open.push(self.domain.elements.len());
            self.domain.elements.push(Element { role, end: tag.span().end, tag });
        } else if matches!(place, Place::Wrapper | Place::Domain | Place::Metadata) {
            self.tags.push(tag);
        }
        Ok(())
    }

    fn close(&mut self, end: usize) {
        match self.path.pop() {
            Some((Place::Interface | Place::Bandwidth | Place::Part(_), _)) => self.close_element(end),
            Some((Place::Metadata, is_first)) => {
                let path = self.tags.clone();
                let start = self.tags.pop().map_or(end, |tag| tag.span().start);
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

    fn close_element(&mut self, end: usize) {
        if let Some(element) = self.open.pop().and_then(|open| self.domain.elements.get_mut(open)) {
            element.end = end;
        }
    }

    fn text(&mut self, text: &'x str) {
        if let Some(value) = self.value() {
            *value += text;
        }
    }

    fn reference(&mut self, at: usize, name: &str) -> Result<(), Problem> {
        let Some(value) = self.value() else { return Ok(()) };
        match reference(name) {
            Some(Reference::Character(c)) => value.to_mut().push(c),
            _ => return Err(Problem::new(at, "an entity of the document type, which is not read")),
        }
        Ok(())
    }

    /// The value that a text directly inside of the open element is a part of.
    fn value(&mut self) -> Option<&mut Cow<'x, str>> {
        match self.path.last()? {
            (Place::Name, true) => self.domain.name.as_mut(),
            (Place::Uuid, true) => self.domain.uuid.as_mut(),
            (Place::Title, true) => self.domain.title.as_mut(),
            _ => None,
        }
    }
}

/// Whether this is the first value.
fn begin(value: &mut Option<Cow<str>>) -> bool {
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
        (Some(Place::Interface), "mac") => Place::Part(Role::Mac),
        (Some(Place::Interface), "source") => Place::Part(Role::Source),
        (Some(Place::Interface), "model") => Place::Part(Role::Model),
        (Some(Place::Interface), "target") => Place::Part(Role::Target),
        (Some(Place::Interface), "virtualport" | "ip" | "route" | "portForward" | "backend" | "actual")
        | (Some(Place::Bandwidth), "inbound") => Place::Part(Role::Other),
        _ => Place::Other,
    };
    // The names above are libvirt's only outside of any namespace.
    match parent {
        _ if place != Place::Other && !tag.is_in_namespace => Ok(place),
        Some(_) => Ok(Place::Other),
        None => {
            let problem = format!("the root element is <{}>, not that of a domain", tag.name());
            Err(Problem::new(tag.span().start, problem))
        }
    }
}
