//! Which files make up the configuration, and their text.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::error::Error;

/// More than any configuration needs; a larger file was put there by mistake.
const LARGEST: u64 = 1 << 20;

/// One file of the configuration.
pub(super) struct Source {
    pub path: PathBuf,
    pub text: String,
    /// Where lines end, once it was asked for.
    line_ends: OnceCell<Vec<usize>>,
}

impl Source {
    /// The line, counted from 1, that the byte at `offset` is on.
    pub fn line(&self, offset: usize) -> usize {
        let ends = || self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
        1 + self.line_ends.get_or_init(ends).partition_point(|&end| end < offset)
    }
}

/// The configuration's files in the order in which they apply: `etc/virt-bridge.toml` under `root`, then
/// `etc/virt-bridge.d/*.toml` in byte order of their names. Those that do not exist are left out.
pub(super) fn read_all(root: &Path) -> Result<Vec<Source>, Error> {
    let main = root.join("etc/virt-bridge.toml");
    let mut sources = Vec::new();
    match read(&main) {
        Ok(source) => sources.push(source),
        Err((io::ErrorKind::NotFound, _)) if main.symlink_metadata().is_err() => {}
        Err((_, error)) => return Err(error),
    }
    for path in drop_ins(&root.join("etc/virt-bridge.d"))? {
        sources.push(read_file(&path)?);
    }
    Ok(sources)
}

/// One file, which has to exist.
pub(super) fn read_file(path: &Path) -> Result<Source, Error> {
    read(path).map_err(|(_, error)| error)
}

/// The drop-ins in `directory`, sorted.
fn drop_ins(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |e: io::Error| Error::of_file(directory, format!("cannot list the directory: {}", e.kind()));
    let entries = match fs::read_dir(directory) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(unreadable)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name();
        if is_drop_in(&name) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

/// Whether a file of that name is meant as configuration; what editors and dpkg leave behind is not.
fn is_drop_in(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".toml") && !name.starts_with(b".") && !name.starts_with(b"#")
}

/// Reads one file; the kind of the I/O error tells a missing file from a broken one.
fn read(path: &Path) -> Result<Source, (io::ErrorKind, Error)> {
    let failed =
        |e: io::Error| (e.kind(), Error::of_file(path, format!("cannot read the configuration: {}", e.kind())));
    let refused = |problem: &str| (io::ErrorKind::InvalidData, Error::of_file(path, problem));

    // Without O_NONBLOCK the open of a fifo waits for a writer.
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(refused("not a regular file"));
    }
    if metadata.len() > LARGEST {
        return Err(refused("larger than 1 MiB"));
    }
    let length = metadata.len() as usize;
    let bytes = read_whole(file, length).map_err(failed)?;
    if bytes.len() > length {
        return Err(refused("it is being written"));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let valid = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|&&b| b == b'\n').count();
        let error = Error { line: Some(line), ..Error::of_file(path, "not UTF-8 text") };
        (io::ErrorKind::InvalidData, error)
    })?;
    Ok(Source { path: path.into(), text, line_ends: OnceCell::new() })
}

/// Reads a regular file of this length, which ends where less is there than was asked for: that spares the read which
/// finds nothing. One that has grown meanwhile is longer than it should be.
fn read_whole(mut file: File, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length + 1];
    let mut total = 0;
    while total < length {
        match file.read(&mut bytes[total..])? {
            0 => break,
            read => total += read,
        }
    }
    bytes.truncate(total);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_and_dpkg_leave_behind_is_no_drop_in() {
        for name in ["a.toml", "10-x.toml", "~.toml"] {
            assert!(is_drop_in(OsStr::new(name)), "{name}");
        }
        for name in ["a.toml~", ".a.toml", ".a.toml.swp", "#a.toml#", "#a.toml", "a.toml.dpkg-old", "a.toml.bak", "a"] {
            assert!(!is_drop_in(OsStr::new(name)), "{name}");
        }
        assert!(is_drop_in(OsStr::from_bytes(b"\xff.toml")));
    }
}
