//! Whether reports and orders agree: each order that holds stock has its report, once and of the
//! same product and quantity, and nothing is reported of which there is no such order.

use std::collections::BTreeMap;

use super::violation::{LedgerViolation, Wanted};
use super::{Standing, StoredOrder};

/// A report as it is at the end, of an order that it says was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReport {
    pub order: String,
    pub wanted: Wanted,
    /// Whether it still stands: one that was taken back says nothing.
    pub is_filed: bool,
}

pub(super) fn judge_reports(
    stored: &BTreeMap<&str, &StoredOrder>,
    reports: &[StoredReport],
    violations: &mut Vec<LedgerViolation>,
) {
    let mut filed: BTreeMap<&str, &StoredReport> = BTreeMap::new();
    for report in reports.iter().filter(|report| report.is_filed) {
        if filed.insert(&report.order, report).is_some() {
            violations.push(LedgerViolation::ReportedTwice { order: report.order.clone() });
        }
    }
    for (name, order) in stored {
        let order_name = (*name).to_owned();
        match (filed.remove(name), order.standing) {
            (None, Standing::Taken) => {
                violations.push(LedgerViolation::Unreported { order: order_name });
            }
            (Some(_), Standing::Void) => {
                violations.push(LedgerViolation::ReportOfNone { order: order_name });
            }
            (Some(report), Standing::Taken | Standing::Open) if report.wanted != order.wanted => {
                violations.push(LedgerViolation::Misreported {
                    order: order_name,
                    stored: order.wanted.clone(),
                    reported: report.wanted.clone(),
                });
            }
            // What nobody has decided about may have its report, or not yet.
            (Some(_), Standing::Taken | Standing::Open) | (None, Standing::Open) => {}
            (None, Standing::Void) => {}
        }
    }
    let strays = filed.into_keys().map(str::to_owned);
    violations.extend(strays.map(|order| LedgerViolation::ReportOfNone { order }));
}
