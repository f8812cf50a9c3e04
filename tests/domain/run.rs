//! Runs `virt-bridge domain patch`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::programs::program;

/// `virt-bridge domain patch` with these arguments, in `directory`, with `stdin`.
pub fn patch_in(directory: &Path, arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(program("virt-bridge"))
        .args(["domain", "patch"])
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    let writer = std::thread::spawn(move || {
        // It may end before it has read everything.
        let _ = input.write_all(&stdin);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// The same, anywhere.
pub fn patch(arguments: &[&str], stdin: &[u8]) -> Output {
    patch_in(Path::new("/"), arguments, stdin)
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
