//! Lists of carts in pages: `after` is the last cart of the page before.

use super::names::is_name;
use crate::service::problem::Problem;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Which part of the list to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageRequest {
    /// Empty for the first page.
    pub(super) after: String,
    pub(super) limit: usize,
}

impl PageRequest {
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut page = Self { after: String::new(), limit: LIMIT_DEFAULT };
        let parameters = query.unwrap_or_default().split('&');
        for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
            let wrong = || {
                Problem::bad_request(format!(
                    "`{parameter}` is none of after=<a cart> and limit=<1 to {LIMIT_MAX}>"
                ))
            };
            match parameter.split_once('=') {
                Some(("after", cart)) if is_name(cart) => cart.clone_into(&mut page.after),
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
        let page = PageRequest::parse(Some("after=basket-9&limit=7")).unwrap();
        assert_eq!(page, PageRequest { after: "basket-9".to_owned(), limit: 7 });
        assert_eq!(PageRequest::parse(None).unwrap().limit, LIMIT_DEFAULT);
        for wrong in ["limit=0", "limit=1001", "limit=x", "after='", "after=", "before=1", "limit"]
        {
            assert_eq!(PageRequest::parse(Some(wrong)).unwrap_err().status(), 400, "{wrong}");
        }
    }
}
