//! The programs that are tested.

use std::path::{Path, PathBuf};

/// The directory they are in: `$BUILT`, where `make test` has them as they are shipped, else cargo's own.
pub fn directory() -> PathBuf {
    let of_cargo = || Path::new(env!("CARGO_BIN_EXE_virt-bridge")).parent().unwrap().into();
    std::env::var_os("BUILT").map_or_else(of_cargo, PathBuf::from)
}

/// The path of one of them, as a command line has it.
pub fn program(name: &str) -> String {
    directory().join(name).into_os_string().into_string().unwrap()
}
