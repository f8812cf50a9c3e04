//! The elements that are open at a place of the XML.

/// The names of the open elements.
#[derive(Default)]
pub(crate) struct OpenElements {
    /// All names, the root's first.
    names: String,
    /// Where each begins.
    starts: Vec<usize>,
}

impl OpenElements {
    /// How many there are.
    pub fn depth(&self) -> usize {
        self.starts.len()
    }

    pub fn open(&mut self, name: &str) {
        self.starts.push(self.names.len());
        self.names.push_str(name);
    }

    /// Closes the innermost one if `text` begins with `</name>`, and tells the length of that.
    ///
    /// Most end tags are written so, and need not be searched for their end.
    pub fn close_plain(&mut self, text: &str) -> Option<usize> {
        let start = *self.starts.last()?;
        let name = &self.names.as_bytes()[start..];
        if !text.as_bytes().strip_prefix(b"</")?.strip_prefix(name)?.starts_with(b">") {
            return None;
        }
        let length = "</>".len() + name.len();
        self.starts.pop();
        self.names.truncate(start);
        Some(length)
    }

    /// Closes the innermost one.
    ///
    /// # Errors
    /// When it has another name, or there is none.
    pub fn close(&mut self, name: &str) -> Result<(), String> {
        let Some(start) = self.starts.pop() else { return Err(format!("</{name}> without <{name}>")) };
        let open = &self.names[start..];
        if open != name {
            return Err(format!("</{name}> where </{open}> has to be"));
        }
        self.names.truncate(start);
        Ok(())
    }
}
