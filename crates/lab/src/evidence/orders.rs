//! The orders around each injection: a few before it, all that it touched, a few after.

use std::fmt;

use serde::Serialize;
use standfast_history::{ErrorKind, Operation, Outcome};

use super::between_ms;
use crate::claim::TrialRecord;

/// On each side: enough to see what is usual.
const AROUND: usize = 10;

/// Of those that the fault touched; the counts are of all.
const TOUCHED_SHOWN_MAX: usize = 500;

/// The orders of a trial around its injections.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OrdersAround {
    pub scenario: String,
    pub injections: Vec<Around>,
}

/// The orders around one injection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Around {
    pub fault: String,
    /// After the start of the measured run.
    pub injected_at_ms: f64,
    /// From the injection to the first success of an order that was intended after it; absent when
    /// none succeeded any more.
    pub served_again_after_ms: Option<f64>,
    pub before: Vec<Attempt>,
    /// Under way at the injection, or intended before orders were served again.
    pub touched: Vec<Attempt>,
    pub after: Vec<Attempt>,
    pub touched_count: usize,
    pub touched_without_success: usize,
    /// The longest wait of those that were touched.
    pub touched_latency_max_ms: Option<f64>,
}

/// One order of a client. Times count from the injection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    pub index: u64,
    pub intended_ms: f64,
    pub latency_ms: f64,
    pub outcome: Outcome,
    pub status: u16,
    pub error: Option<ErrorKind>,
    /// What the answer called the order.
    pub order: Option<String>,
}

impl OrdersAround {
    pub(super) fn of(record: &TrialRecord, scenario: &str) -> Self {
        let mut orders: Vec<&Operation> =
            record.operations.iter().filter(|order| order.scenario == scenario).collect();
        orders.sort_by_key(|order| order.intended_us);
        let around = |fault: &crate::claim::FaultRecord| {
            let injected_us = fault.injected_us?;
            let at_ms = between_ms(record.zero_us, injected_us);
            Some(around(&orders, injected_us, fault.fault.to_string(), at_ms))
        };
        let injections = record.faults.iter().filter_map(around).collect();
        Self { scenario: scenario.to_owned(), injections }
    }
}

fn around(orders: &[&Operation], injected_us: u64, fault: String, injected_at_ms: f64) -> Around {
    let is_success = |order: &&&Operation| order.outcome == Outcome::Ok;
    let served_again_us = orders
        .iter()
        .filter(|order| order.intended_us >= injected_us)
        .filter(is_success)
        .map(|order| order.done_us)
        .min();
    let until_us = served_again_us.unwrap_or(u64::MAX);
    let is_before = |order: &&Operation| order.done_us < injected_us;
    let is_after = |order: &&Operation| order.intended_us > until_us;
    let attempt = |order: &&Operation| attempt(order, injected_us);
    let before: Vec<Attempt> =
        orders.iter().copied().filter(is_before).map(|o| attempt(&o)).collect();
    let touched: Vec<Attempt> = orders
        .iter()
        .copied()
        .filter(|order| !is_before(order) && !is_after(order))
        .map(|order| attempt(&order))
        .collect();
    let after = orders.iter().copied().filter(is_after).take(AROUND).map(|o| attempt(&o));
    Around {
        fault,
        injected_at_ms,
        served_again_after_ms: served_again_us.map(|us| between_ms(injected_us, us)),
        before: before[before.len().saturating_sub(AROUND)..].to_vec(),
        touched_count: touched.len(),
        touched_without_success: touched.iter().filter(|it| it.outcome != Outcome::Ok).count(),
        touched_latency_max_ms: touched.iter().map(|it| it.latency_ms).reduce(f64::max),
        touched: touched.into_iter().take(TOUCHED_SHOWN_MAX).collect(),
        after: after.collect(),
    }
}

fn attempt(order: &Operation, injected_us: u64) -> Attempt {
    Attempt {
        index: order.index,
        intended_ms: between_ms(injected_us, order.intended_us),
        latency_ms: order.latency_us() as f64 / 1e3,
        outcome: order.outcome,
        status: order.status,
        error: order.error,
        order: order.id.clone(),
    }
}

impl fmt::Display for OrdersAround {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Scenario {}; times of an order count from the injection.", self.scenario)?;
        self.injections.iter().try_for_each(|around| write!(f, "\n{around}"))
    }
}

impl fmt::Display for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, in effect at {:.3} s", self.fault, self.injected_at_ms / 1e3)?;
        match self.served_again_after_ms {
            Some(ms) => writeln!(f, "orders served again after {:.3} s", ms / 1e3)?,
            None => writeln!(f, "no order served any more")?,
        }
        let longest = self.touched_latency_max_ms.unwrap_or(0.0);
        writeln!(
            f,
            "{} orders touched, {} of them without success, the longest wait {:.0} ms",
            self.touched_count, self.touched_without_success, longest
        )?;
        for (title, orders) in
            [("before", &self.before), ("touched", &self.touched), ("after", &self.after)]
        {
            writeln!(f, "  {title}")?;
            orders.iter().try_for_each(|order| writeln!(f, "    {order}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match (self.outcome, self.error) {
            (Outcome::Ok, _) => "ok".to_owned(),
            (Outcome::Fail, None) => "failed".to_owned(),
            (Outcome::Info, None) => "unknown".to_owned(),
            (_, Some(error)) => format!("{error:?}").to_lowercase(),
        };
        let order = self.order.as_deref().unwrap_or("-");
        write!(
            f,
            "#{:<6} {:>+9.3} s  {:>8.1} ms  {:>3}  {outcome:<9}  {order}",
            self.index,
            self.intended_ms / 1e3,
            self.latency_ms,
            self.status
        )
    }
}
