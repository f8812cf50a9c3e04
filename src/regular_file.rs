//! Files of others: whatever stands in their place, they take bounded time and memory.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

/// More than any configuration needs; a larger file was put there by mistake.
pub const LARGEST: u64 = 1 << 20;

/// The text of a file.
///
/// # Errors
/// When it cannot be read, is no regular file, has more than [`LARGEST`] bytes or is not UTF-8.
pub fn read(path: &Path) -> io::Result<String> {
    // Without O_NONBLOCK the open of a fifo waits for a writer.
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file of at most 1 MiB"));
    }
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_of_bounded_size_is_read_and_nothing_is_waited_for() {
        let directory = std::env::temp_dir().join(format!("virt-bridge-regular-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let fifo = directory.join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::fs::write(directory.join("text"), "text").unwrap();
        File::create(directory.join("large")).unwrap().set_len(LARGEST + 1).unwrap();
        assert_eq!(read(&directory.join("text")).unwrap(), "text");
        for path in [&fifo, &directory.join("large"), &directory, Path::new("/dev/zero")] {
            assert!(read(path).is_err(), "{}", path.display());
        }
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
