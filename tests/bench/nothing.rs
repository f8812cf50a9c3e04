//! The least that a static Rust program can take: the measure of the hooks' own cost.

fn main() {}
