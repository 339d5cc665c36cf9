//! Claims about answers and orders, which need more than load: what they name must be there, and
//! must carry the facts that they judge by.

use std::fmt;

use serde::Serialize;

use super::super::document::steps;
use super::claim::Measure;
use super::file::ClaimFile;
use super::measure::Reader;
use super::reading::Reading;

/// Where the orders of a ledger stand, and what their statuses mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accounts {
    /// The scenario that makes orders; it observes `id`, `key` (the product) and `value` (units).
    pub creates: String,
    /// The scenario that cancels orders; it observes `id`.
    pub cancels: Option<String>,
    /// The final reading of all orders: `id`, `product`, `quantity`, `status`.
    pub orders: String,
    /// The final reading of stock: `product`, `stock`. It is read before the load as well.
    pub stock: String,
    /// The final reading of all reports, where orders are reported: `id` (of the order), `product`,
    /// `quantity`, `status`.
    pub reports: Option<String>,
    /// Statuses of orders that hold stock.
    pub taken: Vec<String>,
    /// Statuses of orders that nobody has decided about.
    pub open: Vec<String>,
    /// Statuses of reports that stand.
    pub filed: Vec<String>,
}

impl fmt::Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reports {
            Some(_) => "mistakes in orders, stock and reports",
            None => "mistakes in orders and stock",
        })
    }
}

/// What a scenario has to observe, by the names of `observe`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) key: &'a str,
    pub(super) scenario: &'a str,
    pub(super) needed: &'a [&'a str],
}

/// Which fields a final reading has to have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    pub(super) key: &'a str,
    pub(super) reading: &'a str,
    pub(super) needed: &'a [&'a str],
}

