//! An input that cannot take more memory or time than the XML of a network is worth.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

/// All of the input; a network with 50,000 DHCP hosts, the largest that we foresee, has 4 MiB.
const LARGEST: usize = 16 << 20;

/// Of one call; libvirt gives most networks in one. std fills a buffer with zeros first, and each page costs a fault.
const BUFFER: usize = 4 << 10;

/// One tag, text or comment, which the parser holds in memory as a whole.
const LARGEST_TOKEN: usize = 64 << 10;

/// A buffered reader that fails with [`ErrorKind::InvalidData`] beyond these bounds.
pub(super) struct BoundedInput<R> {
    input: BufReader<R>,
    total: usize,
    token: usize,
}

impl<R: Read> BoundedInput<R> {
    pub fn new(input: R) -> Self {
        BoundedInput { input: BufReader::with_capacity(BUFFER, input), total: 0, token: 0 }
    }

    /// Tells that the parser has let go of what it read before.
    pub fn begin_token(&mut self) {
        self.token = 0;
    }
}

impl<R: Read> Read for BoundedInput<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for BoundedInput<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.total > LARGEST {
            return Err(io::Error::new(ErrorKind::InvalidData, "more than 16 MiB"));
        }
        if self.token > LARGEST_TOKEN {
            return Err(io::Error::new(ErrorKind::InvalidData, "a single tag, text or comment of more than 64 KiB"));
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.total += amount;
        self.token += amount;
        self.input.consume(amount);
    }
}
