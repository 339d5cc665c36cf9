//! The body of an answer: the fields that differ each time, in front of bytes that do not.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    Cache,
    /// The replica, or the primary where reads use it as their database.
    Database,
    /// The primary, asked because no replica was recent enough.
    Primary,
}

impl Source {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Database => "database",
            Self::Primary => "primary",
        }
    }
}

/// What differs from one answer to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Provenance {
    pub(super) source: Source,
    pub(super) stale: bool,
    pub(super) age: Duration,
}

/// The part of a JSON object that is kept: all after its opening brace.
///
/// # Panics
/// When `json` is not a JSON object with at least one field: the queries make nothing else.
pub(super) fn tail_of(json: &str) -> Bytes {
    let fields = json.strip_prefix('{').filter(|fields| fields.starts_with('"'));
    Bytes::copy_from_slice(fields.expect("a query answered no JSON object").as_bytes())
}

/// The whole answer.
pub(super) fn whole(provenance: Provenance, elapsed: Duration, tail: &Bytes) -> Bytes {
    // The longest front: two words, a boolean and two numbers.
    const FRONT_LENGTH_MAX: usize = 128;
    let mut body = Vec::with_capacity(FRONT_LENGTH_MAX + tail.len());
    let elapsed_us = elapsed.as_micros();
    // Writing to a vector cannot fail.
    let _ = write!(
        body,
        r#"{{"source":"{}","stale":{},"age_ms":{},"elapsed_ms":{}.{:03},"#,
        provenance.source.name(),
        provenance.stale,
        provenance.age.as_millis(),
        elapsed_us / 1000,
        elapsed_us % 1000,
    );
    body.extend_from_slice(tail);
    body.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_answer_is_the_stored_object_with_its_provenance_in_front() {
        let tail = tail_of(r#"{"total":2,"offers":[{"id":1}]}"#);
        let provenance =
            Provenance { source: Source::Cache, stale: true, age: Duration::from_millis(1234) };
        let body = whole(provenance, Duration::from_micros(1042), &tail);
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            concat!(
                r#"{"source":"cache","stale":true,"age_ms":1234,"elapsed_ms":1.042,"#,
                r#""total":2,"offers":[{"id":1}]}"#
            )
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_provenance_makes_valid_json(
            stale in any::<bool>(),
            age_ms in any::<u64>(),
            elapsed_us in any::<u64>(),
            text in ".{0,20}",
        ) {
            let stored = serde_json::json!({ "text": text }).to_string();
            let age = Duration::from_millis(age_ms);
            let provenance = Provenance { source: Source::Database, stale, age };
            let body = whole(provenance, Duration::from_micros(elapsed_us), &tail_of(&stored));
            let body: Value = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(&body["text"], &Value::from(text));
            prop_assert_eq!(&body["age_ms"], &Value::from(age_ms));
            prop_assert_eq!(&body["stale"], &Value::from(stale));
        }
    }
}
