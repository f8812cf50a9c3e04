#!/usr/bin/python3
"""crates.py copyright|sbom: what the crates in Cargo.lock say of themselves, for debian/copyright and as CycloneDX.

Both are pure functions of Cargo.lock and the crates' own files, so that the same source gives the same bytes.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

# What licences are called in debian/copyright (DEP-5) where that differs from SPDX.
NAMES = {"MIT": "Expat"}
# A crate with any other licence fails here, and somebody decides.
ALLOWED = {"MIT", "Apache-2.0", "Unlicense", "Unicode-3.0", "LGPL-2.1-or-later", "LGPL-2.1"}
# Our packages whose programs are shipped.
PROGRAMS = {"virt-bridge", "virt-bridge-watch"}


def metadata():
    return json.loads(subprocess.check_output(["cargo", "metadata", "--format-version=1", "--locked"]))


def crates(found):
    """The packages that are not ours, in the order of their names."""
    foreign = (package for package in found["packages"] if package["source"])
    return sorted(foreign, key=lambda package: (package["name"], package["version"]))


def expression(package):
    """The SPDX expression of a crate; a slash is the older way to say OR."""
    text = re.sub(r"\s*/\s*", " OR ", package["license"] or "")
    unknown = set(re.findall(r"[\w.-]+", text)) - {"OR", "AND"} - ALLOWED
    if not text or unknown:
        sys.exit(f"{package['name']} {package['version']}: licence {text!r} is not among {', '.join(sorted(ALLOWED))}")
    return text


def in_dep5(text):
    text = re.sub(r"[()]", "", text) if " AND " not in text else text.replace("(", "").replace(") AND", ", and")
    for name, debian in NAMES.items():
        text = re.sub(rf"\b{name}\b", debian, text)
    return text.replace(" OR ", " or ").replace(" AND ", " and ")


def holders(package):
    """Who holds the copyright, as the crate's own licence files say, or else its authors."""
    directory = Path(package["manifest_path"]).parent
    lines = []
    for file in sorted(directory.glob("LICEN[CS]E*")):
        for line in file.read_text(errors="replace").splitlines() if file.is_file() else []:
            # What follows is a year or a name; licences' own prose goes on otherwise.
            said = re.match(r"\s*(?:Copyright|COPYRIGHT) (?:\([cC]\) |© )?(\d{4}.*|(?:The )?(?!HOLDERS)[A-Z][\w-]+ .*)", line)
            if said:
                lines.append(said[1].strip())
    authors = package["authors"] or [f"The authors of {package['name']}, {package['repository'] or 'crates.io'}"]
    return list(dict.fromkeys(lines)) or authors


def copyright_file(found):
    source = Path("packaging/debian/copyright.in").read_text()
    paragraphs = [source.split("\n\nLicense:", 1)[0]]
    for package in crates(found):
        paragraphs.append(
            f"Files: vendor/{package['name']}-{package['version']}/*\n"
            f"Copyright: {(chr(10) + '           ').join(holders(package))}\n"
            f"License: {in_dep5(expression(package))}"
        )
    return "\n\n".join(paragraphs) + "\n\nLicense:" + source.split("\n\nLicense:", 1)[1]


def linked(found, platform):
    """The crates that are in our programs: neither macros nor what builds or tests."""
    tree = ["cargo", "tree", "--quiet", "--locked", "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}"]
    seen = set()
    for program in PROGRAMS:
        said = subprocess.check_output([*tree, "--package", program, "--target", platform], text=True)
        seen |= {tuple(line.split()[:2]) for line in said.splitlines()}
    return [package for package in crates(found) if (package["name"], f"v{package['version']}") in seen]


def sbom(found, platform):
    lock = tomllib.loads(Path("Cargo.lock").read_text())
    sums = {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}
    ours = next(package for package in found["packages"] if package["name"] == "virt-bridge")

    def component(package, kind):
        name, version = package["name"], package["version"]
        entry = {
            "type": kind,
            "bom-ref": f"pkg:cargo/{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:cargo/{name}@{version}",
            "licenses": [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}],
        }
        if sums.get((name, version)):
            entry["hashes"] = [{"alg": "SHA-256", "content": sums[name, version]}]
        return entry

    return json.dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": {"component": component(ours, "application")},
            "components": [component(package, "library") for package in linked(found, platform)],
        },
        indent=2,
    )


def host():
    return re.search(r"^host: (.*)$", subprocess.check_output(["rustc", "-vV"], text=True), re.MULTILINE)[1]


match sys.argv[1:]:
    case ["copyright"]:
        print(copyright_file(metadata()).rstrip())
    case ["sbom"]:
        print(sbom(metadata(), host()))
    case _:
        sys.exit("usage: crates.py copyright|sbom")
