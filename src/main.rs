//! The command `virt-bridge`.

use std::process::ExitCode;

fn main() -> ExitCode {
    virt_bridge::cli::main()
}
