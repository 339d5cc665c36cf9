//! The call of a step, from the headers of a request.

use axum::http::HeaderMap;
use sha2::{Digest, Sha256};
use standfast_tactics::saga::Direction;
use uuid::Uuid;

use crate::service::problem::Problem;

/// Names the action by its key: this request takes that action back.
pub(in super::super) const COMPENSATES: &str = "compensates";

/// Which driver of the saga calls.
pub(in super::super) const EPOCH: &str = "saga-epoch";

const KEY: &str = "idempotency-key";

/// The column's limit.
const KEY_LENGTH_MAX: usize = 128;

/// One call of a step: its action, or the compensation of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct StepCall {
    /// Names the step, for both directions.
    pub(in super::super) key: String,
    pub(in super::super) direction: Direction,
    pub(in super::super) epoch: u64,
    /// What an action says, as a number; 0 for a compensation, which knows only its subject.
    pub(in super::super) fingerprint: u64,
    /// What action and compensation are about.
    pub(in super::super) subject: String,
}

impl StepCall {
    /// An action. Without a key it gets one of its own, and cannot be repeated.
    pub(in super::super) fn action(
        headers: &HeaderMap,
        subject: String,
        fingerprint: u64,
    ) -> Result<Self, Problem> {
        let key = key(headers, KEY)?.unwrap_or_else(|| Uuid::now_v7().to_string());
        let direction = Direction::Forth;
        Ok(Self { key, direction, epoch: epoch(headers)?, fingerprint, subject })
    }

    /// A compensation, if the headers name what it compensates.
    pub(in super::super) fn compensation(
        headers: &HeaderMap,
        subject: String,
    ) -> Result<Option<Self>, Problem> {
        let Some(key) = key(headers, COMPENSATES)? else { return Ok(None) };
        let direction = Direction::Back;
        Ok(Some(Self { key, direction, epoch: epoch(headers)?, fingerprint: 0, subject }))
    }
}

/// A number that differs when what is said differs; never 0.
pub(in super::super) fn fingerprint(parts: &[&str]) -> u64 {
    let mut digest = Sha256::new();
    for part in parts {
        // The lengths keep `ab` + `c` apart from `a` + `bc`.
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let digest = digest.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    // Half of the range, since a column for it is signed.
    (u64::from_be_bytes(first) >> 1).max(1)
}

fn key(headers: &HeaderMap, name: &str) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let bytes = value.as_bytes();
    let is_visible = |byte: &u8| (0x21..0x7f).contains(byte);
    if bytes.is_empty() || bytes.len() > KEY_LENGTH_MAX || !bytes.iter().all(is_visible) {
        return Err(Problem::bad_request(format!(
            "header `{name}` must be 1 to {KEY_LENGTH_MAX} visible ASCII characters"
        )));
    }
    Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
}

fn epoch(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(value) = headers.get(EPOCH) else { return Ok(0) };
    let number = value.to_str().ok().and_then(|text| text.parse::<u32>().ok());
    let number = number
        .ok_or_else(|| Problem::bad_request(format!("header `{EPOCH}` must be a whole number")))?;
    Ok(number.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn an_action_and_its_compensation_name_one_step() {
        let forth = headers(&[("idempotency-key", "s/stock"), ("saga-epoch", "7")]);
        let action = StepCall::action(&forth, "P 5".to_owned(), 9).unwrap();
        let back = headers(&[("compensates", "s/stock"), ("saga-epoch", "7")]);
        let undo = StepCall::compensation(&back, "P 5".to_owned()).unwrap().unwrap();
        assert_eq!((action.key, action.epoch), (undo.key, undo.epoch));
        assert_eq!(undo.direction, Direction::Back);
        assert_eq!(StepCall::compensation(&forth, String::new()).unwrap(), None);
    }

    #[test]
    fn a_key_is_short_and_visible_and_an_epoch_is_a_number() {
        for wrong in ["", "a b", &"k".repeat(129)] {
            let headers = headers(&[("idempotency-key", wrong)]);
            assert!(StepCall::action(&headers, String::new(), 1).is_err(), "{wrong}");
        }
        let headers = headers(&[("saga-epoch", "-1")]);
        assert!(StepCall::action(&headers, String::new(), 1).is_err());
    }

    #[test]
    fn fingerprints_differ_when_words_do() {
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
        assert_eq!(fingerprint(&["a"]), fingerprint(&["a"]));
        assert!(fingerprint(&[]) > 0 && fingerprint(&["x"]) <= i64::MAX as u64);
    }
}
