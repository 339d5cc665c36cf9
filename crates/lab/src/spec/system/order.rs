//! In which order processes start.

use std::collections::BTreeMap;

/// Processes that wait for each other, in the order in which they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle(pub(crate) Vec<String>);

/// Orders names so that each comes after all that it needs. Names that are needed but not there
/// are left to other checks.
pub(crate) fn start_order(needs: &BTreeMap<&str, Vec<&str>>) -> Result<Vec<String>, Cycle> {
    let mut visit = Visit { needs, path: Vec::new(), order: Vec::new() };
    for name in needs.keys() {
        visit.enter(name)?;
    }
    Ok(visit.order)
}

struct Visit<'a> {
    needs: &'a BTreeMap<&'a str, Vec<&'a str>>,
    path: Vec<&'a str>,
    order: Vec<String>,
}

impl<'a> Visit<'a> {
    fn enter(&mut self, name: &'a str) -> Result<(), Cycle> {
        if self.order.iter().any(|done| done == name) {
            return Ok(());
        }
        if let Some(start) = self.path.iter().position(|step| *step == name) {
            let cycle = self.path[start..].iter().chain([&name]);
            return Err(Cycle(cycle.map(|step| (*step).to_owned()).collect()));
        }
        let Some(needed) = self.needs.get(name) else { return Ok(()) };
        self.path.push(name);
        for next in needed {
            self.enter(next)?;
        }
        self.path.pop();
        self.order.push(name.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(needs: &[(&'static str, &[&'static str])]) -> Result<String, String> {
        let needs = needs.iter().map(|(name, needs)| (*name, needs.to_vec())).collect();
        start_order(&needs).map(|order| order.join(" ")).map_err(|Cycle(names)| names.join(" -> "))
    }

    #[test]
    fn what_is_needed_comes_first() {
        let order = check(&[
            ("app", &["cache", "replica"]),
            ("cache", &[]),
            ("primary", &[]),
            ("replica", &["primary"]),
        ]);
        assert_eq!(order.as_deref(), Ok("cache primary replica app"));
    }

    #[test]
    fn a_cycle_is_named_in_full() {
        assert_eq!(
            check(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]),
            Err("b -> c -> b".into())
        );
        assert_eq!(check(&[("a", &["a"])]), Err("a -> a".into()));
    }
}
