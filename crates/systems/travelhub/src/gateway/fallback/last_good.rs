//! The last good answer to each question, for when there is no better one. Its memory is bounded:
//! what was asked for least recently is forgotten, half of it at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{
    CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use tokio::time::Instant;

/// An answer that is younger is not replaced: a question that everybody asks would have its answer
/// copied each time.
const RENEWED_AFTER: Duration = Duration::from_millis(500);

/// Without them a page of earlier would be shown with less protection than it has by itself.
const KEPT: [HeaderName; 6] = [
    CONTENT_TYPE,
    CONTENT_LANGUAGE,
    CONTENT_SECURITY_POLICY,
    REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
];

/// What an entry takes besides its texts, roughly.
const OVERHEAD: usize = 200;

#[derive(Clone, Debug)]
pub(in super::super) struct Good {
    /// Those of the answer that are needed to understand its body, and to show it safely.
    pub(in super::super) headers: Arc<[(HeaderName, HeaderValue)]>,
    pub(in super::super) body: Bytes,
    pub(in super::super) at: Instant,
    /// Whether the body is without its `answer` already.
    is_bare: bool,
}

/// Answers by what was asked.
#[derive(Debug)]
pub(in super::super) struct LastGood {
    bytes_max: usize,
    inner: Mutex<Generations>,
}

/// What was used lately, and what was used before that.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Box<str>, Good>,
    old: HashMap<Box<str>, Good>,
    young_bytes: usize,
}

impl LastGood {
    pub(in super::super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, inner: Mutex::default() }
    }

    /// Keeps `body` as the last good answer to `question`.
    pub(in super::super) fn keep(
        &self,
        question: &str,
        headers: &HeaderMap,
        body: &Bytes,
        now: Instant,
    ) {
        let mut inner = self.lock();
        if let Some(known) = inner.young.get(question)
            && now.saturating_duration_since(known.at) < RENEWED_AFTER
        {
            return;
        }
        // A copy: what came was a part of a buffer that is larger, and would be kept as a whole.
        let body = Bytes::copy_from_slice(body);
        let kept = |name| headers.get(&name).cloned().map(|value| (name, value));
        let headers = KEPT.into_iter().filter_map(kept).collect();
        let good = Good { headers, body, at: now, is_bare: false };
        inner.put(question, good, self.bytes_max);
    }

    /// The last good answer to `question`, if it is known and not older than `age_max`.
    pub(in super::super) fn find(
        &self,
        question: &str,
        age_max: Duration,
        now: Instant,
    ) -> Option<Good> {
        let mut inner = self.lock();
        let good = match inner.young.get(question) {
            Some(good) => good.clone(),
            None => {
                let good = inner.old.remove(question)?;
                inner.put(question, good.clone(), self.bytes_max);
                good
            }
        };
        (now.saturating_duration_since(good.at) <= age_max).then_some(good)
    }

    /// The same, as an object in JSON without its member `answer`, ready to be given another one.
    pub(in super::super) fn find_bare(
        &self,
        question: &str,
        age_max: Duration,
        now: Instant,
    ) -> Option<Good> {
        let good = self.find(question, age_max, now)?;
        if good.is_bare {
            return Some(good);
        }
        let mut object = serde_json::from_slice::<serde_json::Map<_, _>>(&good.body).ok()?;
        object.remove("answer");
        let body = serde_json::to_vec(&object).ok()?.into();
        let bare = Good { body, is_bare: true, ..good };
        // Once is enough: during an outage the same questions come again and again.
        self.lock().put(question, bare.clone(), self.bytes_max);
        Some(bare)
    }

    /// How many answers are known.
    pub(in super::super) fn len(&self) -> usize {
        let inner = self.lock();
        inner.young.len() + inner.old.len()
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn put(&mut self, question: &str, good: Good, bytes_max: usize) {
        let size = |good: &Good| {
            let headers: usize = good.headers.iter().map(|(_, value)| value.len()).sum();
            question.len() + good.body.len() + headers + OVERHEAD
        };
        let added = size(&good);
        if added > bytes_max / 2 {
            return;
        }
        if let Some(before) = self.young.get(question).map(size) {
            self.young_bytes -= before;
        } else if self.young_bytes + added > bytes_max / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.old.remove(question);
        self.young_bytes += added;
        self.young.insert(question.into(), good);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn keep(answers: &LastGood, question: &str, body: &str, now: Instant) {
        answers.keep(question, &HeaderMap::new(), &Bytes::from(body.to_owned()), now);
    }

    #[test]
    fn the_last_good_answer_is_found_until_it_is_too_old() {
        let (answers, now) = (LastGood::new(10_000), Instant::now());
        keep(&answers, "/a", "first", now);
        keep(&answers, "/a", "too soon", now + RENEWED_AFTER / 2);
        let found = |now| answers.find("/a", HOUR, now).map(|good| good.body);
        assert_eq!(found(now).unwrap(), "first");
        let later = now + RENEWED_AFTER;
        keep(&answers, "/a", "second", later);
        assert_eq!(found(later + HOUR).unwrap(), "second");
        assert_eq!(found(later + HOUR + Duration::from_millis(1)), None);
        assert!(answers.find("/b", HOUR, now).is_none());
    }

    #[test]
    fn what_is_asked_for_stays_and_the_memory_is_bounded() {
        let (answers, now) = (LastGood::new(20_000), Instant::now());
        keep(&answers, "/hot", "hot", now);
        for number in 0..1000 {
            keep(&answers, &format!("/{number}"), &"x".repeat(100), now);
            assert!(answers.find("/hot", HOUR, now).is_some(), "after {number}");
            assert!(answers.len() * OVERHEAD <= 20_000, "{}", answers.len());
        }
        assert!(answers.find("/0", HOUR, now).is_none(), "it was forgotten");
        keep(&answers, "/huge", &"x".repeat(20_000), now);
        assert!(answers.find("/huge", HOUR, now).is_none() && answers.len() > 1);
    }

    #[test]
    fn a_bare_answer_lacks_only_what_it_said_of_itself() {
        let (answers, now) = (LastGood::new(10_000), Instant::now());
        keep(&answers, "/a", r#"{"offers":[1],"answer":{"kind":"fresh"}}"#, now);
        keep(&answers, "/page", "<p>", now);
        for _ in 0..2 {
            let bare = answers.find_bare("/a", HOUR, now).unwrap();
            assert_eq!(bare.body, r#"{"offers":[1]}"#);
        }
        assert!(answers.find_bare("/page", HOUR, now).is_none());
    }
}