impl Reader<'_, '_, '_> {
    /// Reports the parts of a claim that are for other subjects.
    pub(super) fn check_accounts(&mut self, file: &ClaimFile) {
        use super::file::Subject::{Ledger, Oversold, WrongAnswers};
        if file.stock.is_some() && !matches!(file.that, Ledger | Oversold) {
            self.report("`stock` is for `that = \"ledger\"` and `that = \"oversold\"`");
        }
        let of_ledger = file.orders.is_some()
            || file.cancels.is_some()
            || file.taken.is_some()
            || file.open.is_some()
            || file.reports.is_some()
            || file.filed.is_some();
        if of_ledger && file.that != Ledger {
            self.report(
                "`orders`, `reports`, `cancels`, `taken`, `open` and `filed` are for \
                 `that = \"ledger\"`",
            );
        }
        if file.truth.is_some() && file.that != WrongAnswers {
            self.report("`truth` is for `that = \"wrong_answers\"`");
        }
    }

    pub(super) fn wrong_answers(&mut self, of: Option<String>, file: ClaimFile) -> Option<Measure> {
        let Some(of) = of else {
            self.report(
                "wrong_answers needs `of`, a scenario that observes key, version and value",
            );
            return None;
        };
        let needed = &["key", "version", "value"];
        self.observes(Facts { key: "of", scenario: &of, needed });
        let truth = file.truth;
        if let Some(reading) = &truth {
            let needed = &["product", "version", "stock"];
            self.reads(Fields { key: "truth", reading, needed });
        }
        Some(Measure::WrongAnswers { truth, of: Some(of) })
    }

    pub(super) fn ledger(&mut self, of: Option<String>, file: ClaimFile) -> Option<Measure> {
        let (Some(creates), Some(orders), Some(stock)) = (of, file.orders, file.stock) else {
            self.report(
                "a ledger needs `of`, the scenario that makes orders, and the final readings \
                 `orders` and `stock`",
            );
            return None;
        };
        let cancels = file.cancels;
        let needed = &["id", "key", "value"];
        self.observes(Facts { key: "of", scenario: &creates, needed });
        if let Some(scenario) = &cancels {
            self.observes(Facts { key: "cancels", scenario, needed: &["id"] });
        }
        let needed = &["id", "product", "quantity", "status"];
        self.reads(Fields { key: "orders", reading: &orders, needed });
        self.initial_stock(&stock);
        if let Some(reading) = &file.reports {
            let needed = &["id", "product", "quantity", "status"];
            self.reads(Fields { key: "reports", reading, needed });
        } else if file.filed.is_some() {
            self.report("`filed` is about `reports`, and there are none");
        }
        let taken = file.taken.unwrap_or_else(|| vec!["confirmed".to_owned()]);
        let open = file.open.unwrap_or_else(|| vec!["pending".to_owned()]);
        if let Some(both) = taken.iter().find(|status| open.contains(status)) {
            self.report(format!("`{both}` cannot be both `taken` and `open`"));
        }
        let reports = file.reports;
        let filed = file.filed.unwrap_or_else(|| vec!["filed".to_owned()]);
        let accounts = Accounts { creates, cancels, orders, stock, reports, taken, open, filed };
        Some(Measure::Ledger(Box::new(accounts)))
    }

    /// The final reading that says how much of everything there was, and is in the end.
    pub(super) fn initial_stock(&mut self, stock: &str) {
        let needed = &["product", "stock"];
        let read = self.reads(Fields { key: "stock", reading: stock, needed });
        if read.is_some_and(|reading| !reading.before_load) {
            self.report(format!(
                "what there was at first is not known: `{stock}` needs `before_load = true`"
            ));
        }
    }

    /// Whether there is anybody who could be a second primary.
    pub(super) fn two_primaries(&mut self, is_of_scenario: bool) -> Option<Measure> {
        if is_of_scenario {
            self.report("two_primaries is about databases, not `of` a scenario");
            return None;
        }
        let mut engines = self.check.system.engines.values();
        if !engines.any(|engine| engine.managed_by.is_some()) {
            self.report("two_primaries needs databases with `managed_by`, and there are none");
            return None;
        }
        Some(Measure::TwoPrimaries)
    }

    /// Reports what a scenario of the load does not observe.
    pub(super) fn observes(&mut self, wanted: Facts<'_>) {
        self.scenario_at(wanted.key, wanted.scenario);
        let Some(scenario) = self.check.system.scenarios.get(wanted.scenario) else { return };
        let observe = &scenario.observe;
        let is_observed = |fact: &str| match fact {
            "id" => observe.id.is_some(),
            "key" => observe.key.is_some(),
            "version" => observe.version.is_some(),
            "value or version" => observe.value.is_some() || observe.version.is_some(),
            "key and value, or id" => {
                observe.id.is_some() || observe.key.is_some() && observe.value.is_some()
            }
            _ => observe.value.is_some(),
        };
        let missing: Vec<String> = wanted
            .needed
            .iter()
            .filter(|fact| !is_observed(fact))
            .map(|fact| format!("`{fact}`"))
            .collect();
        if !missing.is_empty() {
            let (scenario, missing) = (wanted.scenario, missing.join(", "));
            self.report(format!("scenario `{scenario}` does not observe {missing}"));
        }
    }

    /// The final reading that is meant; reports what it lacks.
    pub(super) fn reads(&mut self, wanted: Fields<'_>) -> Option<Reading> {
        let found = self.check.readings.iter().find(|reading| reading.name == wanted.reading);
        let Some(found) = found.cloned() else {
            self.is_fine = false;
            let line = self.check.document.line(steps!["claim", self.index, wanted.key]);
            let text = format!("`{}` is no `[[final]]` of this experiment", wanted.reading);
            let known: Vec<&str> =
                self.check.readings.iter().map(|reading| reading.name.as_str()).collect();
            self.check.problems.report_unknown(line, text, wanted.reading, known);
            return None;
        };
        for field in wanted.needed.iter().filter(|field| !found.fields.contains_key(**field)) {
            let name = &found.name;
            self.report(format!("final reading `{name}` does not keep the field `{field}`"));
        }
        Some(found)
    }
}
