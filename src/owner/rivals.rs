//! Links that more than one program configures, each of which undoes what the other does.

use std::path::Path;

use super::{Claim, Link, Owner, claims, ifupdown, networkd};

/// What the programs claim that each configure the link by themselves, below `root`, with how to make them leave it: two
/// or more claims, or none.
///
/// What cannot be read claims nothing: this is advice.
pub fn rivals(root: &Path, link: Link) -> Vec<Claim> {
    let running = claims(root, link).unwrap_or_default();
    let stanza = ifupdown::stanza(root, link.name).ok().flatten();
    let mut managers: Vec<Claim> = running.iter().filter(|claim| is_manager(claim.owner)).cloned().collect();
    if managers.iter().all(|claim| claim.owner != Owner::Networkd) {
        managers.extend(networkd::claim_at_boot(root, link.name).ok().flatten());
    }
    let clients: Vec<Claim> =
        running.into_iter().filter(|claim| !is_manager(claim.owner) && claim.owner != Owner::Ifupdown).collect();
    let asks = stanza.as_ref().is_some_and(|stanza| stanza.asks_for_lease);
    managers.extend(stanza.map(|stanza| stanza.claim));
    of(managers, clients, asks).into_iter().map(|claim| Claim { hint: leaving(&claim), ..claim }).collect()
}

fn is_manager(owner: Owner) -> bool {
    matches!(owner, Owner::Networkd | Owner::NetworkManager)
}

fn leaving(claim: &Claim) -> String {
    match claim.owner {
        Owner::Ifupdown => claim.hint.clone(),
        Owner::Networkd => networkd::LEAVE_ALONE.into(),
        Owner::NetworkManager => "name it in unmanaged-devices of /etc/NetworkManager/conf.d".into(),
        client => format!("no longer start {client} for it"),
    }
}

/// The rivals among these: a manager may have started a client of its own, and a client runs once for each family.
fn of(managers: Vec<Claim>, mut clients: Vec<Claim>, ifupdown_asks: bool) -> Vec<Claim> {
    clients.dedup_by_key(|client| client.owner);
    if managers.iter().any(|claim| claim.owner == Owner::NetworkManager) {
        // `dhcp=` of NetworkManager.conf(5).
        clients.retain(|client| !matches!(client.owner, Owner::Dhclient | Owner::Dhcpcd));
    }
    if ifupdown_asks && !clients.is_empty() {
        clients.remove(0);
    }
    let all: Vec<Claim> = managers.into_iter().chain(clients).collect();
    if all.len() > 1 { all } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(owner: Owner) -> Claim {
        Claim { owner, evidence: String::new(), live: true, can_move: false, hint: String::new() }
    }

    #[test]
    fn a_manager_and_the_client_it_has_started_are_one() {
        use Owner::*;
        for (managers, clients, asks, expected) in [
            (&[][..], &[Dhclient, Dhclient][..], false, &[][..]),
            (&[], &[Dhclient, Udhcpc], false, &[Dhclient, Udhcpc]),
            (&[NetworkManager], &[Dhclient], false, &[]),
            (&[NetworkManager], &[Udhcpc], false, &[NetworkManager, Udhcpc]),
            (&[Networkd], &[Dhcpcd], false, &[Networkd, Dhcpcd]),
            (&[Ifupdown], &[Dhclient, Dhclient], true, &[]),
            (&[Ifupdown], &[Dhcpcd], false, &[Ifupdown, Dhcpcd]),
            (&[Ifupdown], &[Dhclient, Udhcpc], true, &[Ifupdown, Udhcpc]),
            (&[Networkd, Ifupdown], &[], true, &[Networkd, Ifupdown]),
        ] {
            let all = |owners: &[Owner]| owners.iter().map(|owner| claim(*owner)).collect::<Vec<_>>();
            assert_eq!(of(all(managers), all(clients), asks), all(expected), "{managers:?} {clients:?} {asks}");
        }
    }
}
