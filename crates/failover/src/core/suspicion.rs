//! Whether a server lives, from what looks at it showed: certain signs first, patience for the
//! rest.

use super::Moment;
use super::options::Options;
use super::record::Cause;
use super::sighting::{Report, Seen, Sighting};

/// What is thought of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nobody has looked yet, or not often enough.
    Unknown,
    /// It answers.
    Well,
    /// It is not what it should be.
    Ill(Cause),
}

/// The memory of looks at one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// Looks that began before this show what is no longer there.
    forgotten: Moment,
    latest: Moment,
    last: Option<Last>,
    misses: u32,
    first_miss: Moment,
    write_misses: u32,
    wrote: Moment,
    report: Option<(Moment, Report)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Answered,
    Unready,
    Gone,
}

impl Watch {
    /// Takes a sighting. Answers whether another look at once would tell more.
    pub(super) fn note(&mut self, sighting: Sighting) -> bool {
        let Sighting { began, seen } = sighting;
        if began < self.forgotten {
            return false;
        }
        if let Seen::Answered(report) | Seen::Heard(report) = &seen
            && self.report.as_ref().is_none_or(|(before, _)| *before <= began)
        {
            self.report = Some((began, report.clone()));
        }
        // Looks overlap: one that began earlier shows an older world, whenever it comes back.
        if began < self.latest || matches!(seen, Seen::Heard(_)) {
            return false;
        }
        self.latest = began;
        match seen {
            Seen::Answered(_) | Seen::Heard(_) | Seen::Busy => {
                (self.last, self.misses) = (Some(Last::Answered), 0);
            }
            Seen::Unready => (self.last, self.misses) = (Some(Last::Unready), 0),
            Seen::Refused => (self.last, self.misses) = (Some(Last::Gone), 0),
            Seen::Closed | Seen::TimedOut => {
                if self.misses == 0 {
                    self.first_miss = began;
                }
                self.misses = self.misses.saturating_add(1);
                return matches!(seen, Seen::Closed) && self.misses < 3;
            }
        }
        false
    }

    pub(super) fn note_write(&mut self, began: Moment, is_ok: bool) {
        if is_ok {
            self.write_misses = 0;
            self.wrote = self.wrote.max(began);
        } else {
            self.write_misses = self.write_misses.saturating_add(1);
        }
    }

    /// Who was not running himself cannot say what he missed.
    pub(super) fn pardon(&mut self) {
        (self.misses, self.write_misses) = (0, 0);
    }

    /// Nothing that was seen so far says anything about what comes now.
    pub(super) fn forget(&mut self, now: Moment) {
        *self = Self { forgotten: now, latest: now, wrote: self.wrote, ..Self::default() };
    }

    pub(super) fn health(&self, options: &Options) -> Health {
        let is_writing = self.wrote > self.first_miss;
        let patience =
            if is_writing { options.misses_max_while_writing } else { options.misses_max };
        if self.misses >= patience {
            return Health::Ill(Cause::Hung);
        }
        match self.last {
            None => Health::Unknown,
            Some(Last::Gone) => Health::Ill(Cause::Gone),
            Some(Last::Unready) => Health::Ill(Cause::Unready),
            Some(Last::Answered) if self.write_misses >= options.write_misses_max => {
                Health::Ill(Cause::CannotWrite)
            }
            Some(Last::Answered) => Health::Well,
        }
    }

    /// Did the last look that came back show it alive?
    pub(super) fn is_answering(&self) -> bool {
        self.last == Some(Last::Answered) && self.misses == 0
    }

    /// The latest report of a look that began at or after `since`.
    pub(super) fn report_since(&self, since: Moment) -> Option<(Moment, &Report)> {
        let (began, report) = self.report.as_ref()?;
        (*began >= since).then_some((*began, report))
    }

    /// Is what it said last also what was seen last?
    pub(super) fn current(&self) -> Option<&Report> {
        self.is_answering().then(|| self.report.as_ref().map(|(_, report)| report)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64, seen: Seen) -> Sighting {
        Sighting { began: Duration::from_millis(ms), seen }
    }

    fn after(sightings: Vec<Sighting>) -> Watch {
        let mut watch = Watch::default();
        for sighting in sightings {
            watch.note(sighting);
        }
        watch
    }

    #[test]
    fn a_refused_connection_is_certain_and_silence_has_to_repeat() {
        let options = Options::of(2);
        let gone = after(vec![at(1, Seen::Busy), at(2, Seen::Refused)]);
        assert_eq!(gone.health(&options), Health::Ill(Cause::Gone));
        let mut silent = after(vec![at(1, Seen::Busy), at(2, Seen::TimedOut)]);
        silent.note(at(3, Seen::TimedOut));
        assert_eq!(silent.health(&options), Health::Well, "two may be chance");
        silent.note(at(4, Seen::TimedOut));
        assert_eq!(silent.health(&options), Health::Ill(Cause::Hung));
    }

    #[test]
    fn a_late_answer_to_an_early_look_does_not_revive_the_dead() {
        let watch = after(vec![at(5, Seen::Refused), at(4, Seen::Busy)]);
        assert_eq!(watch.health(&Options::of(2)), Health::Ill(Cause::Gone));
    }

    #[test]
    fn writes_that_still_pass_ask_for_more_patience_with_logins() {
        let options = Options::of(2);
        let mut watch = after(vec![at(1, Seen::Busy)]);
        for ms in 2..=12 {
            watch.note(at(ms, Seen::TimedOut));
            watch.note_write(Duration::from_millis(ms), true);
        }
        assert_eq!(watch.health(&options), Health::Well, "overloaded, perhaps");
        watch.note(at(13, Seen::TimedOut));
        assert_eq!(watch.health(&options), Health::Ill(Cause::Hung), "but not for ever");
    }

    #[test]
    fn a_server_that_answers_but_cannot_write_is_ill() {
        let mut watch = after(vec![at(1, Seen::Busy)]);
        for ms in 1..=3 {
            watch.note_write(Duration::from_millis(ms), false);
        }
        assert_eq!(watch.health(&Options::of(2)), Health::Ill(Cause::CannotWrite));
        watch.pardon();
        assert_eq!(watch.health(&Options::of(2)), Health::Well);
    }
}
