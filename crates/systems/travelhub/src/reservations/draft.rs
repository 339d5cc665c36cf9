//! What clients write, checked. Whether there is such an offer, and a room in it, is decided where
//! the reservation is made.

use serde::Deserialize;
use time::Date;
use uuid::Uuid;

use super::super::wire::day;
use crate::service::problem::Problem;

/// The schema's limits.
const NIGHTS_MAX: u16 = 14;
const GUESTS_MAX: u16 = 16;
const CUSTOMER_LENGTH_MAX: usize = 64;
const CARD_LENGTH_MAX: usize = 128;

/// The body of `POST /reservations`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    pub(super) offer_id: Uuid,
    #[serde(with = "day")]
    pub(super) check_in: Date,
    pub(super) nights: u16,
    pub(super) guests: u16,
    pub(super) customer: String,
}

/// The body of `POST /reservations/{id}/payment`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentDraft {
    pub(super) card_token: String,
}

impl std::fmt::Debug for PaymentDraft {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It is as good as money.
        formatter.write_str("PaymentDraft(…)")
    }
}

impl Draft {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let draft: Self = parse(body, "reservation")?;
        check_range("nights", draft.nights, NIGHTS_MAX)?;
        check_range("guests", draft.guests, GUESTS_MAX)?;
        check_customer(&draft.customer)?;
        Ok(draft)
    }
}

impl PaymentDraft {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let draft: Self = parse(body, "payment")?;
        let token = &draft.card_token;
        if token.is_empty()
            || token.len() > CARD_LENGTH_MAX
            || !token.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Problem::unprocessable(format!(
                "`card_token` must be 1 to {CARD_LENGTH_MAX} visible ASCII characters"
            )));
        }
        Ok(draft)
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8], what: &str) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("the body is no {what}: {error}");
        // Valid JSON with wrong content is understood, and refused.
        if error.is_data() { Problem::unprocessable(detail) } else { Problem::bad_request(detail) }
    })
}

fn check_range(name: &str, value: u16, most: u16) -> Result<(), Problem> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(Problem::unprocessable(format!("`{name}` must be from 1 to {most}")))
}

/// A name that a client gives itself.
pub(super) fn check_customer(name: &str) -> Result<(), Problem> {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.@ ".contains(letter);
    let is_fit = !name.trim().is_empty() && name.chars().count() <= CUSTOMER_LENGTH_MAX;
    if is_fit && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(Problem::unprocessable(format!(
        "`customer` must be 1 to {CUSTOMER_LENGTH_MAX} letters, digits, spaces or any of - _ . @"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"offer_id":"01935b00-0000-7000-8000-100000000001",
        "check_in":"2027-03-01","nights":3,"guests":2,"customer":"ada"}"#;

    #[track_caller]
    fn refused(from: &str, to: &str, status: u16, part: &str) {
        assert!(GOOD.contains(from), "{from}");
        let problem = Draft::parse(GOOD.replace(from, to).as_bytes()).unwrap_err();
        assert_eq!(problem.status(), status, "{problem:?}");
        assert!(format!("{problem:?}").contains(part), "{problem:?}");
    }

    #[test]
    fn a_good_reservation_is_taken() {
        let draft = Draft::parse(GOOD.as_bytes()).unwrap();
        assert_eq!((draft.nights, draft.guests, draft.customer.as_str()), (3, 2, "ada"));
    }

    #[test]
    fn a_bad_reservation_is_refused_with_its_reason() {
        refused("{", "", 422, "no reservation");
        refused("}", "", 400, "no reservation");
        refused("\"nights\":3", "\"nights\":0", 422, "`nights`");
        refused("\"nights\":3", "\"nights\":15", 422, "`nights`");
        refused("\"nights\":3", "\"nights\":-1", 422, "no reservation");
        refused("\"nights\":3", "\"nights\":\"3\"", 422, "no reservation");
        refused("\"guests\":2", "\"guests\":17", 422, "`guests`");
        refused("2027-03-01", "2027-02-30", 422, "no reservation");
        refused("01935b00", "x1935b00", 422, "no reservation");
        refused("ada", "", 422, "`customer`");
        refused("ada", "<script>", 422, "`customer`");
        refused("\"ada\"", "\"ada\",\"price\":1", 422, "price");
    }

    #[test]
    fn a_card_is_a_token() {
        let parse = |text: &str| PaymentDraft::parse(text.as_bytes());
        assert!(parse(r#"{"card_token":"tok_visa_4242"}"#).is_ok());
        for wrong in [r#"{"card_token":""}"#, r#"{"card_token":"a b"}"#, r#"{"card":"x"}"#, "{}"] {
            assert_eq!(parse(wrong).unwrap_err().status(), 422, "{wrong}");
        }
        let shown = format!("{:?}", parse(r#"{"card_token":"secret"}"#).unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
