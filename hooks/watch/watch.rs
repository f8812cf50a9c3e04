//! The service's life: connect, follow, and connect again.

use std::time::{Duration, Instant};

use virt::connect::Connect;
use virt::error::Error;
use virt_bridge::config::Config;

use crate::agenda::{Agenda, Items};
use crate::change::Changer;
use crate::events::{self, Subscription};
use crate::journal::Journal;
use crate::service::Service;

/// Between two attempts to connect: the first time, and the longest; it doubles in between.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// A libvirtd that says nothing for this many seconds, this many times, is gone. libvirt sends such a message only
/// where nothing else was sent.
const KEEPALIVE: (i32, u32) = (5, 3);

/// Looks at every domain once.
///
/// # Errors
/// When libvirt cannot be asked, or a change was not possible.
pub fn once(uri: &str, mut changer: Changer, journal: &Journal) -> Result<(), String> {
    let connection = Connect::open(Some(uri)).map_err(|error| format!("cannot connect to {uri}: {error}"))?;
    let failed = changer
        .look_at_all(&connection, journal, || true)
        .map_err(|error| format!("cannot look at the domains of {uri}: {error}"))?;
    match failed {
        0 => Ok(()),
        failed => Err(format!("{failed} interfaces could not be changed")),
    }
}

/// The service.
pub struct Watch<'a> {
    uri: &'a str,
    period: Duration,
    agenda: &'static Agenda,
    changer: Changer,
    journal: &'a Journal,
    service: Service,
}

/// Why a connection has ended.
enum End {
    /// The program is to end.
    Stopped,
    /// libvirtd has gone.
    Lost,
}

impl<'a> Watch<'a> {
    /// The service that looks at all domains of `uri` every `period`, and follows `agenda`.
    pub fn new(
        uri: &'a str,
        period: Duration,
        agenda: &'static Agenda,
        changer: Changer,
        journal: &'a Journal,
    ) -> Self {
        Watch { uri, period, agenda, changer, journal, service: Service::new() }
    }

    /// Runs until the program is to end.
    pub fn run(mut self) {
        let mut pause = PAUSE.0;
        let mut told = false;
        loop {
            match self.connected() {
                Ok(End::Stopped) => break,
                Ok(End::Lost) => {
                    self.journal.warning(format!("{}: the connection is lost", self.uri));
                    (pause, told) = (PAUSE.0, false);
                }
                Err(error) if told => drop(error),
                Err(error) => {
                    let text = format!("cannot connect to {}, trying again: {error}", self.uri);
                    self.service.ready(&text);
                    self.journal.warning(text);
                    told = true;
                }
            }
            if self.rest(pause) {
                break;
            }
            pause = (pause * 2).min(PAUSE.1);
        }
        self.service.stopping();
    }

    /// One connection, from its beginning to its end.
    fn connected(&mut self) -> Result<End, Error> {
        let connection = Connect::open(Some(self.uri))?;
        connection.set_keep_alive(KEEPALIVE.0, KEEPALIVE.1)?;
        // Before the first look: events are not repeated, so a domain defined in between would be missed.
        let _subscription: Subscription = events::subscribe(&connection, self.agenda)?;
        let mut next_look = Instant::now();
        loop {
            if next_look <= Instant::now() {
                if !self.look_at_all(&connection)? {
                    return Ok(End::Stopped);
                }
                next_look = Instant::now() + self.period;
            }
            let items = self.agenda.take(self.service.next_sign().map_or(next_look, |sign| sign.min(next_look)));
            self.service.alive();
            if items.stop {
                return Ok(End::Stopped);
            }
            if items.reload && self.reload() {
                next_look = Instant::now();
            }
            if items.disconnected || !self.follow(&connection, items) {
                return Ok(End::Lost);
            }
        }
    }

    /// Looks at every domain; `false`: the program is to end.
    fn look_at_all(&mut self, connection: &Connect) -> Result<bool, Error> {
        let (agenda, service) = (self.agenda, &mut self.service);
        self.changer.look_at_all(connection, self.journal, || {
            service.alive();
            !agenda.is_stopping()
        })?;
        self.service.ready(&format!("following {}", self.uri));
        Ok(!self.agenda.is_stopping())
    }

    /// Looks at what has changed; `false`: the connection is lost.
    fn follow(&mut self, connection: &Connect, items: Items) -> bool {
        items.gone.iter().for_each(|domain| self.changer.forget(domain));
        for domain in &items.changed {
            self.service.alive();
            if self.agenda.is_stopping() {
                break;
            }
            if self.changer.look_at(connection, domain, self.journal).is_err() {
                return false;
            }
        }
        true
    }

    /// Reads the rules again; `false`: they are as before.
    fn reload(&mut self) -> bool {
        match Config::load("/".as_ref()) {
            Ok(config) => {
                self.changer.reload(config.interfaces);
                self.journal.info("the rules were read again");
                true
            }
            Err(error) => {
                self.journal.error(format!("{error}; the rules of before stay in force"));
                false
            }
        }
    }

    /// Waits before the next attempt; `true`: the program is to end.
    fn rest(&mut self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        while Instant::now() < end {
            let items = self.agenda.take(self.service.next_sign().map_or(end, |sign| sign.min(end)));
            self.service.alive();
            if items.stop {
                return true;
            }
            if items.reload {
                self.reload();
            }
        }
        false
    }
}
