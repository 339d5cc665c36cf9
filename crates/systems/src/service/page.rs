//! Lists in pages: `after` is the last id of the page before, `limit` how many there may be on one.

use super::problem::Problem;

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;

/// Which part of a list to show. `A` is what its rows are sorted by; the default is before all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageRequest<A> {
    pub(crate) after: A,
    pub(crate) limit: u32,
}

impl<A: Default> PageRequest<A> {
    /// Reads what stands behind the question mark; `place` reads the end of the page before.
    pub(crate) fn parse(
        query: Option<&str>,
        place: impl Fn(&str) -> Option<A>,
    ) -> Result<Self, Problem> {
        Self::parse_beside(query, place, "", |_, _| Ok(false))
    }

    /// The same of a list that has parameters of its own, named in `others`: `other` takes one of
    /// them and its value, and answers whether it knows it.
    pub(crate) fn parse_beside(
        query: Option<&str>,
        place: impl Fn(&str) -> Option<A>,
        others: &str,
        mut other: impl FnMut(&str, &str) -> Result<bool, Problem>,
    ) -> Result<Self, Problem> {
        let mut page = Self { after: A::default(), limit: LIMIT_DEFAULT };
        let parameters = query.unwrap_or_default().split('&');
        for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
            let wrong = || {
                Problem::bad_request(format!(
                    "`{parameter}` is none of {others}after=<an id>, limit=<1 to {LIMIT_MAX}>"
                ))
            };
            let (name, value) = parameter.split_once('=').ok_or_else(wrong)?;
            match name {
                "after" => page.after = place(value).ok_or_else(wrong)?,
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    page.limit = limit.ok_or_else(wrong)?;
                }
                _ if other(name, value)? => {}
                _ => return Err(wrong()),
            }
        }
        Ok(page)
    }
}

impl<A> PageRequest<A> {
    /// What to ask for next, when `found` were on this page, of which `last` was the last.
    pub(crate) fn next<T>(&self, found: usize, last: Option<T>) -> Option<T> {
        // Only a full page may have another one behind it.
        last.filter(|_| found == self.limit as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<PageRequest<u8>, Problem> {
        PageRequest::parse(Some(query), |place| place.parse().ok())
    }

    #[test]
    fn a_page_has_a_place_and_a_size() {
        let page = parse("after=9&limit=7").unwrap();
        assert_eq!(page, PageRequest { after: 9, limit: 7 });
        assert_eq!(parse("").unwrap(), PageRequest { after: 0, limit: LIMIT_DEFAULT });
        let wrong =
            ["limit=0", "limit=1001", "limit=x", "after=256", "after=", "before=1", "limit"];
        for wrong in wrong {
            assert_eq!(parse(wrong).unwrap_err().status(), 400, "{wrong}");
        }
    }

    #[test]
    fn a_list_may_have_parameters_of_its_own() {
        let mut state = String::new();
        let own = |name: &str, value: &str| {
            value.clone_into(&mut state);
            Ok(name == "state")
        };
        let query = Some("state=lost&limit=2");
        let page = PageRequest::<u8>::parse_beside(query, |_| None, "state, ", own).unwrap();
        assert_eq!((page.limit, state.as_str()), (2, "lost"));
    }

    #[test]
    fn a_page_that_is_not_full_is_the_last() {
        let page = PageRequest { after: 0, limit: 7 };
        assert_eq!(page.next(7, Some('x')), Some('x'));
        assert_eq!(page.next(6, Some('x')), None);
    }
}
