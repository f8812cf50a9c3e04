//! What udev starts by 90-virt-bridge.rules: br_netfilter was loaded, a bridge appeared, or a link that may be an
//! uplink. The event is in the environment (udev(7), RUN).

use std::process::ExitCode;
use std::time::{Duration, Instant};

use virt_bridge::bridge::{self, Outcome, Wanted};
use virt_bridge::config::{Config, Uplink};
use virt_bridge::deadline::Deadline;
use virt_bridge::forwarding;
use virt_bridge::log::Log;
use virt_bridge::netfilter;
use virt_bridge::netlink::{self, Link, Socket, link};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    /// The module br_netfilter was loaded.
    ModuleLoaded,
    /// There is a bridge of this name now.
    Bridge(String),
    /// There is another link of this name now.
    Link(String),
}

fn main() -> ExitCode {
    let begun = Instant::now();
    let log = Log::new("virt-bridge-udev");
    let Some(event) = event(|name| std::env::var(name).ok()) else {
        log.error("virt-bridge-udev: udev starts this program when a module or link appears, by 90-virt-bridge.rules");
        return ExitCode::FAILURE;
    };
    match act(&event, begun, &log) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            log.error(&error);
            ExitCode::FAILURE
        }
    }
}

fn event(variable: impl Fn(&str) -> Option<String>) -> Option<Event> {
    match variable("SUBSYSTEM")?.as_str() {
        "module" => Some(Event::ModuleLoaded),
        "net" if variable("DEVTYPE").as_deref() == Some("bridge") => variable("INTERFACE").map(Event::Bridge),
        "net" => variable("INTERFACE").map(Event::Link),
        _ => None,
    }
}

/// Whether all was done that had to be; what was not is in the log.
fn act(event: &Event, begun: Instant, log: &Log) -> Result<bool, String> {
    let config = Config::load("/".as_ref()).map_err(|error| error.to_string())?;
    let outcome = match event {
        Event::ModuleLoaded if !netfilter::wait_for_sysctls(netfilter::PATIENCE) => {
            return Err(format!(
                "bridge netfilter: br_netfilter was loaded, but after {:?} there is no /proc/sys/net/bridge",
                netfilter::PATIENCE
            ));
        }
        Event::ModuleLoaded => netfilter::apply(&config),
        Event::Bridge(name) => Socket::open().and_then(|mut socket| named_link(&mut socket, name)).and_then(|_| {
            forwarding::apply_to_bridge(&config, name).tell(log);
            netfilter::apply_to_bridge(&config, name)
        }),
        Event::Link(name) => return take_over_again(name, &config, begun, log).map(|()| true),
    };
    let outcome = outcome.map_err(|error| format!("bridge netfilter: {error}"))?;
    outcome.tell(log);
    Ok(outcome.failures.is_empty())
}

/// Makes the link a port of the bridge whose uplink it is configured to be.
///
/// Only of a bridge that is there: the first takeover is libvirt's or an administrator's to ask for, and at boot the
/// host's own network set-up comes between.
fn take_over_again(name: &str, config: &Config, begun: Instant, log: &Log) -> Result<(), String> {
    let named =
        config.bridges.iter().filter(|(_, bridge)| matches!(bridge.uplink, Uplink::Name(_) | Uplink::PermanentMac(_)));
    let candidates: Vec<_> = named.collect();
    if candidates.is_empty() {
        return Ok(());
    }
    let unread = |error| format!("{name}: cannot read the link: {error}");
    let mut socket = Socket::open().map_err(unread)?;
    let Some(link) = named_link(&mut socket, name).map_err(unread)? else { return Ok(()) };
    let Some((bridge, configured)) =
        candidates.into_iter().find(|(_, bridge)| bridge::is_meant(&link, &bridge.uplink, None))
    else {
        return Ok(());
    };
    let exists = socket.get::<Link>(link::by_name(bridge)).map_err(unread)?.is_some_and(|link| link.is_bridge());
    if !exists {
        return Ok(());
    }
    let deadline = Deadline::since(begun, config.hook.deadline);
    let outcome = bridge::ensure(&Wanted::configured(bridge, Some(configured)), deadline)
        .map_err(|error| format!("{bridge}: {name} is here, but {error}"))?;
    if let Outcome::Done { plan, report, recovered } = outcome {
        recovered.iter().for_each(|what| log.warning(what));
        log.info(&format!("{name} is here: {}", report.told_of(&plan)));
        report.warnings.iter().for_each(|warning| log.warning(&format!("{bridge}: {warning}")));
    }
    Ok(())
}

/// The link of this name, waited for a moment: the kernel sends the event of a new name before the link can be found by it
/// (__dev_change_name in net/core/dev.c). One that is gone already is not found.
fn named_link(socket: &mut Socket, name: &str) -> Result<Option<Link>, netlink::Error> {
    for _ in 0..20 {
        if let Some(link) = socket.get::<Link>(link::by_name(name))? {
            return Ok(Some(link));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_what_udev_says_in_the_environment() {
        let of = |variables: &[(&str, &str)]| {
            event(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("SUBSYSTEM", "module"), ("DEVPATH", "/module/br_netfilter")]), Some(Event::ModuleLoaded));
        let net = ("SUBSYSTEM", "net");
        assert_eq!(of(&[net, ("INTERFACE", "br0"), ("DEVTYPE", "bridge")]), Some(Event::Bridge("br0".into())));
        assert_eq!(of(&[net, ("INTERFACE", "eth0")]), Some(Event::Link("eth0".into())));
        assert_eq!(of(&[net, ("INTERFACE", "bond0"), ("DEVTYPE", "bond")]), Some(Event::Link("bond0".into())));
        assert_eq!(of(&[net]), None);
        assert_eq!(of(&[]), None);
    }
}
