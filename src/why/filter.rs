//! Which frames the kernel hands a listener: questions and answers on some links, and nothing of all that may be much traffic.
//!
//! A program of the classic packet filter (Documentation/networking/filter.rst of Linux).

use nix::libc::{self, BPF_ABS, BPF_B, BPF_H, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W};
use socket2::SockFilter;

use super::frame::{
    ARP, DHCP, DHCPV6, ICMPV6, IPV4, IPV6, NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, PLAIN,
    ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION, TAG, TAGGED, UDP,
};

/// A field's size, its offset in a frame, and its value.
type Test = (u32, u32, u32);

const BYTE: u32 = BPF_B;
const WORD: u32 = BPF_H;
const KIND: u32 = 12;

/// A frame that passes all tests of one of these is let through.
const MESSAGES: [&[Test]; 9] = [
    &[(WORD, KIND, ARP as u32)],
    &[(WORD, KIND, IPV4 as u32), (BYTE, 14, PLAIN as u32), (BYTE, 23, UDP as u32), (WORD, 34, DHCP.0 as u32)],
    &[(WORD, KIND, IPV4 as u32), (BYTE, 14, PLAIN as u32), (BYTE, 23, UDP as u32), (WORD, 34, DHCP.1 as u32)],
    &[(WORD, KIND, IPV6 as u32), (BYTE, 20, ICMPV6 as u32), (BYTE, 54, ROUTER_SOLICITATION as u32)],
    &[(WORD, KIND, IPV6 as u32), (BYTE, 20, ICMPV6 as u32), (BYTE, 54, ROUTER_ADVERTISEMENT as u32)],
    &[(WORD, KIND, IPV6 as u32), (BYTE, 20, ICMPV6 as u32), (BYTE, 54, NEIGHBOUR_SOLICITATION as u32)],
    &[(WORD, KIND, IPV6 as u32), (BYTE, 20, ICMPV6 as u32), (BYTE, 54, NEIGHBOUR_ADVERTISEMENT as u32)],
    &[(WORD, KIND, IPV6 as u32), (BYTE, 20, UDP as u32), (WORD, 54, DHCPV6.0 as u32)],
    &[(WORD, KIND, IPV6 as u32), (BYTE, 20, UDP as u32), (WORD, 54, DHCPV6.1 as u32)],
];

/// The program for frames on these links, of which it lets `length` bytes through.
pub(super) fn program(links: &[u32], length: u32) -> Vec<SockFilter> {
    let mut program = vec![load(BPF_W, (libc::SKF_AD_OFF + libc::SKF_AD_IFINDEX) as u32)];
    program.extend(links.iter().enumerate().map(|(nth, link)| jump(*link, links.len() - nth, 0)));
    program.push(answer(0));
    for tests in MESSAGES {
        program.extend(passing(tests.iter().copied(), length));
        let shifted = tests.iter().map(|(size, offset, value)| (*size, offset + TAG as u32, *value));
        program.extend(passing([(WORD, KIND, TAGGED.into())].into_iter().chain(shifted), length));
    }
    program.push(answer(0));
    program
}

/// Lets what passes all tests through, and all else go on behind.
fn passing(tests: impl Iterator<Item = Test>, length: u32) -> Vec<SockFilter> {
    let tests: Vec<Test> = tests.collect();
    let left = |nth: usize| 2 * (tests.len() - nth) - 1;
    let each = tests.iter().enumerate();
    let mut steps: Vec<SockFilter> =
        each.flat_map(|(nth, (size, offset, value))| [load(*size, *offset), jump(*value, 0, left(nth))]).collect();
    steps.push(answer(length));
    steps
}

fn load(size: u32, offset: u32) -> SockFilter {
    SockFilter::new((BPF_LD | BPF_ABS | size) as u16, 0, 0, offset)
}

/// How many instructions to leave out, where the value is this one and where it is not.
fn jump(value: u32, same: usize, other: usize) -> SockFilter {
    SockFilter::new((BPF_JMP | BPF_JEQ | BPF_K) as u16, same as u8, other as u8, value)
}

fn answer(length: u32) -> SockFilter {
    SockFilter::new((BPF_RET | BPF_K) as u16, 0, 0, length)
}
