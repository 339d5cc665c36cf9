//! Registers: what is read was written, and is the latest that could be.
//!
//! A register is linearizable if each operation can be given a moment between its beginning and its
//! end, so that each read returns what was written last. Several registers are if each of them is
//! (Herlihy and Wing, 1990), so that keys are judged one by one.
//!
//! Where no value is written twice, which a load does best to see to, one sort shows it all
//! ([`zones`](super::zones)); otherwise a [`search`] does, which may give up.

use std::collections::{BTreeMap, HashMap};

use standfast_history::Operation;

use super::access::{Access, Effect, Mark, NEVER, effect, end, is_answered, start};
use super::judgement::{Finding, Judgement, Lack};
use super::search::{Limits, Model, Search, Timed, search};
use super::shrink::shrink;
use super::zones::{Clash, clash, repeats};

/// Searches for the smallest part of what is wrong; each is as long as what it looks at.
const SHRINK_TRIES_MAX: usize = 2_000;
/// How a read of a key that is not there (404) is shown.
const NOTHING: &str = "nothing";

/// How registers are judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisterOptions {
    /// What was there before the first write; whatever was read first, if it is not said.
    pub initial: Option<String>,
    pub limits: Limits,
}

/// Judges operations on one register. Keys are not looked at, unless there are several.
///
/// # Errors
/// When the history does not say what was written.
pub fn judge_register(
    operations: &[&Operation],
    options: &RegisterOptions,
) -> Result<Judgement, Lack> {
    let mut keys: Vec<&str> =
        operations.iter().filter_map(|operation| operation.key.as_deref()).collect();
    keys.sort_unstable();
    keys.dedup();
    match keys.as_slice() {
        [one, other, ..] => Err(Lack(format!(
            "it is about {} keys, such as `{one}` and `{other}`, and a register is one: take the \
             model kv",
            keys.len()
        ))),
        _ => judge(operations, options, |_| Some(String::new())),
    }
}

/// Judges operations on registers that are named by keys.
///
/// # Errors
/// When the history does not say what was written, or to which key.
pub fn judge_keys(operations: &[&Operation], options: &RegisterOptions) -> Result<Judgement, Lack> {
    judge(operations, options, |operation| operation.key.clone())
}

fn judge(
    operations: &[&Operation],
    options: &RegisterOptions,
    name: impl Fn(&Operation) -> Option<String>,
) -> Result<Judgement, Lack> {
    let mark = Mark::of(operations)?;
    let mut registers: BTreeMap<String, Register<'_>> = BTreeMap::new();
    let mut judgement = Judgement::default();
    for operation in operations {
        let is_read = is_answered(operation);
        let is_effective = operation.write && effect(operation) != Effect::None;
        if !is_read && !is_effective {
            continue;
        }
        let Some(name) = name(operation) else {
            let (scenario, index) = (&operation.scenario, operation.index);
            match is_read {
                true => judgement.unjudged += 1,
                false => {
                    return Err(Lack(format!(
                        "{scenario} #{index} is a write, and has no `key`: let the scenario \
                         say `observe = {{ key = … }}`, or leave it out by --scenario"
                    )));
                }
            }
            continue;
        };
        let is_taken = registers.entry(name).or_default().take(operation, mark);
        judgement.judged += u64::from(is_taken);
        judgement.unjudged += u64::from(!is_taken && is_read);
    }
    let accesses = || registers.values().flat_map(|register| &register.accesses);
    for (is_write, kind) in [(true, "write"), (false, "read")] {
        // Writes that nobody read, and reads of what nobody wrote, can always be explained.
        if !accesses().any(|access| access.is_write == is_write) {
            judgement.undecided.push(format!("no {kind} was judged, so that nothing is proven"));
        }
    }
    for (name, mut register) in registers {
        register.judge(&name, options, &mut judgement);
    }
    Ok(judgement)
}

/// The operations on one register.
#[derive(Debug, Default)]
struct Register<'a> {
    accesses: Vec<Access<'a>>,
    values: Vec<String>,
    numbers: HashMap<String, u32>,
    /// Writes that may have happened, and do not say what they would have written.
    blank: Vec<&'a Operation>,
}

