//! The fuzz targets of `tests/fuzz/` compile and digest their corpus.

use std::path::Path;
use std::process::Command;

#[test]
fn the_fuzz_targets_compile_and_read_their_corpus() {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/run.sh");
    for target in ["domain", "network"] {
        let mut command = Command::new(&run);
        // -runs would count the corpus twice; a second is enough to read it.
        command.args([target, "1"]).env("CARGO_TARGET_DIR", env!("CARGO_TARGET_TMPDIR"));
        // Compiling takes longer than all that there is to run.
        command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env("CARGO_PROFILE_RELEASE_DEBUG", "0");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
