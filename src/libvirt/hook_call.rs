//! The arguments that libvirt gives to a hook.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};

use crate::printable::Printable;

/// One call of a hook: `PATH OBJECT OPERATION SUB-OPERATION EXTRA` (virHookCall in libvirt's src/util/virhook.c).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookCall {
    /// The name of the network or domain, whatever bytes it has.
    pub object: OsString,
    /// What happens to it, such as `start`.
    pub operation: OsString,
    /// `begin` or `end`, mostly.
    pub sub_operation: OsString,
    /// `-` for networks.
    pub extra: OsString,
}

/// Fewer arguments than libvirt gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFewArguments {
    /// How many there were, without the path of the hook.
    pub found: usize,
}

/// What happens to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkOperation {
    /// `start`: the network is about to start; a failure aborts it.
    Start,
    /// `started`: it has started; a failure rolls it back.
    Started,
    /// `stopped`: it has stopped, or failed to start, or was found without its bridge.
    Stopped,
    /// `updated`: its definition has changed.
    Updated,
    /// `port-created`, in older libvirt `plugged`: a guest is about to be attached; a failure refuses it.
    PortCreated,
    /// `port-deleted`, in older libvirt `unplugged`: a guest was detached.
    PortDeleted,
    /// An operation that libvirt does not have today.
    Unknown,
}

/// What happens to a domain, of all that libvirt tells a hook what ours does something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainOperation {
    /// `prepare begin`: the domain is about to start, and nothing of it is there yet; a failure refuses it.
    Prepare,
    /// `migrate begin`, `restore begin`: the domain is about to come from another host or a file; what the hook writes
    /// takes the place of its XML, and a failure refuses it.
    Arrive,
    /// All others. Among them is `reconnect`, where a failure kills the running guest.
    Other,
}

impl HookCall {
    /// Reads the arguments, the hook's own path first.
    ///
    /// Nothing is parsed as an option: a network may be called `--help`. Arguments after the fourth are for a libvirt
    /// that we don't know yet, and are ignored.
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, TooFewArguments> {
        let mut args = args.into_iter().skip(1);
        let mut found = 0;
        let mut next = || {
            let arg = args.next().ok_or(TooFewArguments { found })?;
            found += 1;
            Ok(arg)
        };
        Ok(HookCall { object: next()?, operation: next()?, sub_operation: next()?, extra: next()? })
    }

    /// The operation, if the object is a network.
    pub fn network_operation(&self) -> NetworkOperation {
        NetworkOperation::named(&self.operation)
    }

    /// The operation, if the object is a domain.
    pub fn domain_operation(&self) -> DomainOperation {
        match (self.operation.as_encoded_bytes(), self.sub_operation.as_encoded_bytes()) {
            (b"prepare", b"begin") => DomainOperation::Prepare,
            (b"migrate" | b"restore", b"begin") => DomainOperation::Arrive,
            _ => DomainOperation::Other,
        }
    }
}

impl NetworkOperation {
    fn named(name: &OsStr) -> Self {
        match name.as_encoded_bytes() {
            b"start" => Self::Start,
            b"started" => Self::Started,
            b"stopped" => Self::Stopped,
            b"updated" => Self::Updated,
            b"port-created" | b"plugged" => Self::PortCreated,
            b"port-deleted" | b"unplugged" => Self::PortDeleted,
            _ => Self::Unknown,
        }
    }
}

/// `OBJECT OPERATION SUB-OPERATION`, on one line.
impl Display for HookCall {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [object, operation, sub_operation] =
            [&self.object, &self.operation, &self.sub_operation].map(|arg| arg.to_string_lossy());
        write!(f, "{} {} {}", Printable(&object), Printable(&operation), Printable(&sub_operation))
    }
}

impl Display for TooFewArguments {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "libvirt calls this hook with OBJECT OPERATION SUB-OPERATION EXTRA, found {} arguments", self.found)
    }
}

impl std::error::Error for TooFewArguments {}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn call(args: &[&[u8]]) -> Result<HookCall, TooFewArguments> {
        HookCall::from_args(args.iter().map(|arg| OsString::from_vec(arg.to_vec())))
    }

    #[test]
    fn a_network_may_have_any_name() {
        for name in
            ["default", "--help", "-", "", "a\nb", "--"].map(str::as_bytes).into_iter().chain([&b"\xff\xfe"[..]])
        {
            let call = call(&[b"/etc/libvirt/hooks/network", name, b"start", b"begin", b"-"]).unwrap();
            assert_eq!(call.object.as_encoded_bytes(), name);
            assert_eq!(call.network_operation(), NetworkOperation::Start);
            assert!(!call.to_string().contains('\n'));
        }
    }

    #[test]
    fn every_operation_is_known_under_old_and_new_names() {
        use NetworkOperation::*;
        for (name, operation) in [
            ("start", Start),
            ("started", Started),
            ("stopped", Stopped),
            ("updated", Updated),
            ("port-created", PortCreated),
            ("plugged", PortCreated),
            ("port-deleted", PortDeleted),
            ("unplugged", PortDeleted),
            ("Start", Unknown),
            ("start ", Unknown),
            ("", Unknown),
        ] {
            let call = call(&[b"hook", b"net", name.as_bytes(), b"begin", b"-"]).unwrap();
            assert_eq!(call.network_operation(), operation, "{name:?}");
        }
    }

    #[test]
    fn of_a_domain_only_what_a_hook_can_change_is_of_interest() {
        use DomainOperation::*;
        for (name, sub_operation, operation) in [
            ("prepare", "begin", Prepare),
            ("migrate", "begin", Arrive),
            ("restore", "begin", Arrive),
            ("restore", "end", Other),
            ("reconnect", "begin", Other),
            ("attach", "begin", Other),
            ("start", "begin", Other),
            ("started", "begin", Other),
            ("stopped", "end", Other),
            ("release", "end", Other),
            ("", "", Other),
        ] {
            let call = call(&[b"hook", b"guest", name.as_bytes(), sub_operation.as_bytes(), b"-"]).unwrap();
            assert_eq!(call.domain_operation(), operation, "{name} {sub_operation}");
        }
    }

    #[test]
    fn too_few_arguments_are_an_error_and_more_are_not() {
        let all: [&[u8]; 6] = [b"hook", b"net", b"start", b"begin", b"-", b"more"];
        assert_eq!(call(&[]), Err(TooFewArguments { found: 0 }));
        for count in 1..5 {
            assert_eq!(call(&all[..count]), Err(TooFewArguments { found: count - 1 }));
        }
        assert_eq!(call(&all), call(&all[..5]));
    }
}