impl<'a> Register<'a> {
    fn number(&mut self, value: String) -> u32 {
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            next
        })
    }

    /// Takes an operation up, if it says something.
    fn take(&mut self, operation: &'a Operation, mark: Mark) -> bool {
        let value = match mark.read(operation) {
            None if !operation.write && operation.status == 404 => Some(NOTHING.to_owned()),
            other => other,
        };
        let Some(value) = value else {
            if operation.write {
                self.blank.push(operation);
            }
            return false;
        };
        let value = self.number(value);
        let (start, end) = (start(operation), end(operation));
        self.accesses.push(Access { operation, is_write: operation.write, value, start, end });
        true
    }

    fn judge(&mut self, name: &str, options: &RegisterOptions, judgement: &mut Judgement) {
        let initial = options.initial.clone().map(|value| self.number(value));
        let unmade = self.beyond_blanks(initial);
        self.fill_blanks();
        let Self { accesses, values, .. } = &*self;
        if let Some(read) = unmade {
            let finding = explained(Clash::NeverWritten { read }, accesses, values);
            judgement.findings.push(finding);
            return;
        }
        let clash = match repeats(accesses, initial) {
            true => Some(Clash::Unclear),
            false => clash(accesses, initial).map(|clash| self.confirmed(clash, initial)),
        };
        let finding = match clash {
            None => return,
            Some(Clash::Unclear) => match self.search(initial, options.limits) {
                Ok(None) => return,
                Ok(Some(part)) => not_linearizable(&part, values),
                Err(reason) => {
                    let operations = accesses.len();
                    let of = if name.is_empty() { String::new() } else { format!("`{name}`: ") };
                    judgement.undecided.push(format!("{of}{reason} ({operations} operations)"));
                    return;
                }
            },
            Some(clash) => explained(clash, accesses, values),
        };
        judgement.findings.push(finding);
    }

    /// Where it is not known what was there before, it may be one of two values that clash, and
    /// be written again. The operations on these two show whether that explains them.
    fn confirmed(&self, clash: Clash, initial: Option<u32>) -> Clash {
        let Clash::Both { first: [one, other], .. } = clash else { return clash };
        if initial.is_some() {
            return clash;
        }
        let values = [one, other].map(|index| self.accesses[index].value);
        let of_both = self.accesses.iter().filter(|access| values.contains(&access.value));
        let part: Vec<Access<'_>> = of_both.cloned().collect();
        match search(&RegisterModel, None, &calls(&part), Limits::default(), &mut 0) {
            Search::Not { .. } => clash,
            Search::Linearizable | Search::Unknown { .. } => Clash::Unclear,
        }
    }

    /// The values that nobody is known to have written.
    fn unwritten(&self) -> Vec<u32> {
        let mut is_written = vec![false; self.values.len()];
        for access in self.accesses.iter().filter(|access| access.is_write) {
            is_written[usize::try_from(access.value).unwrap_or(0)] = true;
        }
        let each = (0_u32..).zip(is_written);
        each.filter(|(_, is_written)| !is_written).map(|(value, _)| value).collect()
    }

    /// A read of a value for which no write is left: each write without an answer made one value
    /// at most, and none that was read before it began.
    fn beyond_blanks(&self, initial: Option<u32>) -> Option<usize> {
        let mut blanks: Vec<u64> = self.blank.iter().map(|write| start(write)).collect();
        blanks.sort_unstable();
        blanks.first()?;
        let mut first_reads: BTreeMap<u32, usize> = BTreeMap::new();
        for (index, access) in self.accesses.iter().enumerate() {
            let first = first_reads.entry(access.value).or_insert(index);
            if access.end < self.accesses[*first].end {
                *first = index;
            }
        }
        let unwritten = self.unwritten().into_iter().filter(|value| Some(*value) != initial);
        let mut reads: Vec<usize> =
            unwritten.filter_map(|value| first_reads.get(&value).copied()).collect();
        reads.sort_by_key(|read| self.accesses[*read].end);
        // One of them may have been there before.
        let spare = usize::from(initial.is_none());
        let makers =
            |read: usize| blanks.partition_point(|start| *start <= self.accesses[read].end) + spare;
        reads.into_iter().enumerate().find(|(before, read)| *before >= makers(*read)).map(|it| it.1)
    }

    /// A write without an answer has no version: whatever version was read and never acknowledged
    /// may be its.
    fn fill_blanks(&mut self) {
        let unwritten = self.unwritten().into_iter();
        let Some(first) = self.blank.iter().min_by_key(|write| start(write)) else { return };
        let since = start(first);
        let filled: Vec<Access<'_>> = unwritten
            .filter(|value| {
                let mut reads = self.accesses.iter().filter(|read| read.value == *value);
                reads.all(|read| read.end >= since)
            })
            .map(|value| Access {
                operation: first,
                is_write: true,
                value,
                start: since,
                end: NEVER,
            })
            .collect();
        self.accesses.extend(filled);
    }

    /// Searches for an order; answers the smallest part that has none.
    fn search(
        &self,
        initial: Option<u32>,
        limits: Limits,
    ) -> Result<Option<Vec<Access<'a>>>, &'static str> {
        let mut steps = 0;
        let calls = calls(&self.accesses);
        match search(&RegisterModel, initial, &calls, limits, &mut steps) {
            Search::Linearizable => Ok(None),
            Search::Unknown { reason } => Err(reason),
            Search::Not { .. } => Ok(Some(self.smallest(initial, limits, &mut steps))),
        }
    }

    /// A read may be left out of what is wrong, and so may a value with all its writes and reads:
    /// if there were an order of the whole, it would be one of the rest as well.
    fn smallest(&self, initial: Option<u32>, limits: Limits, steps: &mut u64) -> Vec<Access<'a>> {
        let mut part = self.accesses.clone();
        let mut is_wrong = |part: &[Access<'_>]| {
            let answer = search(&RegisterModel, initial, &calls(part), limits, steps);
            matches!(answer, Search::Not { .. })
        };
        let mut values: Vec<u32> = part.iter().map(|access| access.value).collect();
        values.sort_unstable();
        values.dedup();
        // What was there before is a value whose first write cannot be left out.
        let with = |kept: &[usize]| -> Vec<Access<'a>> {
            let is_kept = |access: &&Access<'_>| {
                let index = values.binary_search(&access.value).unwrap_or(usize::MAX);
                kept.binary_search(&index).is_ok()
            };
            self.accesses.iter().filter(is_kept).cloned().collect()
        };
        let kept = shrink(values.len(), SHRINK_TRIES_MAX, |kept| is_wrong(&with(kept)));
        part = with(&kept);
        let reads: Vec<usize> = (0..part.len()).filter(|index| !part[*index].is_write).collect();
        let with = |kept: &[usize]| -> Vec<Access<'a>> {
            let is_kept = |index: usize| match reads.binary_search(&index) {
                Ok(read) => kept.binary_search(&read).is_ok(),
                Err(_) => true,
            };
            let all = part.iter().enumerate();
            all.filter(|(index, _)| is_kept(*index)).map(|(_, access)| access.clone()).collect()
        };
        let kept = shrink(reads.len(), SHRINK_TRIES_MAX, |kept| is_wrong(&with(kept)));
        with(&kept)
    }
}

