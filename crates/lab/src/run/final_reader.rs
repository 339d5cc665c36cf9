//! Reads lists from services before the load, and again when everything is healed.

use std::time::Duration;

use standfast_history::FinalRead;
use tokio::time::{Instant, sleep};

use super::cancellation::Cancellation;
use super::final_page::{are_settled, page};
use crate::instance::{Clock, Instance};
use crate::spec::Reading;

/// Between two rounds: what comes late should have had the time to come.
const ROUND_EVERY: Duration = Duration::from_millis(500);

/// A service that has the whole machine answers a page in milliseconds.
const PAGE_WITHIN: Duration = Duration::from_secs(5);

/// A list that goes on and on has a cursor that leads nowhere.
const PAGES_MAX: usize = 100_000;

/// Who reads, and from whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct FinalReader<'a> {
    pub(super) readings: &'a [Reading],
    pub(super) instance: &'a Instance,
    pub(super) clock: &'a Clock,
    pub(super) cancellation: &'a Cancellation,
}

impl FinalReader<'_> {
    /// What there is before the load, of the readings that ask for it.
    pub(super) async fn before_load(self) -> Vec<FinalRead> {
        let wanted: Vec<Reading> =
            self.readings.iter().filter(|reading| reading.before_load).cloned().collect();
        let first = FinalReader { readings: &wanted, ..self };
        first.rounds(true, |round, _| round.iter().all(|read| read.error.is_none())).await
    }

    /// What there is when nothing changes any more; when the time is over, what there is then.
    pub(super) async fn at_end(self) -> Vec<FinalRead> {
        self.rounds(false, |round, last| are_settled(self.readings, round, last)).await
    }

    /// Reads everything over and over until `is_enough` of a round and the one before it.
    async fn rounds(
        self,
        before_load: bool,
        is_enough: impl Fn(&[FinalRead], &[FinalRead]) -> bool,
    ) -> Vec<FinalRead> {
        let within = self.readings.iter().map(|reading| reading.within).max();
        let Some(within) = within else { return Vec::new() };
        let deadline = Instant::now() + within;
        let mut last = Vec::new();
        loop {
            let round = self.round(before_load).await;
            let is_over = Instant::now() >= deadline || self.cancellation.is_cancelled();
            if is_over || is_enough(&round, &last) {
                return round;
            }
            last = round;
            tokio::select! {
                () = self.cancellation.cancelled() => {}
                () = sleep(ROUND_EVERY) => {}
            }
        }
    }

    async fn round(self, before_load: bool) -> Vec<FinalRead> {
        let mut round = Vec::new();
        for reading in self.readings {
            for service in &reading.services {
                let read = FinalRead {
                    name: reading.name.clone(),
                    service: service.clone(),
                    before_load,
                    ..FinalRead::default()
                };
                round.push(self.whole(reading, read).await);
            }
        }
        round
    }

    /// All pages of one list.
    async fn whole(self, reading: &Reading, mut read: FinalRead) -> FinalRead {
        let mut path = reading.path.clone();
        for _ in 0..PAGES_MAX {
            let answer = self.instance.ask(&read.service, &path, PAGE_WITHIN).await;
            let found = match answer {
                Ok((200, body)) => page(reading, &body),
                Ok((status, _)) => Err(format!("`{path}` is answered with status {status}")),
                Err(error) => Err(error.to_string()),
            };
            read.at_us = self.clock.now_us();
            let found = match found {
                Ok(found) => found,
                Err(error) => return FinalRead { error: Some(error), ..read },
            };
            read.facts = found.facts;
            read.rows.extend(found.rows);
            let next = reading.page.as_ref().zip(found.cursor);
            let Some(next) = next.map(|(page, cursor)| page.path_at(&cursor)) else { return read };
            if next == path {
                let error = format!("the page after `{path}` is the same one");
                return FinalRead { error: Some(error), ..read };
            }
            if self.cancellation.is_cancelled() {
                return FinalRead { error: Some("interrupted".to_owned()), ..read };
            }
            path = next;
        }
        FinalRead { error: Some(format!("the list has more than {PAGES_MAX} pages")), ..read }
    }
}
