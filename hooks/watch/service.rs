//! What systemd is told of the service; without systemd, nobody.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// The service as systemd sees it.
pub struct Service {
    /// Between two signs of life: half of what systemd grants.
    period: Option<Duration>,
    last: Instant,
}

impl Service {
    /// As the environment says.
    pub fn new() -> Self {
        Service { period: sd_notify::watchdog_enabled().map(|granted| granted / 2), last: Instant::now() }
    }

    /// The service does its work; `status` is shown by `systemctl status`.
    pub fn ready(&self, status: &str) {
        notify(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// The service ends.
    pub fn stopping(&self) {
        notify(&[NotifyState::Stopping]);
    }

    /// A sign of life, if it is time for one. To be called between any two things that could hang.
    pub fn alive(&mut self) {
        if self.next_sign().is_some_and(|next| next <= Instant::now()) {
            notify(&[NotifyState::Watchdog]);
            self.last = Instant::now();
        }
    }

    /// When the next sign of life is due.
    pub fn next_sign(&self) -> Option<Instant> {
        self.period.map(|period| self.last + period)
    }
}

/// Where systemd does not listen any more there is nobody to tell that.
fn notify(states: &[NotifyState]) {
    let _ = sd_notify::notify(states);
}
