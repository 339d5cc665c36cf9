//! Lists in pages: `after` is the last id of the page before.

use uuid::Uuid;

use crate::service::problem::Problem;

const LIMIT_DEFAULT: i64 = 100;
const LIMIT_MAX: i64 = 1000;

/// Which part of a list to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageRequest {
    /// Nil for the first page.
    pub(super) after: Uuid,
    pub(super) limit: i64,
}

impl PageRequest {
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut page = Self { after: Uuid::nil(), limit: LIMIT_DEFAULT };
        let parameters = query.unwrap_or_default().split('&');
        for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
            let wrong = || {
                Problem::bad_request(format!(
                    "`{parameter}` is none of after=<an id> and limit=<1 to {LIMIT_MAX}>"
                ))
            };
            match parameter.split_once('=') {
                Some(("after", id)) => page.after = Uuid::try_parse(id).map_err(|_| wrong())?,
                Some(("limit", limit)) => {
                    let limit = limit.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    page.limit = limit.ok_or_else(wrong)?;
                }
                Some(_) | None => return Err(wrong()),
            }
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_place_and_a_size() {
        let id = "01935b00-0000-7000-8000-000000000001";
        let page = PageRequest::parse(Some(&format!("after={id}&limit=7"))).unwrap();
        assert_eq!((page.after.to_string().as_str(), page.limit), (id, 7));
        assert_eq!(PageRequest::parse(None).unwrap().limit, LIMIT_DEFAULT);
        for wrong in ["limit=0", "limit=1001", "limit=x", "after='", "before=1", "limit"] {
            assert_eq!(PageRequest::parse(Some(wrong)).unwrap_err().status(), 400, "{wrong}");
        }
    }
}
