//! How the programs (not the tests) are linked: small.

fn main() {
    let directory = env!("CARGO_MANIFEST_DIR");
    println!("cargo::rerun-if-changed=packaging/link.rs");
    // Relative relocations in their packed form, which a static-pie program applies itself since glibc 2.36.
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    // No tables for unwinding and no index of them.
    println!("cargo::rerun-if-changed=packaging/discard.ld");
    println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr,-T,{directory}/packaging/discard.ld");
}
