//! XML as it is written: its tokens, each checked and with its place, so that a part can be changed and all else stay.
#![deny(unsafe_code)]

mod attribute;
mod characters;
mod incoming;
mod open_elements;
mod position;
mod reading;
mod shape;
mod tag;
mod tokens;
mod words;

pub use attribute::Attribute;
pub use characters::{Reference, check, escaped, is_space, reference};
pub use incoming::{Error, Incoming};
pub use position::{Lines, Problem};
pub use reading::{Kind, Token};
pub use tag::Tag;
pub use tokens::Tokens;
