//! What stands behind the question mark, checked.

use uuid::Uuid;

use super::draft::check_customer;
use super::events::Following;
use super::lookup::Listing;
use crate::service::page::PageRequest;
use crate::service::problem::Problem;

/// Of a page of entries: some 1.5 MB.
const EVENTS_MAX: u64 = 5000;

/// A reader's name.
const CONSUMER_LENGTH_MAX: usize = 32;

pub(super) fn id(text: &str) -> Result<Uuid, Problem> {
    let is_plain = text.len() == 36;
    Uuid::try_parse(text)
        .ok()
        .filter(|_| is_plain)
        .ok_or_else(|| Problem::bad_request("an id is a UUID"))
}

/// The reservations of one customer.
pub(super) fn of_customer(query: &str) -> Result<Listing, Problem> {
    let listing = listing(query)?;
    if listing.customer.is_none() {
        return Err(Problem::bad_request("`customer` is missing"));
    }
    Ok(listing)
}

/// Everybody's.
pub(super) fn all(query: &str) -> Result<Listing, Problem> {
    let listing = listing(query)?;
    if listing.customer.is_some() {
        return Err(Problem::bad_request("this list is of all customers"));
    }
    Ok(listing)
}

fn listing(query: &str) -> Result<Listing, Problem> {
    let mut customer = None;
    let place = |text: &str| id(text).ok();
    let page =
        PageRequest::parse_beside(Some(query), place, "customer=<a name>, ", |name, value| {
            if name == "customer" {
                let name = unescaped(value)?;
                check_customer(&name)?;
                customer = Some(name);
            }
            Ok(name == "customer")
        })?;
    Ok(Listing { customer, page })
}

/// `since=SEQ&limit=N&consumer=NAME`, of which only the first must be there.
pub(super) fn following(query: &str) -> Result<Following, Problem> {
    let (mut since, mut limit, mut consumer) = (None, EVENTS_MAX, None);
    for (name, value) in pairs(query) {
        match name {
            "since" => {
                // The database's numbers have a sign.
                let number =
                    value.parse().ok().filter(|number| *number <= i64::MAX.cast_unsigned());
                since = Some(number.ok_or_else(|| wrong(name, value))?);
            }
            "limit" => {
                let number = value.parse().ok().filter(|limit| (1..=EVENTS_MAX).contains(limit));
                limit = number.ok_or_else(|| wrong(name, value))?;
            }
            "consumer" => {
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
                let is_fit = !value.is_empty() && value.len() <= CONSUMER_LENGTH_MAX;
                if !is_fit || !value.bytes().all(is_name) {
                    return Err(wrong(name, value));
                }
                consumer = Some(value.to_owned());
            }
            _ => return Err(wrong(name, value)),
        }
    }
    let since = since.ok_or_else(|| Problem::bad_request("`since` is missing"))?;
    Ok(Following { since, limit, consumer })
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn wrong(name: &str, value: &str) -> Problem {
    Problem::bad_request(format!("`{name}={value}` is no parameter here"))
}

/// `%41` and `+` as what they stand for.
fn unescaped(text: &str) -> Result<String, Problem> {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next(), rest.next()];
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let both = digit(digits[0]).zip(digit(digits[1]));
                let (high, low) = both.ok_or_else(|| wrong("customer", text))?;
                bytes.push(u8::try_from(high * 16 + low).expect("two digits are one byte"));
            }
            plain => bytes.push(plain),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong("customer", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_place_and_a_size() {
        let id = Uuid::now_v7();
        let listing = of_customer(&format!("customer=Ada+L%2E&after={id}&limit=7")).unwrap();
        let customer = Some("Ada L.".to_owned());
        assert_eq!(listing, Listing { customer, page: PageRequest { after: id, limit: 7 } });
        assert_eq!(all("").unwrap().customer, None);
        for wrong in ["", "customer=%4", "customer=%ff", "customer=a&limit=0", "customer=a&x=1"] {
            assert_eq!(of_customer(wrong).unwrap_err().status(), 400, "{wrong}");
        }
        assert_eq!(of_customer("customer=<").unwrap_err().status(), 422);
    }

    #[test]
    fn a_reader_says_how_far_it_is() {
        let consumer = Some("inventory".to_owned());
        let expected = Following { since: 41, limit: 100, consumer };
        assert_eq!(following("since=41&limit=100&consumer=inventory").unwrap(), expected);
        let wrong = [
            "",
            "since=-1",
            "since=9223372036854775808",
            "since=1&limit=5001",
            "since=1&consumer=a%20b",
            "since=1&before=2",
        ];
        for wrong in wrong {
            assert_eq!(following(wrong).unwrap_err().status(), 400, "{wrong}");
        }
    }
}
