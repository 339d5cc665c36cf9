//! The bench for tests: a link that is fed, a clock that is moved on by hand, and a record of what
//! came out, and when.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Direction, Toxic, ToxicKind};
use crate::link::{Chain, End, Installed, Link, Seed, TallySnapshot};

/// What a driver reads at once.
const READ_BYTES_MAX: usize = 32 * 1024;

/// Every client of a bench.
pub(crate) const CLIENT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 40_000);

/// One direction of one connection, with a sender that is never slow and a receiver that always
/// reads.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) link: Link,
    pub(crate) chain: Chain,
    started: Instant,
    now: Instant,
    /// What the sender has not got rid of yet.
    unsent: Bytes,
    unsent_end: Option<End>,
    /// By how much every timer is late.
    lateness: Duration,
    wake: Option<Instant>,
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) end: Option<(Duration, End)>,
    pub(crate) reply: Option<(Duration, Bytes)>,
}

/// Bytes that came out together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) at: Duration,
    pub(crate) bytes: Bytes,
}

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A toxic on the stream to the client.
pub(crate) fn downstream(kind: ToxicKind) -> Toxic {
    Toxic::new(kind, Direction::Downstream)
}

impl Bench {
    /// A connection under these toxics, from the beginning.
    pub(crate) fn under(toxics: impl IntoIterator<Item = Toxic>) -> Self {
        Self::connection(0, toxics)
    }

    /// The same for the connection with this number.
    pub(crate) fn connection(number: u64, toxics: impl IntoIterator<Item = Toxic>) -> Self {
        let started = Instant::now();
        let toxics = toxics.into_iter().map(|toxic| installed(toxic, started)).collect();
        let chain = Chain { toxics };
        let mut bench = Self {
            link: Link::new(&chain, CLIENT, Seed(7).of_number(number)),
            chain,
            started,
            now: started,
            unsent: Bytes::new(),
            unsent_end: None,
            lateness: Duration::ZERO,
            wake: None,
            arrivals: Vec::new(),
            end: None,
            reply: None,
        };
        bench.move_bytes();
        bench
    }

    /// Every timer fires so much late from now on.
    pub(crate) fn with_late_timers(mut self, lateness: Duration) -> Self {
        self.lateness = lateness;
        self
    }

    pub(crate) fn send(&mut self, bytes: impl Into<Bytes>) {
        let bytes: Bytes = bytes.into();
        self.unsent = if self.unsent.is_empty() {
            bytes
        } else {
            Bytes::from([&self.unsent[..], &bytes[..]].concat())
        };
        self.move_bytes();
    }

    /// The sender ends after all that it has sent.
    pub(crate) fn send_end(&mut self, end: End) {
        self.unsent_end = Some(end);
        self.move_bytes();
    }

    /// Lets time pass, looking whenever the link asked for it.
    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(wake) = self.wake.map(|wake| wake.max(self.now) + self.lateness)
            && wake <= until
        {
            self.now = wake;
            self.move_bytes();
        }
        self.now = until;
        self.move_bytes();
    }

    pub(crate) fn add(&mut self, toxic: Toxic) {
        self.add_at(self.chain.toxics.len(), toxic);
    }

    /// Adds a toxic before those that are at this place of the chain and behind it.
    pub(crate) fn add_at(&mut self, index: usize, toxic: Toxic) {
        self.chain.toxics.insert(index, installed(toxic, self.now));
        self.adopt();
    }

    /// Changes the toxic at this place of the chain.
    pub(crate) fn change(&mut self, index: usize, change: impl FnOnce(&mut Toxic)) {
        let mut installed = Installed::clone(&self.chain.toxics[index]);
        change(&mut installed.toxic);
        installed.revision += 1;
        self.chain.toxics[index] = Arc::new(installed);
        self.adopt();
    }

    pub(crate) fn remove(&mut self, index: usize) {
        self.chain.toxics.remove(index);
        self.adopt();
    }

    pub(crate) fn adopt(&mut self) {
        self.link.adopt(&self.chain);
        self.move_bytes();
    }

    /// All that came out.
    pub(crate) fn received(&self) -> Vec<u8> {
        self.arrivals.iter().flat_map(|arrival| arrival.bytes.iter().copied()).collect()
    }

    pub(crate) fn received_text(&self) -> String {
        String::from_utf8_lossy(&self.received()).into_owned()
    }

    /// When the last byte came.
    pub(crate) fn last_at(&self) -> Duration {
        self.arrivals.last().expect("something came").at
    }

    pub(crate) fn tally(&self, index: usize) -> TallySnapshot {
        self.chain.toxics[index].tally.snapshot()
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    fn move_bytes(&mut self) {
        loop {
            let length = self.link.room().min(READ_BYTES_MAX).min(self.unsent.len());
            if length > 0 {
                self.link.receive(self.unsent.split_to(length), self.now);
            }
            if self.unsent.is_empty()
                && let Some(end) = self.unsent_end.take()
            {
                self.link.end(end);
            }
            let look = self.link.look(self.now);
            assert!(look.wake.is_none_or(|wake| wake > self.now), "asks to look again at once");
            self.wake = look.wake;
            let at = self.now - self.started;
            let came_before = self.arrivals.len();
            self.reply = self.reply.take().or(look.reply.map(|reply| (at, reply)));
            while let Some(chunk) = self.link.output().pop() {
                self.arrivals.push(Arrival { at, bytes: chunk.bytes });
            }
            self.end = self.end.or(self.link.output().take_end().map(|end| (at, end)));
            let is_at_rest = length == 0 && self.arrivals.len() == came_before;
            if is_at_rest {
                return;
            }
        }
    }
}

fn installed(toxic: Toxic, since: Instant) -> Arc<Installed> {
    static NEXT_ID: AtomicU64 = AtomicU64::new(0);
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    Arc::new(Installed { toxic, id, revision: 0, since, tally: Arc::default() })
}
