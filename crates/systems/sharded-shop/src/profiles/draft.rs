//! What clients say: changes of a profile, and how old an answer may be.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use standfast_tactics::replica_router::Demand;

use crate::service::environment::parse_duration;
use crate::service::problem::Problem;

const NAME_LENGTH_MAX: usize = 64;
const EMAIL_LENGTH_MAX: usize = 254;
const HASH_LENGTH_MAX: usize = 200;

/// Nobody waits for a copy that is older.
const LAG_MAX: Duration = Duration::from_secs(3600);

/// What others see of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublicDraft {
    pub(super) display_name: String,
}

/// What identifies somebody; the hash is made by whoever checks passwords.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsDraft {
    pub(super) email: String,
    pub(super) password_hash: String,
}

/// A new profile.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDraft {
    pub(super) email: String,
    pub(super) password_hash: String,
    pub(super) display_name: String,
}

impl PublicDraft {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let draft: Self = parse(body)?;
        check_name(&draft.display_name)?;
        Ok(draft)
    }
}

impl CredentialsDraft {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let draft: Self = parse(body)?;
        check_credentials(&draft.email, &draft.password_hash)?;
        Ok(draft)
    }
}

impl NewDraft {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let draft: Self = parse(body)?;
        check_name(&draft.display_name)?;
        check_credentials(&draft.email, &draft.password_hash)?;
        Ok(draft)
    }
}

/// How recent an answer must be, from the query: `strong`, `any`, `max-lag:200ms`,
/// `at-least:16/B374D848`; as `lag_max` says if there is none.
pub(super) fn demand(query: Option<&str>, lag_max: Duration) -> Result<Demand, Problem> {
    let query = query.unwrap_or_default();
    if query.is_empty() {
        return Ok(Demand::MaxLag(lag_max));
    }
    let wrong = || {
        Problem::bad_request(
            "the query may say consistency=strong, any, max-lag:<a duration such as 200ms> or \
             at-least:<a token>, and nothing else",
        )
    };
    let asked = query.strip_prefix("consistency=").ok_or_else(wrong)?;
    if let Some(lag) = asked.strip_prefix("max-lag:") {
        let lag = parse_duration(lag).filter(|lag| *lag <= LAG_MAX);
        return lag.map(Demand::MaxLag).ok_or_else(wrong);
    }
    if let Some(token) = asked.strip_prefix("at-least:") {
        let token = token.replace("%2F", "/").replace("%2f", "/");
        return token.parse().map(Demand::AtLeast).map_err(|_| wrong());
    }
    match asked {
        "strong" => Ok(Demand::Strong),
        "any" => Ok(Demand::Any),
        _ => Err(wrong()),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("the body is not what it should be: {error}");
        // Valid JSON with wrong content is understood, and refused.
        if error.is_data() { Problem::unprocessable(detail) } else { Problem::bad_request(detail) }
    })
}

fn check_name(name: &str) -> Result<(), Problem> {
    if name.chars().count() > NAME_LENGTH_MAX || name.contains(char::is_control) {
        return Err(Problem::unprocessable(format!(
            "`display_name` has at most {NAME_LENGTH_MAX} printable characters"
        )));
    }
    Ok(())
}

fn check_credentials(email: &str, password_hash: &str) -> Result<(), Problem> {
    let is_visible = |text: &str| text.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    let is_address = email
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    if !is_address || email.len() > EMAIL_LENGTH_MAX || !is_visible(email) {
        return Err(Problem::unprocessable(format!(
            "`email` must be an address of at most {EMAIL_LENGTH_MAX} visible ASCII characters"
        )));
    }
    let length = password_hash.len();
    if length == 0 || length > HASH_LENGTH_MAX || !is_visible(password_hash) {
        return Err(Problem::unprocessable(format!(
            "`password_hash` must be 1 to {HASH_LENGTH_MAX} visible ASCII characters"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_is_one_of_four_and_its_default_is_a_bound() {
        let bound = Duration::from_secs(1);
        let of = |query| demand(query, bound);
        assert_eq!(of(None).unwrap(), Demand::MaxLag(bound));
        assert_eq!(of(Some("consistency=strong")).unwrap(), Demand::Strong);
        let lag = Demand::MaxLag(Duration::from_millis(200));
        assert_eq!(of(Some("consistency=max-lag:200ms")).unwrap(), lag);
        let token = Demand::AtLeast("16/B374D848".parse().unwrap());
        assert_eq!(of(Some("consistency=at-least:16/B374D848")).unwrap(), token);
        assert_eq!(of(Some("consistency=at-least:16%2FB374D848")).unwrap(), token);
        for wrong in [
            "consistency=",
            "consistency=weak",
            "consistency=max-lag:2h",
            "consistency=max-lag:200",
            "consistency=at-least:x",
            "consistency=any&consistency=strong",
            "lag=1s",
        ] {
            assert_eq!(of(Some(wrong)).unwrap_err().status(), 400, "{wrong}");
        }
    }

    #[test]
    fn a_bad_draft_is_refused_with_its_reason() {
        let refused = |body: &str, status: u16, part: &str| {
            let problem = NewDraft::parse(body.as_bytes()).unwrap_err();
            assert_eq!(problem.status(), status, "{problem:?}");
            assert!(format!("{problem:?}").contains(part), "{problem:?}");
        };
        let good = r#"{"email":"a@b.example","password_hash":"x","display_name":"Ada"}"#;
        assert!(NewDraft::parse(good.as_bytes()).is_ok());
        refused("{", 400, "not what it should be");
        refused(&good.replace("a@b", "ab"), 422, "`email`");
        refused(&good.replace("\"x\"", "\"\""), 422, "`password_hash`");
        refused(&good.replace("Ada", &"a".repeat(65)), 422, "`display_name`");
        refused(&good.replace("{", "{\"admin\":true,"), 422, "admin");
        assert!(PublicDraft::parse(br#"{"display_name":""}"#).is_ok(), "a name may be empty");
        assert!(CredentialsDraft::parse(br#"{"email":"a@b","password_hash":1}"#).is_err());
    }
}
