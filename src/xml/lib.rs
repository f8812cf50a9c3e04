//! XML as it is written: its tokens, each checked and with its place, so that a part can be changed and all else stay.
#![deny(unsafe_code)]

mod characters;
mod position;
mod tag;
mod tokens;

pub use characters::{Reference, check, escaped, is_space, reference};
pub use position::{Lines, Problem};
pub use tag::{Attribute, Tag};
pub use tokens::{Kind, Token, Tokens};
