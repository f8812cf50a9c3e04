//! Shapes and text of an SVG document.

use crate::printable::Printable;

/// A document that grows.
#[derive(Default)]
pub struct Sheet {
    shapes: String,
}

impl Sheet {
    /// A box with round corners.
    pub fn rect(&mut self, class: &str, [x, y, width, height]: [i32; 4]) {
        let shape = format!(r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>"#);
        self.add(&shape);
    }

    /// A straight line.
    pub fn wire(&mut self, is_alive: bool, [x1, y1]: [i32; 2], [x2, y2]: [i32; 2]) {
        let class = if is_alive { "wire" } else { "wire dead" };
        self.add(&format!(r#"<path class="{class}" d="M{x1} {y1}L{x2} {y2}"/>"#));
    }

    /// A line of text that begins at `x`, cut where it is longer than `room` pixels; the whole of it is shown when the
    /// pointer rests on it.
    pub fn text(&mut self, class: &str, [x, y]: [i32; 2], room: i32, text: &str) {
        let text = Printable(text).to_string();
        let (shown, title) = match fits(class, room, &text) {
            true => (text, String::new()),
            false => {
                let cut: String = text.chars().take(letters(class, room) - 1).collect();
                (format!("{cut}…"), format!("<title>{}</title>", escaped(&text)))
            }
        };
        self.add(&format!(r#"<text class="{class}" x="{x}" y="{y}">{title}{}</text>"#, escaped(&shown)));
    }

    /// The whole document.
    pub fn finish(self, width: i32, height: i32) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n<style>\n{}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{}</svg>\n",
            include_str!("../svg.css"),
            self.shapes
        )
    }

    fn add(&mut self, shape: &str) {
        self.shapes.push_str(shape);
        self.shapes.push('\n');
    }
}

/// Whether the whole of a text has its place in `room` pixels.
pub fn fits(class: &str, room: i32, text: &str) -> bool {
    text.chars().count() <= letters(class, room)
}

fn letters(class: &str, room: i32) -> usize {
    usize::try_from(room * 10 / advance(class)).unwrap_or(0).max(1)
}

/// How wide a letter of a wide font is on average, in tenths of a pixel: nobody can measure the reader's.
fn advance(class: &str) -> i32 {
    match class {
        "name" => 90,
        "quiet" | "odd" | "bad" | "small" => 65,
        _ => 80,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_text_and_within_its_room() {
        let mut sheet = Sheet::default();
        sheet.text("name", [1, 2], 90, "a<b>&");
        sheet.text("name", [1, 2], 45, "a-very-long-name");
        let document = sheet.finish(10, 20);
        assert!(document.contains(">a&lt;b&gt;&amp;</text>"), "{document}");
        assert!(document.contains("<title>a-very-long-name</title>a-ve…</text>"), "{document}");
    }
}