/// A register as the search sees it: reads and writes of numbered values. Nothing is known of the
/// value before the first write, unless it is given.
#[derive(Clone, Copy, Debug)]
struct RegisterModel;

impl Model for RegisterModel {
    type State = Option<u32>;
    type Call = (bool, u32);

    fn step(&self, state: &Option<u32>, (is_write, value): &(bool, u32)) -> Option<Option<u32>> {
        (*is_write || state.is_none_or(|held| held == *value)).then_some(Some(*value))
    }

    fn is_read(&self, (is_write, _): &(bool, u32)) -> bool {
        !is_write
    }
}

/// Writes that may not have happened and that nobody has read are left out: they explain nothing.
fn calls(accesses: &[Access<'_>]) -> Vec<Timed<(bool, u32)>> {
    let read: std::collections::HashSet<u32> =
        accesses.iter().filter(|access| !access.is_write).map(|access| access.value).collect();
    let counts = |access: &&Access<'_>| access.is_certain() || read.contains(&access.value);
    let timed = |access: &Access<'_>| Timed {
        call: (access.is_write, access.value),
        start: access.start,
        end: Some(access.end).filter(|_| access.is_certain()),
    };
    accesses.iter().filter(counts).map(timed).collect()
}

fn not_linearizable(part: &[Access<'_>], values: &[String]) -> Finding {
    let text = format!("no order explains these {} operations", part.len());
    Finding::new("not linearizable", text, part.iter().map(|access| access.seen(values)))
}

fn explained(clash: Clash, accesses: &[Access<'_>], values: &[String]) -> Finding {
    let name = |index: usize| {
        let operation = accesses[index].operation;
        format!("{} #{}", operation.scenario, operation.index)
    };
    let value = |index: usize| {
        let value = usize::try_from(accesses[index].value).unwrap_or(usize::MAX);
        values.get(value).map_or("", String::as_str)
    };
    let seen = |indexes: &[usize]| {
        let seen = indexes.iter().map(|index| accesses[*index].seen(values));
        seen.collect::<Vec<_>>()
    };
    match clash {
        Clash::NeverWritten { read } => {
            let text = format!("{} returned `{}`, which nobody wrote", name(read), value(read));
            Finding::new("never written", text, seen(&[read]))
        }
        Clash::ReadBeforeWrite { read, write } => {
            let text = format!(
                "{} had returned `{}` before {} began to write it",
                name(read),
                value(read),
                name(write)
            );
            Finding::new("read before written", text, seen(&[read, write]))
        }
        Clash::Both { first, then } if first == then => {
            let text = format!(
                "{} had ended before {} began, which returned `{}`: that was there before all else",
                name(then[0]),
                name(then[1]),
                value(then[1])
            );
            Finding::new("stale read", text, seen(&then))
        }
        Clash::Both { first, then } => {
            let came = |pair: [usize; 2]| {
                let [one, other] = pair;
                let (was, is) = (value(one), value(other));
                let (one, other) = (name(one), name(other));
                format!("`{was}` came before `{is}`, since {one} had ended when {other} began")
            };
            let text = format!("{}; and {}: each was written once", came(first), came(then));
            let mut indexes: Vec<usize> = first.into_iter().chain(then).collect();
            indexes.sort_unstable();
            indexes.dedup();
            Finding::new("stale read", text, seen(&indexes))
        }
        Clash::Unclear => unreachable!("what is unclear is searched"),
    }
}
