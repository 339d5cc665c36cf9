//! An offer as a client writes it, checked.

use serde::Deserialize;

use crate::service::problem::Problem;
use crate::service::stay_search::AMENITIES;

const NAME_LENGTH_MAX: usize = 120;
const GUESTS_MAX: i16 = 16;

/// Ten thousand a night: above it is a mistake in the unit.
const PRICE_CENTS_MAX: i32 = 1_000_000;

/// The fields that a client may set; `city` only where an offer is made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    pub(super) city: Option<i32>,
    pub(super) name: String,
    pub(super) stars: i16,
    pub(super) guests: i16,
    pub(super) price_cents: i32,
    pub(super) currency: String,
    pub(super) amenities: Vec<String>,
}

/// Whether the request makes an offer or changes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Create,
    Replace,
}

impl Draft {
    pub(super) fn parse(body: &[u8], purpose: Purpose) -> Result<Self, Problem> {
        let draft: Self = serde_json::from_slice(body).map_err(|error| {
            let detail = format!("the body is no offer: {error}");
            // Valid JSON with wrong content is understood, and refused.
            if error.is_data() {
                Problem::unprocessable(detail)
            } else {
                Problem::bad_request(detail)
            }
        })?;
        let check = |good: bool, detail: String| {
            if good { Ok(()) } else { Err(Problem::unprocessable(detail)) }
        };
        match purpose {
            Purpose::Create => check(
                draft.city.is_some_and(|city| city > 0),
                "`city` must be the number of a city".to_owned(),
            )?,
            Purpose::Replace => {
                check(draft.city.is_none(), "`city` cannot be changed; leave it out".to_owned())?;
            }
        }
        check(
            !draft.name.trim().is_empty()
                && draft.name.chars().count() <= NAME_LENGTH_MAX
                && !draft.name.contains(char::is_control),
            format!("`name` must have 1 to {NAME_LENGTH_MAX} printable characters"),
        )?;
        check((1..=5).contains(&draft.stars), "`stars` must be from 1 to 5".to_owned())?;
        check(
            (1..=GUESTS_MAX).contains(&draft.guests),
            format!("`guests` must be from 1 to {GUESTS_MAX}"),
        )?;
        check(
            (1..=PRICE_CENTS_MAX).contains(&draft.price_cents),
            format!("`price_cents` must be from 1 to {PRICE_CENTS_MAX}"),
        )?;
        check(draft.currency == "EUR", "`currency` must be EUR".to_owned())?;
        draft.amenity_bits()?;
        Ok(draft)
    }

    pub(super) fn amenity_bits(&self) -> Result<i16, Problem> {
        let mut bits = 0;
        for amenity in &self.amenities {
            let bit = AMENITIES.iter().position(|known| known == amenity).ok_or_else(|| {
                let known = AMENITIES.join(", ");
                Problem::unprocessable(format!("`{amenity}` is no amenity; known are {known}"))
            })?;
            bits |= 1 << bit;
        }
        Ok(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"name":"Loft","stars":4,"guests":2,"price_cents":9900,
        "currency":"EUR","amenities":["wifi","garden"]}"#;

    #[track_caller]
    fn refused(body: &str, status: u16, part: &str) {
        let problem = Draft::parse(body.as_bytes(), Purpose::Replace).unwrap_err();
        assert_eq!(problem.status(), status, "{problem:?}");
        assert!(format!("{problem:?}").contains(part), "{problem:?}");
    }

    #[test]
    fn a_good_offer_is_taken() {
        let draft = Draft::parse(GOOD.as_bytes(), Purpose::Replace).unwrap();
        assert_eq!(draft.amenity_bits().unwrap(), 0b10001);
    }

    #[test]
    fn a_bad_offer_is_refused_with_its_reason() {
        refused("{", 400, "no offer");
        refused(&GOOD.replace("\"stars\":4", "\"stars\":\"4\""), 422, "expected i16");
        refused(&GOOD.replace("\"stars\":4", "\"stars\":6"), 422, "`stars`");
        refused(&GOOD.replace("9900", "0"), 422, "`price_cents`");
        refused(&GOOD.replace("9900", "-5"), 422, "`price_cents`");
        refused(&GOOD.replace("9900", "99.5"), 422, "invalid type");
        refused(&GOOD.replace("wifi", "moat"), 422, "`moat`");
        refused(&GOOD.replace("Loft", "   "), 422, "`name`");
        refused(&GOOD.replace("Loft", &"x".repeat(121)), 422, "`name`");
        refused(&GOOD.replace("EUR", "USD"), 422, "`currency`");
        refused(&GOOD.replace("{\"name\"", "{\"colour\":1,\"name\""), 422, "colour");
        refused(&GOOD.replace("{\"name\"", "{\"city\":1,\"name\""), 422, "`city`");
    }
}
