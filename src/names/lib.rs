//! Names: their patterns, which of them the kernel takes, and how they are shown.
#![deny(unsafe_code)]

pub mod glob;
pub mod interface_name;
pub mod printable;
