//! The parameters of a query, each with its bounds.

use crate::service::problem::Problem;

/// Parameters as a request has them.
#[derive(Debug)]
pub(in super::super) struct Query<'a> {
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Query<'a> {
    /// Reads `query`, which may have the parameters `known`.
    pub(in super::super) fn parse(query: Option<&'a str>, known: &[&str]) -> Result<Self, Problem> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        let parameters = query.unwrap_or_default().split('&');
        for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let is_new = pairs.iter().all(|(other, _)| *other != name);
            if !known.contains(&name) || !is_new {
                let known = known.join(", ");
                let detail = format!("`{parameter}`: each of {known} may stand in the query once");
                return Err(Problem::bad_request(detail));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// A whole number from `bounds`, or `default`.
    pub(in super::super) fn number(
        &self,
        name: &str,
        default: u32,
        bounds: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, Problem> {
        let Some(value) = self.text(name) else { return Ok(default) };
        let number = value.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| {
            let (from, to) = bounds.into_inner();
            Problem::bad_request(format!("`{name}` must be a whole number from {from} to {to}"))
        })
    }

    pub(in super::super) fn text(&self, name: &str) -> Option<&'a str> {
        self.pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_or_out_of_bounds_is_refused() {
        let query = Query::parse(Some("limit=7&after=A"), &["limit", "after"]).unwrap();
        assert_eq!(query.number("limit", 20, 1..=100).unwrap(), 7);
        assert_eq!(query.number("shards", 4, 1..=100).unwrap(), 4);
        assert_eq!(query.text("after"), Some("A"));
        for wrong in ["before=1", "limit=1&limit=2", "limit"] {
            let read = Query::parse(Some(wrong), &["limit"]);
            let number = read.and_then(|query| query.number("limit", 20, 1..=100));
            assert_eq!(number.unwrap_err().status(), 400, "{wrong}");
        }
        for wrong in ["0", "101", "x", "-1"] {
            let text = format!("limit={wrong}");
            let query = Query::parse(Some(&text), &["limit"]).unwrap();
            assert_eq!(query.number("limit", 20, 1..=100).unwrap_err().status(), 400, "{wrong}");
        }
    }
}
