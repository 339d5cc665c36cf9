//! What was there before the first operation: as the user says, or as it was read.

use std::collections::BTreeMap;

use standfast_checker::Lack;
use standfast_history::Operation;

use super::books;
use super::stored::Part;

/// What `--initial` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Initial {
    /// Of whatever is not named.
    pub(super) all: Option<String>,
    named: BTreeMap<String, String>,
}

impl Initial {
    pub(super) fn parse(words: &[String]) -> Result<Self, String> {
        let mut initial = Self::default();
        for word in words {
            let is_new = match word.split_once('=') {
                Some((key, value)) => {
                    initial.named.insert(key.to_owned(), value.to_owned()).is_none()
                }
                None => initial.all.replace(word.clone()).is_none(),
            };
            if !is_new {
                return Err(format!("--initial {word}: it was said already"));
            }
        }
        Ok(initial)
    }

    /// Operations by the value that their key had before.
    pub(super) fn groups<'a>(
        &self,
        operations: &[&'a Operation],
    ) -> BTreeMap<Option<String>, Vec<&'a Operation>> {
        let mut groups: BTreeMap<Option<String>, Vec<&Operation>> = BTreeMap::new();
        for operation in operations {
            let named = operation.key.as_ref().and_then(|key| self.named.get(key));
            groups.entry(named.or(self.all.as_ref()).cloned()).or_default().push(operation);
        }
        groups
    }

    /// Units of each product: as it is said, or else as it was read before the load.
    pub(super) fn stock(&self, part: &Part) -> Result<BTreeMap<String, i64>, Lack> {
        let mut stock = books::stock_before(part)?;
        let units = |product: &str, value: &str| {
            value.parse::<i64>().map_err(|_| {
                books::lack(format!("--initial {product}={value}: `{value}` is no number of units"))
            })
        };
        if let Some(value) = &self.all {
            for product in part.operations.iter().filter_map(|operation| operation.key.as_ref()) {
                stock.insert(product.clone(), units(product, value)?);
            }
        }
        for (product, value) in &self.named {
            stock.insert(product.clone(), units(product, value)?);
        }
        Ok(stock)
    }
}

#[cfg(test)]
mod tests {
    use super::Initial;

    #[test]
    fn a_value_is_for_all_keys_or_for_the_one_that_is_named() {
        let words = ["0", "x=1"].map(str::to_owned);
        let initial = Initial::parse(&words).unwrap();
        assert_eq!(initial.all.as_deref(), Some("0"));
        assert_eq!(initial.named["x"], "1");
        assert!(Initial::parse(&["x=1", "x=2"].map(str::to_owned)).is_err());
    }
}
