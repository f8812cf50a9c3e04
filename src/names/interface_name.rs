//! What the kernel takes as the name of a network interface.

/// Checks that the kernel would create an interface called `name` under exactly that name.
///
/// The rules are the kernel's: dev_valid_name in net/core/dev.c (length, `.`, `..`, `/`, `:`, white space, where 0xa0
/// counts as white space by lib/ctype.c), dev_prep_valid_name there (`%` makes a pattern of it), and
/// sysctl_dev_name_is_allowed in include/net/ip.h (`all`, `default`). Control characters, which the kernel allows,
/// are refused too: no tool shows them.
///
/// The error completes "NAME is no interface name: ".
pub fn check(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("it is empty"),
        _ if name.len() > 15 => Err("it has more than 15 bytes"),
        "." | ".." => Err("it is a directory"),
        "all" | "default" => Err("the kernel reserves it for sysctls"),
        _ if name.contains(['/', ':', '%']) => Err("it contains '/', ':' or '%'"),
        _ if name.bytes().any(|b| b.is_ascii_whitespace() || b.is_ascii_control() || b == 0xa0) => {
            Err("it contains white space or a control character")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_as_the_kernel_judges_them() {
        for good in ["br0", "eth0.100", "é", "-", "--help", "123456789012345", "...", "br-a_b@c"] {
            assert_eq!(check(good), Ok(()), "{good:?}");
        }
        for bad in ["", ".", "..", "all", "default", "1234567890123456", "éééééééé", "a/b", "a:b", "a b", "a\nb"]
        {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        for bad in ["a\u{b}b", "à", "%d", "br%d", "a\0", "a\x1b"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}
