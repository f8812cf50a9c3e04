//! The XML of a libvirt network: is it one whose bridge is our business?

mod draft;
#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};
use std::io::{self, Read};
use std::sync::Arc;

use xml::{Incoming, Problem};

use self::draft::{Draft, Verdict};
use crate::interface_name;
use crate::printable::Printable;

/// A network whose guests become ports of a Linux bridge that libvirt does not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgedNetwork {
    /// The network's name; any text.
    pub name: String,
    /// The bridge's name; a valid interface name.
    pub bridge: String,
}

/// Why the XML of a network could not be read.
#[derive(Clone, Debug)]
pub enum Error {
    /// There was none: the input was closed, empty or white space.
    Empty,
    /// The input failed; [`io::ErrorKind::TimedOut`] if it did not come in time.
    Unreadable(Arc<io::Error>),
    /// It is not the XML of a network, or larger than one.
    Malformed {
        /// Bytes from the start of the input to the problem.
        position: usize,
        /// What is wrong.
        problem: String,
    },
    /// The network is ours, but the kernel can have no bridge of that name.
    ImpossibleBridge {
        /// The name that the XML gives.
        bridge: String,
        /// Why not.
        why: &'static str,
    },
}

/// Reads the XML of a network: what a hook gets (`<hookData>`), a definition (`<network>`) or a status file
/// (`<networkstatus>`).
///
/// `None`: the network is none of our business, because its forward mode isn't `bridge`, it has no bridge name, or its
/// guests attach by macvtap or by a virtualport (Open vSwitch and others). That is said at the first element that
/// tells, and the rest is not read; only the XML of a network that is ours is read, and checked, to its end.
pub fn read(input: impl Read) -> Result<Option<BridgedNetwork>, Error> {
    let mut tokens = Incoming::new(input);
    let mut draft = Draft::default();
    while let Some(token) = tokens.next_token()? {
        match draft.take(token)? {
            Verdict::Open => {}
            Verdict::NotOurs => return Ok(None),
        }
    }
    if !draft.has_root() {
        return Err(Error::Empty);
    }
    draft.finish(tokens.position())?.map(with_possible_bridge).transpose()
}

/// libvirt takes any text as the name of a bridge; whoever gets a network from here need not check it again.
fn with_possible_bridge(network: BridgedNetwork) -> Result<BridgedNetwork, Error> {
    match interface_name::check(&network.bridge) {
        Ok(()) => Ok(network),
        Err(why) => Err(Error::ImpossibleBridge { bridge: network.bridge, why }),
    }
}

impl From<xml::Error> for Error {
    fn from(error: xml::Error) -> Self {
        match error {
            xml::Error::Unreadable(error) => Error::Unreadable(Arc::new(error)),
            xml::Error::Malformed(problem) => problem.into(),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Error::Malformed { position: problem.at, problem: problem.text }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Error::Empty => write!(f, "cannot read the network's XML: there is none"),
            Error::Unreadable(error) => write!(f, "cannot read the network's XML: {error}"),
            Error::Malformed { position, problem } => {
                write!(f, "cannot read the network's XML: byte {position}: {}", Printable(problem))
            }
            Error::ImpossibleBridge { bridge, why } => {
                write!(f, "a bridge cannot be called \"{}\": {why}", Printable(bridge))
            }
        }
    }
}

impl std::error::Error for Error {}
