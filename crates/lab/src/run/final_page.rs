//! One page of a final reading as rows of text, and when all readings are settled. Pure.

use serde_json::Value;
use standfast_history::{FinalRead, Row};

use crate::spec::Reading;

/// What one answer holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PageRead {
    pub(super) facts: Row,
    pub(super) rows: Vec<Row>,
    /// Where the list goes on; absent on its last page.
    pub(super) cursor: Option<String>,
}

/// Reads an answer.
///
/// # Errors
/// When it is no JSON, or has no list where it should stand.
pub(super) fn page(reading: &Reading, body: &[u8]) -> Result<PageRead, String> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| format!("the answer is no JSON: {error}"))?;
    let list = body.pointer(&reading.rows).and_then(Value::as_array);
    let list = list.ok_or_else(|| format!("the answer has no list at `{}`", reading.rows))?;
    let cursor = reading.page.as_ref().and_then(|page| text(&body, &page.cursor));
    Ok(PageRead {
        facts: fields(&body, &reading.facts),
        rows: list.iter().map(|entry| fields(entry, &reading.fields)).collect(),
        cursor,
    })
}

/// Whether everything that was read is whole, says what it should, and says it for the second
/// time: between two readings that are the same nothing was under way any more.
pub(super) fn are_settled(readings: &[Reading], round: &[FinalRead], last: &[FinalRead]) -> bool {
    let is_whole = round.iter().all(|read| read.error.is_none());
    let same = round.len() == last.len()
        && round.iter().zip(last).all(|(now, before)| {
            (&now.name, &now.service, &now.facts, &now.rows)
                == (&before.name, &before.service, &before.facts, &before.rows)
        });
    is_whole && same && readings.iter().all(|reading| is_met(reading, round))
}

fn is_met(reading: &Reading, round: &[FinalRead]) -> bool {
    let of_reading: Vec<&FinalRead> =
        round.iter().filter(|read| read.name == reading.name).collect();
    let has_none = |field: &String, values: &Vec<String>| {
        let mut rows = of_reading.iter().flat_map(|read| &read.rows);
        rows.all(|row| row.get(field).is_none_or(|value| !values.contains(value)))
    };
    let is_same = |fact: &String| {
        let first = of_reading.first().and_then(|read| read.facts.get(fact));
        first.is_some() && of_reading.iter().all(|read| read.facts.get(fact) == first)
    };
    reading.until.none.iter().all(|(field, values)| has_none(field, values))
        && reading.until.same.iter().all(is_same)
}

fn fields(value: &Value, wanted: &std::collections::BTreeMap<String, String>) -> Row {
    let found = wanted
        .iter()
        .filter_map(|(name, pointer)| text(value, pointer).map(|text| (name.clone(), text)));
    found.collect()
}

/// What stands at `pointer`, as text. `null` is nothing.
fn text(value: &Value, pointer: &str) -> Option<String> {
    let found = value.pointer(pointer).filter(|found| !found.is_null())?;
    Some(found.as_str().map_or_else(|| found.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::spec::{Page, Until};

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    fn reading() -> Reading {
        Reading {
            name: "orders".to_owned(),
            services: vec!["one".to_owned(), "two".to_owned()],
            path: "/orders".to_owned(),
            page: Some(Page {
                cursor: "/next".to_owned(),
                path: "/orders?after={cursor}".to_owned(),
            }),
            rows: "/orders".to_owned(),
            fields: map(&[("id", "/order_id"), ("units", "/lines/0/quantity")]),
            facts: map(&[("applied", "/applied")]),
            before_load: false,
            until: Until {
                none: [("id".to_owned(), vec!["bad".to_owned()])].into(),
                same: vec!["applied".to_owned()],
            },
            within: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_page_keeps_the_fields_that_are_wanted_and_knows_whether_there_is_another_one() {
        let body = br#"{"orders":[{"order_id":"a","lines":[{"quantity":3}],"x":1},{"order_id":7}],
            "applied":12,"next":"a"}"#;
        let found = page(&reading(), body).unwrap();
        assert_eq!(found.rows, [map(&[("id", "a"), ("units", "3")]), map(&[("id", "7")])]);
        assert_eq!(found.facts, map(&[("applied", "12")]));
        assert_eq!(found.cursor.as_deref(), Some("a"));
        let last = page(&reading(), br#"{"orders":[],"next":null}"#).unwrap();
        assert_eq!(last, PageRead::default());
    }

    #[test]
    fn an_answer_without_a_list_is_an_error_and_no_empty_list() {
        for body in ["{}", r#"{"orders":{}}"#, "<html>", ""] {
            assert!(page(&reading(), body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn readings_are_settled_when_they_are_whole_and_agree_and_are_repeated() {
        let read = |service: &str, applied: &str, id: &str| FinalRead {
            name: "orders".to_owned(),
            service: service.to_owned(),
            facts: map(&[("applied", applied)]),
            rows: vec![map(&[("id", id)])],
            ..FinalRead::default()
        };
        let check = |round: &[FinalRead], last: &[FinalRead], expected: bool| {
            assert_eq!(are_settled(&[reading()], round, last), expected, "{round:?} {last:?}");
        };
        let good = [read("one", "5", "a"), read("two", "5", "a")];
        check(&good, &good, true);
        check(&good, &[], false);
        check(&good, &[read("one", "5", "b"), good[1].clone()], false);
        let behind = [good[0].clone(), read("two", "4", "a")];
        check(&behind, &behind, false);
        let open = [good[0].clone(), read("two", "5", "bad")];
        check(&open, &open, false);
        let broken = FinalRead { error: Some("refuses".to_owned()), ..good[1].clone() };
        let broken = [good[0].clone(), broken];
        check(&broken, &broken, false);
        let later = good.clone().map(|read| FinalRead { at_us: 9, ..read });
        check(&later, &good, true);
    }
}
