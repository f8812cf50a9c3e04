//! What has passed a link.

use serde::Serialize;

use super::Link;

const IFLA_STATS64: u16 = 23;

/// What has passed a link since it was made, as the host sees it: what a tap has received its guest has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    pub received_packets: u64,
    pub sent_packets: u64,
    pub received_bytes: u64,
    pub sent_bytes: u64,
}

impl Link {
    /// What has passed the link, where it was asked for.
    pub fn counters(&self) -> Option<Counters> {
        let mut numbers = self
            .attributes
            .get(IFLA_STATS64)?
            .chunks_exact(8)
            .map(|bytes| u64::from_ne_bytes(bytes.try_into().unwrap_or_default()));
        // The order of struct rtnl_link_stats64 in linux/if_link.h.
        let mut next = || numbers.next();
        let (received_packets, sent_packets, received_bytes, sent_bytes) = (next()?, next()?, next()?, next()?);
        Some(Counters { received_packets, sent_packets, received_bytes, sent_bytes })
    }
}
