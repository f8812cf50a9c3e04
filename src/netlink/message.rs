//! Framing: requests into bytes, bytes into answers, and the kernel's errors in its own words.

use netlink_packet_core::{Emitable, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader};
use nix::errno::Errno;

use super::{Attributes, Malformed, Payload};

const HEADER_LENGTH: usize = 16;
/// `NLM_F_CAPPED` and `NLM_F_ACK_TLVS` of linux/netlink.h: only the failed message's header comes back; attributes
/// with the kernel's explanation follow it.
const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSGERR_ATTR_MSG: u16 = 1;

/// One message to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `RTM_…`
    pub kind: u16,
    /// `NLM_F_…` beside `NLM_F_REQUEST` and `NLM_F_ACK`, which the socket adds.
    pub flags: u16,
    /// The structure of this kind of message, and its attributes.
    pub payload: Vec<u8>,
}

impl Request {
    /// What adds an object, or changes it; `flags` are `NLM_F_…`.
    pub fn add<T: Payload>(object: &T, flags: i32) -> Self {
        Request { kind: T::NEW, flags: flags as u16, payload: object.encode() }
    }

    /// What takes an object away.
    pub fn remove<T: Payload>(key: &T) -> Self {
        Request { kind: T::DELETE, flags: 0, payload: key.encode() }
    }

    /// Appends the framed message to `buffer`.
    pub(super) fn encode(&self, sequence: u32, flags: u16, buffer: &mut Vec<u8>) {
        let mut header = NetlinkHeader::default();
        // A payload is a structure and attributes of at most 64 KiB each: far from 4 GiB.
        header.length = (HEADER_LENGTH + self.payload.len()) as u32;
        header.message_type = self.kind;
        header.flags = NLM_F_REQUEST | self.flags | flags;
        header.sequence_number = sequence;
        let start = buffer.len();
        buffer.resize(start + HEADER_LENGTH, 0);
        header.emit(&mut buffer[start..]);
        buffer.extend(&self.payload);
        buffer.resize(buffer.len().next_multiple_of(4), 0);
    }
}

/// One message from the kernel.
pub(super) struct Answer<'a> {
    pub kind: u16,
    pub flags: u16,
    pub sequence: u32,
    pub payload: &'a [u8],
}

/// Splits one datagram into the messages that it carries.
pub(super) fn answers(datagram: &[u8]) -> impl Iterator<Item = Result<Answer<'_>, Malformed>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let buffer = match NetlinkBuffer::new_checked(rest) {
            Ok(buffer) => buffer,
            Err(error) => {
                rest = &[];
                return Some(Err(error.into()));
            }
        };
        let length = buffer.length() as usize;
        let answer = Answer {
            kind: buffer.message_type(),
            flags: buffer.flags(),
            sequence: buffer.sequence_number(),
            payload: &rest[HEADER_LENGTH..length],
        };
        rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        Some(Ok(answer))
    })
}

/// An error that the kernel answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelError {
    /// The error number.
    pub errno: Errno,
    /// The kernel's own explanation (extended ack), where it gave one.
    pub explanation: Option<String>,
}

impl std::fmt::Display for KernelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.explanation {
            Some(explanation) => write!(f, "{explanation} ({})", self.errno.desc()),
            None => write!(f, "{}", self.errno.desc()),
        }
    }
}

impl Answer<'_> {
    /// The outcome that an `NLMSG_ERROR` or `NLMSG_DONE` message carries.
    pub fn outcome(&self) -> Result<Result<(), KernelError>, Malformed> {
        let (code, rest) = self
            .payload
            .split_first_chunk::<4>()
            .ok_or_else(|| Malformed("an error message without an error number".into()))?;
        let code = i32::from_ne_bytes(*code);
        if code == 0 {
            return Ok(Ok(()));
        }
        let explanation = self.explanation(rest);
        Ok(Err(KernelError { errno: Errno::from_raw(code.wrapping_neg()), explanation }))
    }

    /// The text of the extended ack behind the failed message's header (netlink_ack_tlv_fill in af_netlink.c).
    fn explanation(&self, rest: &[u8]) -> Option<String> {
        if self.flags & NLM_F_ACK_TLVS == 0 {
            return None;
        }
        let failed = u32::from_ne_bytes(*rest.first_chunk()?) as usize;
        let skip = if self.flags & NLM_F_CAPPED == 0 { failed.next_multiple_of(4) } else { HEADER_LENGTH };
        Attributes::parse(rest.get(skip..)?).ok()?.string(NLMSGERR_ATTR_MSG)
    }
}
