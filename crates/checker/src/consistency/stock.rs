//! Stock: never more is taken than there is, and what is shown could be there.
//!
//! A write with a key and a value takes so many units of a product. A write with an id alone
//! cancels what was acknowledged under that id. A read with a key and a value shows what is left.
//! What an attempt without an answer took is never counted as sold; it only widens what may be
//! shown.

use std::collections::{BTreeMap, HashMap};

use standfast_history::Operation;

use super::access::{Effect, effect, end, is_answered, start};
use super::judgement::{Finding, Judgement, Lack, Seen};

/// A change of stock, by somebody who may have made it.
#[derive(Clone, Copy, Debug)]
struct Change<'a> {
    operation: &'a Operation,
    units: i64,
    is_done: bool,
}

#[derive(Debug, Default)]
struct Product<'a> {
    takes: Vec<Change<'a>>,
    returns: Vec<Change<'a>>,
    reads: Vec<(&'a Operation, i64)>,
}

/// Judges takes, cancellations and readings of products of which there was `initial`.
///
/// # Errors
/// When a write does not say what it takes, or it is not known how much there was.
pub fn judge_stock(
    operations: &[&Operation],
    initial: &BTreeMap<String, i64>,
) -> Result<Judgement, Lack> {
    let mut judgement = Judgement::default();
    for (name, product) in products(operations, &mut judgement)? {
        let Some(initial) = initial.get(name) else {
            return Err(Lack(format!(
                "it is not known how much of `{name}` there was: say --initial {name}=N, or give \
                 what was read before the load by --finals"
            )));
        };
        product.judge_takes(name, *initial, &mut judgement);
        product.judge_reads(name, *initial, &mut judgement);
    }
    Ok(judgement)
}

fn products<'a>(
    operations: &[&'a Operation],
    judgement: &mut Judgement,
) -> Result<BTreeMap<&'a str, Product<'a>>, Lack> {
    let mut products: BTreeMap<&str, Product<'_>> = BTreeMap::new();
    let mut taken: HashMap<&str, (&str, i64)> = HashMap::new();
    let mut cancels = Vec::new();
    for &operation in operations {
        let units = operation.value.as_deref().and_then(|value| value.trim().parse::<i64>().ok());
        let effect = if operation.write { effect(operation) } else { Effect::None };
        match (operation.key.as_deref(), units) {
            (Some(key), Some(units)) if effect != Effect::None => {
                let is_done = effect == Effect::Done;
                let product = products.entry(key).or_default();
                product.takes.push(Change { operation, units, is_done });
                if let Some(id) = operation.id.as_deref().filter(|_| is_done) {
                    taken.insert(id, (key, units));
                }
            }
            (Some(key), Some(units)) if is_answered(operation) => {
                products.entry(key).or_default().reads.push((operation, units));
            }
            (None, None) if effect != Effect::None && operation.id.is_some() => {
                cancels.push((operation, effect == Effect::Done));
                continue;
            }
            _ if effect != Effect::None => {
                let (scenario, index) = (&operation.scenario, operation.index);
                return Err(Lack(format!(
                    "{scenario} #{index} is a write, and says neither what it takes (`key`, \
                     `value`) nor what it cancels (`id`): leave it out by --scenario"
                )));
            }
            _ => {
                judgement.unjudged += u64::from(is_answered(operation));
                continue;
            }
        }
        judgement.judged += 1;
    }
    let mut returned = std::collections::HashSet::new();
    cancels.sort_by_key(|(operation, _)| start(operation));
    for (operation, is_done) in cancels {
        let id = operation.id.as_deref().unwrap_or_default();
        // Of what was never acknowledged nothing is counted, so that nothing comes back either.
        let Some((key, units)) = taken.get(id).copied() else { continue };
        if returned.insert(id) {
            judgement.judged += 1;
            let product = products.entry(key).or_default();
            product.returns.push(Change { operation, units, is_done });
        }
    }
    Ok(products)
}

impl Product<'_> {
    /// At no moment more may be held than there was: what was acknowledged, and nobody had begun
    /// to give back.
    fn judge_takes(&self, name: &str, initial: i64, judgement: &mut Judgement) {
        let done = self.takes.iter().filter(|take| take.is_done);
        let mut moments: Vec<(u64, i64, &Operation)> =
            done.map(|take| (end(take.operation), take.units, take.operation)).collect();
        let given_back = self.returns.iter();
        moments.extend(given_back.map(|back| (start(back.operation), -back.units, back.operation)));
        moments.sort_by_key(|(at, units, _)| (*at, *units));
        let (mut held, mut orders) = (0, 0);
        for (_, units, operation) in moments {
            held += units;
            orders += units.signum();
            if held > initial {
                let text = format!(
                    "{held} of {name} were held at once by {orders} acknowledged takes, and there \
                     were {initial}"
                );
                let what = format!("take {units} of {name}");
                let finding = Finding::new("oversold", text, [Seen::of(operation, what)]);
                judgement.findings.push(finding);
                return;
            }
        }
    }

    fn judge_reads(&self, name: &str, initial: i64, judgement: &mut Judgement) {
        let sums = |changes: &[Change<'_>], time: fn(&Operation) -> u64, only_done: bool| {
            let counted = changes.iter().filter(|change| change.is_done || !only_done);
            Sums::of(counted.map(|change| (time(change.operation), change.units)).collect())
        };
        let (taken, back) = (sums(&self.takes, end, true), sums(&self.returns, end, true));
        let (may_take, may_back) =
            (sums(&self.takes, start, false), sums(&self.returns, start, false));
        for (read, shown) in &self.reads {
            let (from, until) = (start(read), end(read));
            // What ended before it began is there; what began before it ended may be.
            let most = initial - taken.before(from) + may_back.before(until.saturating_add(1));
            let least = initial - may_take.before(until.saturating_add(1)) + back.before(from);
            let kind = match *shown {
                shown if shown < 0 => "negative stock",
                shown if shown > most => "stale stock",
                shown if shown < least => "lost stock",
                _ => continue,
            };
            let text = format!("{shown} of {name} are shown, and {least} to {most} can be left");
            let seen = Seen::of(read, format!("read {name} = {shown}"));
            judgement.findings.push(Finding::new(kind, text, [seen]));
        }
    }
}

/// Sums of units up to a time.
struct Sums(Vec<(u64, i64)>);

impl Sums {
    fn of(mut changes: Vec<(u64, i64)>) -> Self {
        changes.sort_unstable();
        let mut sum = 0;
        for (_, units) in &mut changes {
            sum += *units;
            *units = sum;
        }
        Self(changes)
    }

    fn before(&self, time: u64) -> i64 {
        let count = self.0.partition_point(|(at, _)| *at < time);
        count.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}
