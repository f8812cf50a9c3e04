//! Names for new profiles: the same each time, so that a second run finds what the first one wrote.

/// The offset basis and prime of the 128-bit FNV-1a hash (of Fowler, Noll and Vo).
const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The UUID of the profile that has this role for a bridge and stems from another profile.
pub fn derived(role: &str, bridge: &str, from: &str) -> String {
    let bytes = [role, bridge, from].into_iter().flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    // Version 8, for one's own ways of making them, and the variant of RFC 9562.
    let uuid = hash & !(0xf << 76 | 0x3 << 62) | 0x8 << 76 | 0x2 << 62;
    let digits = format!("{uuid:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_bridge_and_origin_has_a_uuid_of_its_own_that_stays() {
        let lan = "6f1a0f64-3a0e-4b3c-9d8b-2f60f7d7a111";
        let uuid = derived("bridge", "br0", lan);
        assert_eq!(uuid, derived("bridge", "br0", lan));
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "8"));
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        for other in [derived("port", "br0", lan), derived("bridge", "br1", lan), derived("bridge", "br0", "x")] {
            assert_ne!(uuid, other);
        }
    }
}
