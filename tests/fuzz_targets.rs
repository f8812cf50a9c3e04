//! The fuzz targets of `tests/fuzz/` compile and digest their corpus.

use std::path::Path;
use std::process::Command;

#[test]
fn the_fuzz_targets_compile_and_read_their_corpus() {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/run.sh");
    for target in ["domain", "network"] {
        // -runs would count the corpus twice; a second is enough to read it.
        let output =
            Command::new(&run).args([target, "1"]).env("CARGO_TARGET_DIR", env!("CARGO_TARGET_TMPDIR")).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
