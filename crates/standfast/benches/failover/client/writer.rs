//! Writers at full speed: each writes its rows one after the other through the proxy, and never the
//! same row again.

use std::time::Duration;

use standfast_lab::instance::Clock;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::link::{Link, LinkError};
use super::mysql::Duty;
use crate::ledger::{Acknowledged, Failed, Ledger};
use crate::target::{Kind, Target};

/// As patient as the clients of order-saga.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// After a failure, so that nobody storms a proxy without a server.
const PAUSE: Duration = Duration::from_millis(5);

/// How a client uses its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Style {
    /// One session for as long as it lasts; a statement goes out without another look at it.
    Kept,
    /// One for each request.
    Fresh,
}

/// They write until this is dropped.
#[derive(Debug)]
pub(crate) struct Writers(JoinSet<()>);

struct Writer {
    client: usize,
    style: Style,
    target: Target,
    ledger: Ledger,
    clock: Clock,
    /// Of MySQL only.
    duty: Option<Duty>,
}

impl Writers {
    /// They number their rows from `first` on.
    pub(crate) fn start(
        target: &Target,
        style: Style,
        ledger: &Ledger,
        clock: &Clock,
        first: u64,
    ) -> Self {
        let mut tasks = JoinSet::new();
        for client in 0..ledger.marks().len() {
            let writer = Writer {
                client,
                style,
                target: target.clone(),
                ledger: ledger.clone(),
                clock: clock.clone(),
                duty: (target.kind == Kind::Mysql).then(|| Duty::of(target)),
            };
            tasks.spawn(writer.write_always(first));
        }
        Self(tasks)
    }

    pub(crate) async fn end(mut self) {
        self.0.shutdown().await;
    }
}

impl Writer {
    async fn write_always(mut self, first: u64) {
        let mut kept = None;
        for sequence in first.. {
            let sent_us = self.clock.now_us();
            let link = kept.take().filter(|link: &Link| !link.is_closed());
            let written = timeout(ANSWER_WITHIN, self.write(link, sequence)).await;
            let at_us = self.clock.now_us();
            match written.unwrap_or_else(|_elapsed| Err(LinkError::broken("no answer in time"))) {
                Ok(link) => {
                    let row = Acknowledged { sent_us, at_us, sequence };
                    self.ledger.acknowledge(self.client, row);
                    kept = Some(link).filter(|_| self.style == Style::Kept);
                }
                Err(error) => {
                    self.ledger.fail(Failed { sent_us, at_us, why: error.why });
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn write(&mut self, link: Option<Link>, sequence: u64) -> Result<Link, LinkError> {
        let mut link = match link {
            Some(link) => link,
            None => Link::open(self.target.kind, &self.target.proxy).await.map_err(at_login)?,
        };
        link.write(&self.target, self.client, sequence).await?;
        if let (Some(duty), Link::Mysql(primary)) = (&mut self.duty, &mut link) {
            duty.secure(primary).await?;
        }
        Ok(link)
    }
}

fn at_login(error: LinkError) -> LinkError {
    LinkError { why: format!("login: {}", error.why), ..error }
}
