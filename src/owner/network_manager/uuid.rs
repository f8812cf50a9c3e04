//! UUIDs of profiles: those of new ones, the same each time, so that a second run finds what the first one wrote; and
//! those that NetworkManager makes up.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The offset basis and prime of the 128-bit FNV-1a hash (of Fowler, Noll and Vo).
const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The UUID of the profile that has this role for a bridge and stems from another profile.
pub fn derived(role: &str, bridge: &str, from: &str) -> String {
    let bytes = [role, bridge, from].into_iter().flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    // For one's own ways of making them.
    written(hash, 0x8)
}

/// The namespace of NetworkManager's UUIDs (nm-uuid.c, `nm_uuid_ns_1`).
const NAMESPACE: u128 = 0xb425_e9fb_7598_44b4_9e3b_5a2e_3aaa_4905;

/// The UUID that NetworkManager gives the profile of a file that has none: version 3, of the file's name among the
/// administrator's, wherever the file is (nms-keyfile-reader.c, `nms_keyfile_reader_from_keyfile`, and nm-keyfile.c,
/// `nm_keyfile_read_ensure_uuid`).
pub fn of_file(path: &Path) -> String {
    let bytes = [&NAMESPACE.to_be_bytes()[..], b"keyfile\0", path.as_os_str().as_bytes(), b"\0"].concat();
    written(u128::from_be_bytes(md5::compute(bytes).0), 0x3)
}

/// A UUID of this version, and of the variant of RFC 9562, as people write it.
fn written(bits: u128, version: u128) -> String {
    let uuid = bits & !(0xf << 76 | 0x3 << 62) | version << 76 | 0x2 << 62;
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
    /// As NetworkManager 1.42 says it (`nmcli -f UUID,FILENAME connection`).
    #[test]
    fn a_file_without_a_uuid_has_the_one_that_network_manager_gives_it() {
        let file = Path::new("/etc/NetworkManager/system-connections/netplan-eth0.nmconnection");
        assert_eq!(of_file(file), "626dd384-8b3d-3690-9511-192b2c79b3fd");
    }
}
