//! Reading from somebody who may never write, and never close.

use std::io::{self, Read};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::deadline::Deadline;

/// An unbuffered reader of a descriptor whose reads end at a deadline, with [`io::ErrorKind::TimedOut`].
pub struct TimedInput<F> {
    source: F,
    deadline: Deadline,
    /// Whoever wrote is gone: what there is to read is there already.
    is_complete: bool,
    has_ended: bool,
}

impl<F: AsFd> TimedInput<F> {
    /// Reads from `source` until `deadline`. What std has buffered of it is not seen.
    pub fn new(source: F, deadline: Deadline) -> Self {
        TimedInput { source, deadline, is_complete: false, has_ended: false }
    }

    fn wait(&mut self) -> io::Result<()> {
        loop {
            // poll counts in milliseconds; the next one, so that the last wait does not spin.
            let milliseconds = self.deadline.remaining().as_millis() + 1;
            let timeout = PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX);
            let mut polled = [PollFd::new(self.source.as_fd(), PollFlags::POLLIN)];
            match poll(&mut polled, timeout) {
                Ok(0) if self.deadline.has_passed() => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "the input did not end in time"));
                }
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => {
                    self.is_complete = polled[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP));
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<F: AsFd> Read for TimedInput<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.has_ended {
            return Ok(0);
        }
        // An input that always has more to say must end too.
        if self.deadline.has_passed() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the input did not end in time"));
        }
        if !self.is_complete {
            self.wait()?;
        }
        let read = nix::unistd::read(&self.source, buffer)?;
        // A pipe gives all that it has (pipe_read in fs/pipe.c).
        self.has_ended = self.is_complete && read < buffer.len();
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::time::{Duration, Instant};

    use super::*;

    fn read_all(source: impl AsFd, within: Duration) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        TimedInput::new(source, Deadline::after(within)).read_to_end(&mut text).map(|_| text)
    }

    #[test]
    fn what_is_written_in_time_is_read() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let mut writer = File::from(writer);
        let writing = std::thread::spawn(move || {
            writer.write_all(b"<net").unwrap();
            std::thread::sleep(Duration::from_millis(20));
            writer.write_all(b"work/>").unwrap();
        });
        assert_eq!(read_all(reader, Duration::from_secs(5)).unwrap(), b"<network/>");
        writing.join().unwrap();
        assert_eq!(read_all(File::open("/dev/null").unwrap(), Duration::from_secs(5)).unwrap(), b"");
    }

    #[test]
    fn an_input_that_never_comes_or_never_ends_fails_at_the_deadline() {
        let (silent, writer) = nix::unistd::pipe().unwrap();
        for source in [silent.as_fd(), File::open("/dev/zero").unwrap().as_fd()] {
            let start = Instant::now();
            let mut input = TimedInput::new(source, Deadline::after(Duration::from_millis(50)));
            let error = io::copy(&mut input, &mut io::sink()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            let elapsed = start.elapsed();
            assert!(elapsed >= Duration::from_millis(50) && elapsed < Duration::from_secs(2), "{elapsed:?}");
        }
        drop(writer);
    }
}
