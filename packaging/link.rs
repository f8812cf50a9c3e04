//! How the programs (not the tests) are linked: small, and with what a hook runs through side by side.

fn main() {
    let directory = env!("CARGO_MANIFEST_DIR");
    println!("cargo::rerun-if-changed=packaging/link.rs");
    println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
    for script in ["discard.ld", "order.ld"] {
        println!("cargo::rerun-if-changed=packaging/{script}");
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{directory}/packaging/{script}");
    }
}
