//! A domain's `<metadata>`: what it says to virt-bridge, and what rules ask of it.

use std::borrow::Cow;

use xml::{Kind, Problem, Tag, Tokens};

use super::scan::Metadata;
use super::{InterfaceRule, NAMESPACE};

/// What the metadata of a domain says.
#[derive(Default)]
pub(super) struct Answers {
    /// That no rule is for the domain.
    pub opt_out: bool,
    /// By rule: whether the metadata are what the rule asks for.
    fits: Vec<bool>,
}

impl Answers {
    /// Whether the metadata are what the rule of this number asks for.
    pub fn fit(&self, rule: usize) -> bool {
        self.fits.get(rule).copied().unwrap_or(false)
    }
}

/// Reads the metadata of a domain.
pub(super) fn read(
    xml: &str,
    metadata: &Metadata,
    has_document_type: bool,
    rules: &[InterfaceRule],
) -> Result<Answers, Problem> {
    let mut tokens = Tokens::of_element(xml, metadata.span.clone(), has_document_type);
    let mut asked = Asked { rules, is_in_namespace: vec![false; rules.len()], answers: Answers::default() };
    asked.answers.fits = vec![false; rules.len()];
    let mut depth = 0;
    while let Some(token) = tokens.next_token()? {
        match token.kind {
            Kind::Start(tag) => {
                depth += 1;
                asked.element(depth, &tag, &metadata.path)?;
            }
            Kind::Empty(tag) => asked.element(depth + 1, &tag, &metadata.path)?,
            Kind::End => depth -= 1,
            Kind::Text(text) | Kind::Cdata(text) if depth > 1 => asked.value(text.trim()),
            _ => {}
        }
    }
    Ok(asked.answers)
}

struct Asked<'r> {
    rules: &'r [InterfaceRule],
    /// By rule: whether its namespace is that of the element directly under `<metadata>` that is being read.
    is_in_namespace: Vec<bool>,
    answers: Answers,
}

impl Asked<'_> {
    fn element(&mut self, depth: usize, tag: &Tag, path: &[Tag]) -> Result<(), Problem> {
        if depth == 2 {
            let (prefix, name) = tag.name().split_once(':').unwrap_or(("", tag.name()));
            let namespace = namespace(prefix, path, tag)?;
            if namespace == NAMESPACE && name == "interfaces" && says_no(tag)? {
                self.answers.opt_out = true;
            }
            self.namespace(&namespace);
        }
        if depth >= 2 && self.is_in_namespace.contains(&true) {
            for attribute in tag.attributes().filter(|attribute| !attribute.name().starts_with("xmlns")) {
                self.value(&attribute.decoded()?);
            }
        }
        Ok(())
    }

    fn namespace(&mut self, namespace: &str) {
        for (index, rule) in self.rules.iter().enumerate() {
            let Some(wanted) = &rule.metadata else { continue };
            self.is_in_namespace[index] = wanted.namespace.matches(namespace);
            self.answers.fits[index] |= self.is_in_namespace[index] && wanted.value.is_none();
        }
    }

    fn value(&mut self, value: &str) {
        for (index, rule) in self.rules.iter().enumerate().filter(|(index, _)| self.is_in_namespace[*index]) {
            let wanted = rule.metadata.as_ref().and_then(|wanted| wanted.value.as_ref());
            self.answers.fits[index] |= wanted.is_some_and(|wanted| wanted.matches(value));
        }
    }
}

/// Whether `patch` is there and anything but `yes`: a slip of the pen leaves a domain alone.
fn says_no(tag: &Tag) -> Result<bool, Problem> {
    Ok(tag.value("patch")?.is_some_and(|value| value != "yes"))
}

/// The namespace that a prefix stands for in the tag; empty for none.
fn namespace<'x>(prefix: &str, path: &[Tag<'x>], tag: &Tag<'x>) -> Result<Cow<'x, str>, Problem> {
    let declaration = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
    for tag in std::iter::once(tag).chain(path.iter().rev()) {
        if let Some(namespace) = tag.value(&declaration)? {
            return Ok(namespace);
        }
    }
    Ok(Cow::Borrowed(""))
}
