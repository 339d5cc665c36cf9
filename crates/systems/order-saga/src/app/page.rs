//! Lists in pages: `after` is the last id of the page before.

use crate::service::problem::Problem;

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1000;

/// Longer ids there are not.
const AFTER_LENGTH_MAX: usize = 64;

/// Which part of a list to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct PageRequest {
    /// Empty for the first page.
    pub(in super::super) after: String,
    pub(in super::super) limit: u32,
}

impl PageRequest {
    pub(in super::super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut page = Self { after: String::new(), limit: LIMIT_DEFAULT };
        let parameters = query.unwrap_or_default().split('&');
        for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
            let wrong = || {
                Problem::bad_request(format!(
                    "`{parameter}` is none of after=<an id> and limit=<1 to {LIMIT_MAX}>"
                ))
            };
            let is_id = |id: &&str| {
                id.len() <= AFTER_LENGTH_MAX
                    && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            };
            match parameter.split_once('=') {
                Some(("after", id)) => {
                    page.after = Some(id).filter(is_id).ok_or_else(wrong)?.to_owned();
                }
                Some(("limit", limit)) => {
                    let limit = limit.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    page.limit = limit.ok_or_else(wrong)?;
                }
                Some(_) | None => return Err(wrong()),
            }
        }
        Ok(page)
    }

    /// What to ask for next, when `found` rows were on this page, of which `last` was the last.
    pub(in super::super) fn next(&self, found: usize, last: Option<String>) -> Option<String> {
        // Only a full page may have another one behind it.
        last.filter(|_| found == self.limit as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_place_and_a_size() {
        let page = PageRequest::parse(Some("after=PROD-009&limit=7")).unwrap();
        assert_eq!(page, PageRequest { after: "PROD-009".to_owned(), limit: 7 });
        assert_eq!(page.next(7, Some("x".to_owned())), Some("x".to_owned()));
        assert_eq!(page.next(6, Some("x".to_owned())), None);
        assert_eq!(PageRequest::parse(None).unwrap().limit, LIMIT_DEFAULT);
        for wrong in ["limit=0", "limit=1001", "limit=x", "after='", "before=1", "limit"] {
            assert_eq!(PageRequest::parse(Some(wrong)).unwrap_err().status(), 400, "{wrong}");
        }
    }
}
