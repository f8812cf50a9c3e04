//! What AppArmor's profiles let a program run. The kernel is asked, who has them with all that they include and deny.

use std::fs::File;
use std::io::{self, Read, Write};

/// What is written to it is a question, what is read then the answer (`aa_write_access` in the kernel's
/// security/apparmor/apparmorfs.c).
const QUESTIONS: &str = "/sys/kernel/security/apparmor/.access";

/// `AA_CLASS_FILE` of its security/apparmor/include/apparmor.h.
const FILE: u8 = 2;

/// `AA_MAY_EXEC` of its security/apparmor/include/perms.h.
const MAY_EXECUTE: u32 = 1;

/// Whether the profile lets a program execute `path`.
///
/// # Errors
/// When the kernel cannot be asked, or has no such profile.
pub fn may_execute(profile: &str, path: &str) -> io::Result<bool> {
    let mut file = File::options().read(true).write(true).open(QUESTIONS)?;
    // A question is one call, and so is its answer.
    file.write_all(&question(profile, path))?;
    let mut answer = [0; 256];
    let length = file.read(&mut answer)?;
    let allowed = allowed(&String::from_utf8_lossy(&answer[..length]));
    allowed.map(|mask| mask & MAY_EXECUTE != 0).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn question(profile: &str, path: &str) -> Vec<u8> {
    [b"label\0", profile.as_bytes(), &[0, FILE], path.as_bytes()].concat()
}

/// What an answer such as `allow 0x00000001`, with what it denies and logs below, allows.
fn allowed(answer: &str) -> Option<u32> {
    let mask = answer.lines().find_map(|line| line.strip_prefix("allow 0x"))?;
    u32::from_str_radix(mask, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_profile_class_and_path() {
        assert_eq!(question("libvirtd", "/opt/hook"), b"label\0libvirtd\0\x02/opt/hook");
    }

    #[test]
    fn an_answer_is_a_mask() {
        let answer = "allow 0x0000000d\ndeny 0x00000000\naudit 0x00000000\nquiet 0x00000000\n";
        assert_eq!(allowed(answer), Some(0xd));
        for other in ["", "deny 0x00000001\n", "allow 1\n", "allow 0xx\n"] {
            assert_eq!(allowed(other), None, "{other}");
        }
    }
}
