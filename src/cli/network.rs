//! The libvirt network of a bridge: what `up --network` defines, starts and lets start at boot, by `virsh`.

mod virsh;

use std::io::Write;

use serde::Serialize;

use super::diff;
use super::exit::{Exit, Failure};
use crate::libvirt::network_definition;
use crate::printable::{self, Printable};
use virsh::virsh;

/// A network, and what it lacks.
#[derive(Debug, Serialize)]
pub struct Network {
    name: String,
    /// The definition that is given to libvirt; nothing where there is a right one.
    xml: Option<String>,
    start: bool,
    autostart: bool,
    /// What will not be as somebody may think.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

/// What has to be done so that the network is there and runs.
///
/// # Errors
/// When libvirt cannot be asked, or has a network of this name that leads elsewhere.
pub fn plan(name: &str, bridge: &str) -> Result<Network, Failure> {
    let unasked = |why: String| {
        Failure::unchanged(format!("cannot ask libvirt for network {}: {why}", Printable(name)))
            .hint("systemctl start libvirtd; without --network the bridge needs no libvirt")
    };
    let ask = |words: &[&str]| virsh(words, None).map_err(unasked);
    let mut network = Network {
        name: name.into(),
        xml: Some(network_definition::xml(name, bridge)),
        start: true,
        autostart: true,
        warning: None,
    };
    if !ask(&["net-list", "--all", "--name"])?.lines().any(|known| known.trim_end() == name) {
        return Ok(network);
    }
    let information = ask(&["net-info", "--network", name])?;
    let is = |what: &str| {
        information
            .lines()
            .any(|line| line.split_once(':').is_some_and(|(key, value)| key == what && value.trim() == "yes"))
    };
    let (is_active, is_defined) = (is("Active"), is("Persistent"));
    let definitions = [(is_active, &[][..]), (is_defined, &["--inactive"][..])];
    for (_, options) in definitions.into_iter().filter(|(there, _)| *there) {
        let present = ask(&[&["net-dumpxml", "--network", name], options].concat())?;
        if !network_definition::leads_to(&present, bridge) {
            return Err(leads_elsewhere(name, bridge, &present));
        }
    }
    network.xml = network.xml.filter(|_| !is_defined);
    (network.start, network.autostart) = (!is_active, !is("Autostart"));
    Ok(network)
}

/// The difference is talk, of several lines; an error is one.
fn leads_elsewhere(name: &str, bridge: &str, present: &str) -> Failure {
    let wanted = network_definition::xml(name, bridge);
    let difference =
        diff::unified(&format!("network {}", Printable(name)), present.as_bytes(), wanted.as_bytes(), false);
    let _ = write!(std::io::stderr(), "{}", printable::lines(&difference));
    let name = Printable(name);
    Failure::unchanged(format!("there is a network {name} already, whose guests are no ports of {bridge}"))
        .hint(format!("the difference is shown above: choose another name, or virsh net-edit {name}"))
}

impl Network {
    /// The same for a bridge whose uplink is not written down anywhere: at boot the network's start makes the bridge.
    pub fn with_forgotten_uplink(mut self, bridge: &str) -> Self {
        self.warning = Some(format!(
            "network {} starts at boot, and {bridge} has no uplink then: say it in /etc/virt-bridge.toml, or use --persist",
            Printable(&self.name)
        ));
        self
    }

    fn steps(&self) -> Vec<&'static str> {
        let steps = [(self.xml.is_some(), "define"), (self.start, "start"), (self.autostart, "start at boot")];
        steps.into_iter().filter(|(needed, _)| *needed).map(|(_, step)| step).collect()
    }

    /// What is going to be done.
    pub fn in_words(&self) -> String {
        let mut text = String::new();
        let name = Printable(&self.name);
        match self.steps().as_slice() {
            [] => say!(text, "network {name} is there, runs and starts at boot"),
            steps => say!(text, "by virsh, network {name}: {}", steps.join(", ")),
        }
        self.xml.iter().for_each(|xml| text.push_str(xml));
        self.warning.iter().for_each(|warning| say!(text, "warning: {warning}"));
        text
    }

    /// Does it, for a bridge that is there; where a step fails, those before it are taken back.
    ///
    /// # Errors
    /// When libvirt refuses.
    pub fn make(&self, bridge: &str, quiet: bool) -> Result<(), Failure> {
        let name = self.name.as_str();
        let steps: [(bool, &[&str], &[&str]); 3] = [
            (self.xml.is_some(), &["net-define", "/dev/stdin"], &["net-undefine", "--network", name]),
            (self.start, &["net-start", "--network", name], &["net-destroy", "--network", name]),
            (self.autostart, &["net-autostart", "--network", name], &["net-autostart", "--disable", "--network", name]),
        ];
        let mut done: Vec<&[&str]> = Vec::new();
        for (_, step, inverse) in steps.into_iter().filter(|(needed, ..)| *needed) {
            if let Err(why) = virsh(step, self.xml.as_deref()) {
                let left = done.iter().rev().filter_map(|inverse| virsh(inverse, None).err());
                let left: String = left.map(|error| format!("; and not taken back: {error}")).collect();
                let name = Printable(name);
                return Err(Failure::new(
                    Exit::NeedsAttention,
                    format!("{bridge} is there, network {name} is not: {why}{left}"),
                )
                .hint(format!("mend that and say the same again; or go back: virt-bridge undo {bridge}")));
            }
            done.push(inverse);
        }
        if !quiet {
            // What was done stays done where nobody reads of it.
            let _ = super::print_text(&self.in_words());
        }
        Ok(())
    }
}
