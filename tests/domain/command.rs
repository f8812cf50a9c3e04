//! `virt-bridge domain patch` as a command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::program;
use crate::run::{patch, patch_in, text};

const XML: &str = "<domain>\n<name>web</name>\n<devices>\n<interface type='network'>\n<source network='default'/>\n\
                   </interface>\n</devices>\n</domain>\n";
const RULE: [&str; 4] = ["--from-network", "default", "--to-network", "lan"];

/// A directory of a test's own, gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("domain-{test}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn one_rule_of_the_command_line_is_enough() {
    for (arguments, expected) in [
        (&["--from-network", "def*", "--to-network", "lan", "--to-portgroup", "p"][..], "network='lan' portgroup='p'"),
        (&["--domain", "web", "--to-bridge", "br0"], "bridge='br0'"),
        (&["--domain", "db", "--to-bridge", "br0"], "network='default'"),
        (&["--from-type", "bridge", "--to-bridge", "br0"], "network='default'"),
        (&["--from-bridge", "default", "--to-bridge", "br0"], "network='default'"),
        (&["--from-device", "*", "--to-bridge", "br0"], "network='default'"),
        (&["--from-mac", "52:54", "--to-bridge", "br0"], "network='default'"),
    ] {
        let output = patch(arguments, XML.as_bytes());
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains(&format!("<source {expected}/>")), "{arguments:?}");
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn a_wrong_command_line_is_explained() {
    for (arguments, told) in [
        (&["--from-network", "default"][..], "--to-network"),
        (&["--to-network", "a", "--to-bridge", "b"], "cannot be used with"),
        (&["--to-portgroup", "a"], "--to-network"),
        (&["--to-bridge", "a/b"], "it contains '/', ':' or '%'"),
        (&["--to-network", ""], "a name is empty"),
        (&["--from-mac", "xx", "--to-network", "a"], "is no MAC address"),
        (&["--rules", "x", "--to-network", "a"], "cannot be used with"),
        (&["--check", "--diff"], "cannot be used with"),
    ] {
        let output = patch(arguments, XML.as_bytes());
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{arguments:?}");
        assert!(text(&output.stderr).contains(told), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn check_tells_by_its_exit_code_alone() {
    let code = |xml: &str| {
        let output = patch(&[&RULE[..], &["--check"]].concat(), xml.as_bytes());
        assert_eq!(text(&output.stdout), "");
        (output.status.code().unwrap(), text(&output.stderr))
    };
    assert_eq!(code(XML), (5, String::new()));
    assert_eq!(code(&XML.replace("default", "lan")), (0, String::new()));
    assert_eq!(code("<domain>"), (1, "virt-bridge: stdin:1:9: it ends inside of an element\n".into()));
}

#[test]
fn a_diff_is_one_that_patch_applies() {
    let directory = Directory::new("diff");
    for (name, xml) in
        [("unix", XML.to_owned()), ("dos", XML.replace('\n', "\r\n")), ("open", XML.trim_end().to_owned())]
    {
        let file = directory.0.join(name);
        fs::write(&file, &xml).unwrap();
        let diff = patch_in(&directory.0, &[&RULE[..], &["--diff", name]].concat(), b"");
        assert!(!text(&diff.stdout).contains('\x1b'), "{name}");
        let diff_file = directory.0.join(format!("{name}.diff"));
        fs::write(&diff_file, &diff.stdout).unwrap();
        let applied = Command::new("patch").args(["--binary", "--quiet"]).arg(&file).arg(&diff_file).status().unwrap();
        assert!(applied.success(), "{name}");
        assert_eq!(fs::read_to_string(&file).unwrap(), xml.replace("default", "lan"), "{name}");
    }
    assert_eq!(text(&patch(&["--diff", "--to-network", "default"], XML.as_bytes()).stdout), "");
}

#[test]
fn a_diff_is_coloured_on_a_terminal_only_and_nothing_in_the_xml_moves_its_cursor() {
    let directory = Directory::new("terminal");
    fs::write(directory.0.join("x.xml"), XML.replace("<source", "<!-- \u{9b}2J -->\n<source")).unwrap();
    let on_terminal = |no_color: &str| {
        let command = format!("{} domain patch {} --diff x.xml", program("virt-bridge"), RULE.join(" "));
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).current_dir(&directory.0);
        text(&script.env("NO_COLOR", no_color).output().unwrap().stdout)
    };
    let coloured = on_terminal("");
    assert!(coloured.contains("\x1b[31m-<source network='default'/>\x1b[0m"), "{coloured:?}");
    assert!(coloured.contains("\x1b[32m+<source network='lan'/>\x1b[0m"), "{coloured:?}");
    assert!(coloured.contains("\\u{9b}2J"), "{coloured:?}");
    assert!(!on_terminal("1").contains("\x1b"));
}

#[test]
fn what_cannot_be_read_is_one_line_that_names_it() {
    let directory = Directory::new("unread");
    fs::write(directory.0.join("rules.toml"), "[[interface]]\nform = 1\n").unwrap();
    fs::write(directory.0.join("a\nb.xml"), "<domain>\n</domain>\n<x/>").unwrap();
    for (arguments, told) in [
        (
            &["--to-network", "a", "none.xml"][..],
            "virt-bridge: none.xml: cannot read it: No such file or directory (os error 2)\n",
        ),
        (&["--to-network", "a", "/"], "virt-bridge: /: cannot read it: Is a directory (os error 21)\n"),
        (&["--to-network", "a", "a\nb.xml"], "virt-bridge: a\\nb.xml:3:1: a second root element\n"),
        (
            &["--rules", "rules.toml", "-"],
            "virt-bridge: rules.toml:2: interface.form: unknown key; did you mean \"from\"?\n",
        ),
        (&["--rules", "none.toml"], "virt-bridge: none.toml: cannot read the configuration: entity not found\n"),
    ] {
        let output = patch_in(&directory.0, arguments, b"");
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{arguments:?}");
        assert_eq!(text(&output.stderr), told, "{arguments:?}");
    }
}
