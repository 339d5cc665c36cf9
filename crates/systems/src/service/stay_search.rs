//! A search as a client writes it: checked, and in one spelling, so that equal searches share a
//! copy.

use std::fmt::Write;

use time::Date;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::problem::Problem;

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The longest stay; the schema's checks and the search's index range rest on it.
const NIGHTS_MAX: i32 = 14;
const GUESTS_MAX: i16 = 16;

/// Longer queries are no searches.
const QUERY_LENGTH_MAX: usize = 512;

/// The labels of the bits in `offers.amenities`, lowest first. Append only: the bits are stored.
pub(crate) const AMENITIES: [&str; 8] =
    ["wifi", "pool", "kitchen", "parking", "garden", "pets", "washer", "balcony"];

/// In which order offers are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Best,
    Price,
    Rating,
}

impl Sort {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Price => "price",
            Self::Rating => "rating",
        }
    }
}

/// A search that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Search {
    pub(crate) city: i32,
    pub(crate) check_in: Date,
    pub(crate) nights: i32,
    pub(crate) guests: i16,
    /// For the whole stay, in cents.
    pub(crate) max_price: Option<i32>,
    pub(crate) sort: Sort,
}

impl Search {
    /// Reads the query of `GET /offers`.
    pub(crate) fn parse(query: &str) -> Result<Self, Problem> {
        if query.len() > QUERY_LENGTH_MAX {
            return Err(Problem::bad_request(format!(
                "the query is longer than {QUERY_LENGTH_MAX} characters"
            )));
        }
        let (mut city, mut check_in, mut nights) = (None, None, None);
        let (mut guests, mut max_price, mut sort) = (None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slot = match name {
                "city" => &mut city,
                "check_in" => &mut check_in,
                "nights" => &mut nights,
                "guests" => &mut guests,
                "max_price" => &mut max_price,
                "sort" => &mut sort,
                _ => {
                    return Err(Problem::bad_request(format!(
                        "`{name}` is no parameter of a search; known are city, check_in, nights, \
                         guests, max_price, sort"
                    )));
                }
            };
            if slot.replace(value).is_some() {
                return Err(Problem::bad_request(format!("`{name}` is given twice")));
            }
        }
        let city = number("city", required("city", city)?, 1, i32::MAX)?;
        let nights = number("nights", required("nights", nights)?, 1, NIGHTS_MAX)?;
        let guests = number("guests", guests.unwrap_or("1"), 1, GUESTS_MAX)?;
        let max_price =
            max_price.map(|value| number("max_price", value, 1, i32::MAX)).transpose()?;
        let check_in = day(required("check_in", check_in)?)?;
        let sort = match sort {
            None | Some("best") => Sort::Best,
            Some("price") => Sort::Price,
            Some("rating") => Sort::Rating,
            Some(other) => {
                return Err(Problem::bad_request(format!(
                    "`sort` is `{other}`, but it can be best, price or rating"
                )));
            }
        };
        Ok(Self { city, check_in, nights, guests, max_price, sort })
    }

    /// The name under which its copy is kept: the same for all spellings of one search.
    pub(crate) fn cache_key(&self) -> String {
        let mut key = String::with_capacity(48);
        let Self { city, check_in, nights, guests, max_price, sort } = self;
        let days = check_in.to_julian_day();
        let max_price = max_price.unwrap_or(0);
        // Writing to a string cannot fail.
        let _ = write!(key, "s:{city}:{days}:{nights}:{guests}:{max_price}:{}", sort.name());
        key
    }
}

fn required<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str, Problem> {
    value.ok_or_else(|| Problem::bad_request(format!("`{name}` is missing")))
}

fn number<T>(name: &str, text: &str, from: T, to: T) -> Result<T, Problem>
where
    T: Copy + PartialOrd + std::fmt::Display + TryFrom<i64>,
{
    let wide: i64 = text
        .parse()
        .map_err(|_| Problem::bad_request(format!("`{name}` must be a whole number")))?;
    match T::try_from(wide) {
        Ok(value) if value >= from && value <= to => Ok(value),
        Ok(_) | Err(_) => {
            Err(Problem::unprocessable(format!("`{name}` must be from {from} to {to}")))
        }
    }
}

fn day(text: &str) -> Result<Date, Problem> {
    Date::parse(text, DAY).map_err(|_| {
        Problem::bad_request("`check_in` must be a day of the calendar such as 2027-03-01")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "city=3&check_in=2027-03-01&nights=3&guests=2";

    #[track_caller]
    fn refused(query: &str, status: u16, part: &str) {
        let problem = Search::parse(query).unwrap_err();
        assert_eq!(problem.status(), status, "{problem:?}");
        assert!(format!("{problem:?}").contains(part), "{problem:?}");
    }

    #[test]
    fn every_spelling_of_a_search_has_one_key() {
        let key = Search::parse(GOOD).unwrap().cache_key();
        let other = "sort=best&guests=2&nights=03&check_in=2027-03-01&&city=3";
        assert_eq!(Search::parse(other).unwrap().cache_key(), key);
        for different in ["sort=price", "max_price=9000"] {
            let search = Search::parse(&format!("{GOOD}&{different}")).unwrap();
            assert_ne!(search.cache_key(), key, "{different}");
        }
    }

    #[test]
    fn what_is_no_search_is_refused_with_its_reason() {
        refused("", 400, "`city` is missing");
        refused(&format!("{GOOD}&colour=red"), 400, "`colour` is no parameter");
        refused(&format!("{GOOD}&city=4"), 400, "given twice");
        refused("city=Rome&check_in=2027-03-01&nights=3", 400, "`city` must be a whole number");
        refused("city=1&check_in=2027-02-30&nights=3", 400, "`check_in`");
        refused("city=1&check_in=2027-03-01&nights=0", 422, "from 1 to 14");
        refused("city=1&check_in=2027-03-01&nights=15", 422, "from 1 to 14");
        refused("city=99999999999&check_in=2027-03-01&nights=1", 422, "`city`");
        refused(&format!("{GOOD}&max_price=-1"), 422, "`max_price`");
        refused(&format!("{GOOD}&sort=cheap"), 400, "`sort` is `cheap`");
        refused(&"a".repeat(513), 400, "longer");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_query_panics(query in "[a-z_=&0-9%.-]{0,80}") {
            let _ = Search::parse(&query);
        }

        #[test]
        fn different_searches_have_different_keys(a in search(), b in search()) {
            prop_assert_eq!(a == b, a.cache_key() == b.cache_key());
        }
    }

    fn search() -> impl Strategy<Value = Search> {
        let sort = prop::sample::select(vec![Sort::Best, Sort::Price, Sort::Rating]);
        let price = prop::option::of(1..3_i32);
        (1..4_i32, 1..3_i32, 1..3_i16, price, sort, 0..3_i64).prop_map(
            |(city, nights, guests, max_price, sort, days)| Search {
                city,
                check_in: time::macros::date!(2027 - 03 - 01) + time::Duration::days(days),
                nights,
                guests,
                max_price,
                sort,
            },
        )
    }
}
