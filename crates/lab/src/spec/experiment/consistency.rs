//! Claims that a sequential thing explains what clients saw: a register per key, lists that are
//! appended to, stock, a cart.
//!
//! What a model needs to know of an operation, its scenario has to observe; a claim on one that
//! does not would never be decided.

use std::fmt;

use serde::Serialize;

use super::accounts::{Facts, Fields};
use super::claim::Measure;
use super::file::{ClaimFile, ScenarioOrMeasure, Subject};
use super::measure::Reader;

/// What operations are held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Consistency {
    pub model: ConsistencyModel,
    /// The scenarios that read and write what is judged: all of them.
    pub of: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsistencyModel {
    /// Each key is a register: what is read is the latest that was written.
    Linearizable {
        /// What every key holds at first; whatever was read first, when it is not said.
        initial: Option<String>,
    },
    /// Transactions on lists ran one after the other.
    Serializable {
        /// Whether in the order of time.
        is_strict: bool,
    },
    /// Nothing is sold that is not there, and what is shown could be left.
    Oversold {
        /// The final reading of stock: `product`, `stock`. It is read before the load as well.
        stock: String,
    },
    /// Nodes agree in the end; nothing added is lost, and nothing removed is back.
    Cart {
        /// The final reading of every node: `cart`, `item`.
        carts: String,
    },
}

impl ConsistencyModel {
    /// The word for it in ids.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Linearizable { .. } => "linearizable",
            Self::Serializable { .. } => "serializable",
            Self::Oversold { .. } => "oversold",
            Self::Cart { .. } => "cart",
        }
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.model {
            ConsistencyModel::Linearizable { .. } => "violations of linearizability in ",
            ConsistencyModel::Serializable { is_strict: true } => {
                "violations of strict serializability in "
            }
            ConsistencyModel::Serializable { is_strict: false } => {
                "violations of serializability in "
            }
            ConsistencyModel::Oversold { .. } => "stock oversold or wrong in ",
            ConsistencyModel::Cart { .. } => "items lost, back or differing in ",
        })?;
        f.write_str(&self.of.join(", "))
    }
}

impl Subject {
    /// Whether a sequential model is to explain what was seen.
    pub(super) fn is_consistency(self) -> bool {
        matches!(self, Self::Linearizable | Self::Serializable | Self::Oversold | Self::Cart)
    }
}

impl Reader<'_, '_, '_> {
    /// Reports the parts of a claim that are for other subjects.
    pub(super) fn check_consistency(&mut self, file: &ClaimFile) {
        let parts = [
            ("initial", file.initial.is_some(), Subject::Linearizable, "linearizable"),
            ("strict", file.strict.is_some(), Subject::Serializable, "serializable"),
            ("carts", file.carts.is_some(), Subject::Cart, "cart"),
        ];
        for (part, is_given, subject, word) in parts {
            if is_given && file.that != subject {
                self.report(format!("`{part}` is for `that = \"{word}\"`"));
            }
        }
    }

    pub(super) fn consistency(&mut self, file: ClaimFile) -> Option<Measure> {
        let of = match file.of {
            Some(ScenarioOrMeasure::Scenario(scenario)) => vec![scenario],
            Some(ScenarioOrMeasure::Scenarios(scenarios)) => scenarios,
            Some(ScenarioOrMeasure::Measure(_)) | None => Vec::new(),
        };
        if of.is_empty() {
            self.report(
                "it needs `of = [\"scenario\", …]`: all that read and write what is judged",
            );
            return None;
        }
        let that = file.that;
        let (needed, model): (&[&str], Option<ConsistencyModel>) = if that == Subject::Linearizable
        {
            let model = ConsistencyModel::Linearizable { initial: file.initial };
            (&["key", "value or version"], Some(model))
        } else if that == Subject::Serializable {
            let is_strict = file.strict.unwrap_or(false);
            (&["value"], Some(ConsistencyModel::Serializable { is_strict }))
        } else if that == Subject::Oversold {
            (&["key and value, or id"], self.oversold(file.stock))
        } else {
            (&["key", "value"], self.cart(file.carts))
        };
        for scenario in &of {
            self.observes(Facts { key: "of", scenario, needed });
        }
        Some(Measure::Consistency(Box::new(Consistency { model: model?, of })))
    }

    fn oversold(&mut self, stock: Option<String>) -> Option<ConsistencyModel> {
        let Some(stock) = stock else {
            self.report("oversold needs `stock`, a final reading with `before_load = true`");
            return None;
        };
        self.initial_stock(&stock);
        Some(ConsistencyModel::Oversold { stock })
    }

    fn cart(&mut self, carts: Option<String>) -> Option<ConsistencyModel> {
        let Some(carts) = carts else {
            self.report("cart needs `carts`, a final reading of every node");
            return None;
        };
        let needed = &["cart", "item"];
        let read = self.reads(Fields { key: "carts", reading: &carts, needed });
        if read.is_some_and(|reading| reading.services.len() < 2) {
            self.report(format!("`{carts}` asks one node, which always agrees with itself"));
        }
        Some(ConsistencyModel::Cart { carts })
    }
}
