//! The limit of a claim: in the unit of what is measured, or as a factor of a bound.

use super::super::quantity::{Quantity, Unit};
use super::claim::{Limit, Measure};
use super::measure::Reader;

/// The limit of a claim as it is written, of which there should be one.
pub(super) struct Written {
    pub(super) limits: (Option<Quantity>, Option<Quantity>, Option<Quantity>),
    pub(super) bound_ms: Option<f64>,
}

impl Reader<'_, '_, '_> {
    pub(super) fn in_trials(&mut self, written: Option<Quantity>) -> Option<Quantity> {
        let is_share =
            |share: &Quantity| share.unit == Unit::Share && 0.0 < share.value && share.value <= 1.0;
        if written.is_some_and(|written| !is_share(&written)) {
            self.report("`in_trials` is a share of the trials, such as \"95 %\"");
        }
        written.filter(is_share)
    }

    pub(super) fn limit(&mut self, written: &Written, measure: &Measure) -> Option<Limit> {
        let no_mistake = matches!(
            measure,
            Measure::Staleness { .. }
                | Measure::WrongAnswers { .. }
                | Measure::Ledger(_)
                | Measure::Consistency(_)
                | Measure::TwoPrimaries
        );
        let limit = match written.limits {
            (Some(limit), None, None) => Limit::AtLeast(limit),
            (None, Some(limit), None) => Limit::AtMost(limit),
            (None, None, Some(limit)) => Limit::Equals(limit),
            (None, None, None) if no_mistake => {
                Limit::Equals(Quantity { value: 0.0, unit: Unit::Count })
            }
            _ => {
                self.report("needs exactly one of `at_least`, `at_most` and `equals`");
                return None;
            }
        };
        let unit = measure.unit();
        if written.bound_ms.is_some() && unit != Unit::Milliseconds {
            self.report("`bound` is for times");
        }
        let Some(quantity) = of_bound(limit.quantity(), written.bound_ms).in_unit(unit) else {
            let example = match unit {
                Unit::Share => "\"99.9 %\"",
                Unit::Milliseconds => "\"50 ms\"",
                Unit::Count => "3",
                Unit::Factor => "\"10 x\"",
                Unit::PerSecond => "\"20/s\"",
            };
            self.report(format!("{measure} is compared with something like {example}"));
            return None;
        };
        if unit == Unit::Share && quantity.value > 1.0 {
            self.report(format!("{quantity} is more than all"));
        }
        Some(match limit {
            Limit::AtLeast(_) => Limit::AtLeast(quantity),
            Limit::AtMost(_) => Limit::AtMost(quantity),
            Limit::Equals(_) => Limit::Equals(quantity),
        })
    }
}

/// A factor of the bound as the time that it means; what is no factor stays as it is.
fn of_bound(written: Quantity, bound_ms: Option<f64>) -> Quantity {
    match bound_ms {
        Some(bound_ms) if written.unit == Unit::Factor => {
            Quantity { value: written.value * bound_ms, unit: Unit::Milliseconds }
        }
        Some(_) | None => written,
    }
}
