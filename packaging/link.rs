//! How the programs (not the tests) are linked: small.

fn main() {
    println!("cargo::rerun-if-changed=packaging/link.rs");
    // Relative relocations in their packed form, which a static-pie program applies itself since glibc 2.36.
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    // No index for unwinding: a panic aborts (see Cargo.toml).
    println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
}
