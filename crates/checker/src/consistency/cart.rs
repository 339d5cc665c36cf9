//! Carts that every node may change: after all is quiet, nodes agree, nothing that was added is
//! lost, and nothing that was removed is back.
//!
//! A write says `+item` or `-item` of the cart that is its key. Which node answered is its
//! `source`. A cart may keep an item whose removal did not know of the addition; so nothing is
//! held against it that could be so. An addition is lost only if every removal of the item had
//! ended before it began. A removed item is back only if each of its additions was known to a
//! removal: made at the same node before, or the only one and seen there before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use standfast_history::Operation;

use super::access::{Effect, effect, end, is_answered, start};
use super::judgement::{Finding, Judgement, Lack, Seen};

/// What one node had in the end: items of carts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CartReading {
    pub node: String,
    pub lines: BTreeSet<(String, String)>,
}

#[derive(Debug, Default)]
struct Line<'a> {
    adds: Vec<&'a Operation>,
    removes: Vec<&'a Operation>,
    /// Reads in which it was shown.
    shown: Vec<&'a Operation>,
}

/// Judges carts by what clients did, and by what each node had when nothing changed any more.
///
/// # Errors
/// When the writes do not say what they add or remove, or no node was read in the end.
pub fn judge_cart(operations: &[&Operation], readings: &[CartReading]) -> Result<Judgement, Lack> {
    if readings.is_empty() {
        return Err(Lack(
            "no node was read in the end: give readings whose entries have `cart` and `item` by \
             --finals"
                .to_owned(),
        ));
    }
    let mut judgement = Judgement::default();
    let lines = lines(operations, &mut judgement)?;
    diverged(readings, &mut judgement);
    let present = |line: &(String, String)| {
        readings.iter().find(|reading| reading.lines.contains(line)).map(|reading| &reading.node)
    };
    let added = lines.iter().filter(|(_, line)| !line.adds.is_empty());
    let added: BTreeSet<&(String, String)> = added.map(|(line, _)| line).collect();
    for ((cart, item), line) in &lines {
        let name = (cart.clone(), item.clone());
        let lacking = readings.iter().find(|reading| !reading.lines.contains(&name));
        if let Some(lacking) = lacking {
            line.judge_lost(cart, item, &lacking.node, &mut judgement);
        }
        if let Some(node) = present(&name) {
            line.judge_back(cart, item, node, &mut judgement);
        }
    }
    let all: BTreeSet<&(String, String)> =
        readings.iter().flat_map(|reading| &reading.lines).collect();
    for (cart, item) in all.difference(&added) {
        let text = format!("{item} is in cart {cart}, and nobody has put it there");
        judgement.findings.push(Finding::new("never added", text, []));
    }
    Ok(judgement)
}

fn lines<'a>(
    operations: &[&'a Operation],
    judgement: &mut Judgement,
) -> Result<BTreeMap<(String, String), Line<'a>>, Lack> {
    let mut lines: BTreeMap<(String, String), Line<'_>> = BTreeMap::new();
    for &operation in operations {
        let is_read = is_answered(operation);
        let is_effective = operation.write && effect(operation) != Effect::None;
        if !is_read && !is_effective {
            continue;
        }
        let (Some(cart), Some(value)) = (&operation.key, operation.value.as_deref()) else {
            if is_read {
                judgement.unjudged += 1;
                continue;
            }
            return Err(unclear(operation));
        };
        judgement.judged += 1;
        if is_read {
            for item in items(value) {
                lines.entry((cart.clone(), item)).or_default().shown.push(operation);
            }
        } else if let Some(item) = value.strip_prefix('+') {
            lines.entry((cart.clone(), item.to_owned())).or_default().adds.push(operation);
        } else if let Some(item) = value.strip_prefix('-') {
            lines.entry((cart.clone(), item.to_owned())).or_default().removes.push(operation);
        } else {
            return Err(unclear(operation));
        }
    }
    Ok(lines)
}

fn unclear(write: &Operation) -> Lack {
    let (scenario, index) = (&write.scenario, write.index);
    Lack(format!(
        "{scenario} #{index} is a write, and does not say what it does: let the scenario say \
         `observe = {{ key = \"{{cart}}\", value = \"+{{item}}\" }}`, with `-` where it removes, \
         or leave it out by --scenario"
    ))
}

/// A list of items: JSON, or separated by commas.
fn items(value: &str) -> Vec<String> {
    serde_json::from_str::<Vec<String>>(value).unwrap_or_else(|_| {
        let parts = value.split(',').map(str::trim).filter(|item| !item.is_empty());
        parts.map(str::to_owned).collect()
    })
}

fn diverged(readings: &[CartReading], judgement: &mut Judgement) {
    let mut differing: BTreeMap<&str, (&str, Vec<&str>, &str)> = BTreeMap::new();
    for pair in readings.windows(2) {
        for (cart, item) in pair[0].lines.symmetric_difference(&pair[1].lines) {
            let has = pair[0].lines.contains(&(cart.clone(), item.clone()));
            let (with, without) = if has { (&pair[0], &pair[1]) } else { (&pair[1], &pair[0]) };
            let entry = differing.entry(cart).or_insert((&with.node, vec![], &without.node));
            entry.1.push(item);
        }
    }
    for (cart, (with, items, without)) in differing {
        let (first, others) = (items[0], items.len() - 1);
        let more = if others == 0 { String::new() } else { format!(", and {others} more differ") };
        let text = format!("cart {cart}: {with} has {first}, and {without} has not{more}");
        judgement.findings.push(Finding::new("diverged", text, []));
    }
}

impl Line<'_> {
    fn judge_lost(&self, cart: &str, item: &str, node: &str, judgement: &mut Judgement) {
        let may_know =
            |add: &Operation| self.removes.iter().any(|remove| end(remove) >= start(add));
        let acknowledged = self.adds.iter().filter(|add| effect(add) == Effect::Done);
        let Some(lost) = acknowledged.rev().find(|add| !may_know(add)) else { return };
        let text = format!(
            "{item} was added to cart {cart}, nobody has removed it since, and {node} has it not"
        );
        let last = self.removes.last().map(|remove| Seen::of(remove, format!("remove {item}")));
        let seen = last.into_iter().chain([Seen::of(lost, format!("add {item}"))]);
        judgement.findings.push(Finding::new("lost add", text, seen));
    }

    fn judge_back(&self, cart: &str, item: &str, node: &str, judgement: &mut Judgement) {
        let done = self.removes.iter().filter(|remove| effect(remove) == Effect::Done);
        let removes: Vec<&&Operation> = done.collect();
        let mut knowing: HashMap<u64, Seen> = HashMap::new();
        for add in &self.adds {
            let known = removes.iter().find(|remove| self.knew_of(remove, add));
            let Some(remove) = known else { return };
            knowing.insert(remove.index, Seen::of(remove, format!("remove {item}")));
        }
        if knowing.is_empty() {
            return;
        }
        let text = format!(
            "{item} was removed from cart {cart} by who knew of every addition, and {node} has it"
        );
        let adds = self.adds.iter().map(|add| Seen::of(add, format!("add {item}")));
        let seen = adds.chain(knowing.into_values());
        judgement.findings.push(Finding::new("removal is back", text, seen));
    }

    /// Whether the node of a removal had heard of an addition when the removal began.
    fn knew_of(&self, remove: &Operation, add: &Operation) -> bool {
        let is_here = |other: &Operation| {
            other.source.is_some() && other.source == remove.source && end(other) < start(remove)
        };
        is_here(add) || self.adds.len() == 1 && self.shown.iter().any(|read| is_here(read))
    }
}
