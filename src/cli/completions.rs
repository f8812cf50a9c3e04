//! `virt-bridge completions`: what a shell reads so that it completes the command.
//!
//! The scripts ask the hidden verb `complete`, so they never go stale and are the same for every shell: clap_complete's
//! own scripts know no names of this host, and its dynamic ones are not stable yet (feature `unstable-dynamic`).

use super::exit::Failure;

#[derive(clap::Args)]
#[command(after_help = "For this session: source <(virt-bridge completions bash)")]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::print_text(match arguments.shell {
        Shell::Bash => include_str!("../../packaging/completions/virt-bridge.bash"),
        Shell::Zsh => include_str!("../../packaging/completions/_virt-bridge"),
        Shell::Fish => include_str!("../../packaging/completions/virt-bridge.fish"),
    })
}
