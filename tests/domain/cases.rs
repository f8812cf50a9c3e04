//! Every directory of `tests/domain/cases`: rules, an input, what comes of it (the input where there is no
//! `expected.xml`), and what is told.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{patch_in, text};

fn cases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/domain/cases");
    let cases: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(cases.len() >= 13, "{cases:?}");
    cases
}

fn expected(case: &Path) -> Vec<u8> {
    fs::read(case.join("expected.xml")).or_else(|_| fs::read(case.join("input.xml"))).unwrap()
}

#[test]
fn the_rules_make_of_each_input_what_is_expected_and_tell_it() {
    for case in cases() {
        let output = patch_in(&case, &["--rules", "rules.toml", "--verbose", "input.xml"], b"");
        assert!(output.status.success(), "{case:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), text(&expected(&case)), "{case:?}");
        assert_eq!(text(&output.stderr), fs::read_to_string(case.join("messages")).unwrap(), "{case:?}");
    }
}

#[test]
fn patching_twice_is_patching_once() {
    for case in cases() {
        let once = expected(&case);
        let twice = patch_in(&case, &["--rules", "rules.toml"], &once);
        assert_eq!(text(&twice.stdout), text(&once), "{case:?}");
        assert_eq!(patch_in(&case, &["--rules", "rules.toml", "--check"], &once).status.code(), Some(0), "{case:?}");
    }
}
