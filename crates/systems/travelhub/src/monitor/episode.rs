//! Failures as they were found: one episode each, with the times of all detectors side by side.

use std::collections::VecDeque;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::case::{Detector, Finding};

/// What one detector said in an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Detection {
    pub(super) id: Uuid,
    pub(super) at: OffsetDateTime,
    pub(super) over_at: Option<OffsetDateTime>,
}

/// A failure, from the first detector that found it until no detector holds it any longer.
#[derive(Clone, Debug)]
pub(super) struct Episode {
    pub(super) service: String,
    /// When the service was last seen to be well: the failure came after it.
    pub(super) last_sign: OffsetDateTime,
    pub(super) detections: [Option<Detection>; Detector::ALL.len()],
    pub(super) is_over: bool,
}

impl Episode {
    pub(super) fn detection(&self, detector: Detector) -> Option<Detection> {
        self.detections[detector as usize]
    }

    /// How long after the last sign of life a detector found it: more than its time to detect, by
    /// the time from that sign to the failure.
    pub(super) fn after(&self, detector: Detector) -> Option<Duration> {
        let detection = self.detection(detector)?;
        Duration::try_from(detection.at - self.last_sign).ok()
    }
}

/// What is to be written to the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Detected {
        id: Uuid,
        service: String,
        detector: Detector,
        last_sign: OffsetDateTime,
        at: OffsetDateTime,
    },
    Recovered {
        id: Uuid,
        at: OffsetDateTime,
    },
}

/// The newest episodes. All of them are in the database.
#[derive(Clone, Debug)]
pub(super) struct Episodes {
    episodes: VecDeque<Episode>,
    most: usize,
    pub(super) found: u64,
}

impl Episodes {
    pub(super) fn new(most: usize) -> Self {
        Self { episodes: VecDeque::new(), most, found: 0 }
    }

    /// Takes a finding about `service`; `is_suspected` says whether any detector still holds it.
    pub(super) fn take(
        &mut self,
        service: &str,
        finding: Finding,
        last_sign: OffsetDateTime,
        moment: Moment,
    ) -> Option<Entry> {
        let place = finding.detector as usize;
        if finding.is_down {
            let id = Uuid::now_v7();
            let episode = self.open(service, last_sign);
            let last_sign = episode.last_sign;
            let detection = Detection { id, at: moment.at, over_at: None };
            // Of a detector that wavers, the first time counts.
            episode.detections[place].get_or_insert(detection);
            let (service, detector, at) = (service.to_owned(), finding.detector, moment.at);
            return Some(Entry::Detected { id, service, detector, last_sign, at });
        }
        let newest_first = self.episodes.iter_mut().rev();
        let episode = newest_first.into_iter().find(|one| one.service == service)?;
        let detection = episode.detections[place].as_mut()?;
        detection.over_at = Some(moment.at);
        let id = detection.id;
        episode.is_over = !moment.is_suspected;
        Some(Entry::Recovered { id, at: moment.at })
    }

    fn open(&mut self, service: &str, last_sign: OffsetDateTime) -> &mut Episode {
        let known = self.episodes.iter().rposition(|one| one.service == service && !one.is_over);
        let place = known.unwrap_or_else(|| {
            if self.episodes.len() >= self.most {
                self.episodes.pop_front();
            }
            self.found += 1;
            let (service, detections) = (service.to_owned(), [None; Detector::ALL.len()]);
            self.episodes.push_back(Episode { service, last_sign, detections, is_over: false });
            self.episodes.len() - 1
        });
        &mut self.episodes[place]
    }

    /// Newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &Episode> {
        self.episodes.iter().rev()
    }
}

/// When a finding was made, and what is held after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: OffsetDateTime,
    /// Whether any detector takes the service for down.
    pub(super) is_suspected: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_holds_what_each_detector_said_until_none_holds_it_any_longer() {
        let (start, second) = (OffsetDateTime::UNIX_EPOCH, Duration::from_secs(1));
        let mut episodes = Episodes::new(2);
        let mut take = |detector, is_down, after: u32, is_suspected| {
            let moment = Moment { at: start + second * after, is_suspected };
            episodes.take("search", Finding { detector, is_down }, start, moment)
        };
        let written = take(Detector::Phi, true, 1, true);
        assert!(matches!(written, Some(Entry::Detected { last_sign, .. }) if last_sign == start));
        take(Detector::Heartbeat, true, 2, true);
        take(Detector::Phi, false, 4, true);
        take(Detector::Heartbeat, false, 5, false);
        take(Detector::Phi, true, 9, true);
        let all: Vec<_> = episodes.newest().collect();
        assert_eq!(all.len(), 2, "the second death is another episode");
        let first = all[1];
        assert_eq!(first.after(Detector::Phi), Some(second));
        assert_eq!(first.after(Detector::Heartbeat), Some(2 * second));
        assert_eq!(first.after(Detector::Ping), None, "it did not find it");
        assert!(first.is_over && !all[0].is_over);
        assert_eq!(episodes.found, 2);
    }
}
