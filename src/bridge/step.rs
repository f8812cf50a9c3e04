//! One change of the host, as a value: what it does and the message that does it.

use nix::errno::Errno;
use nix::libc;
use serde::{Serialize, Serializer};

use crate::netlink::{Payload, Request};

/// Flags that make an object and refuse one that is there already.
pub const CREATE_NEW: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;

/// A change that one netlink message makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What the step does, for people.
    pub what: String,
    /// What it is good for, for people.
    pub why: &'static str,
    /// The message.
    pub request: Request,
    /// Errors that say that things are already as the step wants them.
    pub already: &'static [Errno],
}

/// Plans and receipts show steps in words; the messages follow from the objects that they carry beside.
impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.what)
    }
}

impl Step {
    /// A step that sends a ready-made message.
    pub fn send(what: impl Into<String>, why: &'static str, request: Request) -> Self {
        Step { what: what.into(), why, request, already: &[] }
    }

    /// A step that adds an object; `flags` are `NLM_F_…`.
    pub fn add<T: Payload>(what: impl Into<String>, why: &'static str, object: &T, flags: i32) -> Self {
        Self::send(what, why, Request::add(object, flags))
    }

    /// A step that takes an object away, content if it is gone.
    pub fn remove<T: Payload>(what: impl Into<String>, why: &'static str, key: &T) -> Self {
        Self::send(what, why, Request::remove(key)).unless(GONE)
    }

    /// The same step, for which these errors are none.
    pub fn unless(mut self, already: &'static [Errno]) -> Self {
        self.already = already;
        self
    }
}

/// What the kernel says of an object that is not there, or whose link is not there, or has no IPv6 (ENXIO: inet6_addr_del in
/// net/ipv6/addrconf.c).
pub const GONE: &[Errno] = &[Errno::ESRCH, Errno::ENOENT, Errno::EADDRNOTAVAIL, Errno::ENODEV, Errno::ENXIO];
/// What the kernel says of an object that is there.
pub const PRESENT: &[Errno] = &[Errno::EEXIST];
