//! Transactions that append to lists and read them: can they have run one after the other?
//!
//! Every element is appended once, so that a list tells in which order its appends happened. From
//! that follows who came before whom: whose append stands before mine (`ww`), whose append I read
//! (`wr`), whose append I did not read yet (`rw`), and who had ended when I began. Transactions
//! that came before each other all the way round can not have run one after the other. The
//! shortest such round is shown.
//!
//! Source: Kingsbury and Alvaro, "Elle" (VLDB 2020), for list-append; the names of the anomalies
//! are Adya's (1999).

use std::collections::{BTreeMap, HashMap};

use standfast_history::Operation;

use super::access::{Effect, NEVER};
use super::cycle::Graph;
use super::judgement::{Finding, Judgement, Lack};
use super::transaction::{Part, Transaction};

/// How lists are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendOptions {
    /// Whether a transaction that ended before another began must have come first (strict
    /// serializability), or any order will do.
    pub is_strict: bool,
}

/// Why a transaction came before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It appended earlier to the same list, as a reading shows.
    Appended {
        reader: usize,
    },
    WasRead,
    ReadBefore,
    /// By way of moments in time.
    Ended,
}

/// Judges transactions on lists.
///
/// # Errors
/// When an operation does not say what it appended, or an element is appended twice.
pub fn judge_append(operations: &[&Operation], options: AppendOptions) -> Result<Judgement, Lack> {
    let mut judgement = Judgement::default();
    let mut transactions = Vec::new();
    for operation in operations {
        match Transaction::of(operation)? {
            Some(transaction) => transactions.push(transaction),
            None => judgement.unjudged += u64::from(!operation.write),
        }
    }
    let lists = Lists::of(&transactions)?;
    judgement.judged = transactions.iter().map(|one| u64::from(one.effect != Effect::None)).sum();
    if lists.longest.is_empty() {
        judgement.undecided.push("no list was read, so that nothing is proven".to_owned());
    }
    lists.judge_reads(&transactions, &mut judgement.findings);
    if !judgement.findings.is_empty() {
        // Without one order of each list, nothing follows from it.
        return Ok(judgement);
    }
    let mut graph = Graph::new(transactions.len());
    lists.connect(&transactions, &mut graph);
    let cycles = graph.cycles();
    let is_strict = options.is_strict && cycles.is_empty();
    judgement.findings.extend(cycles.iter().map(|cycle| found(cycle, &transactions)));
    if is_strict {
        let graph = in_time(graph, &transactions);
        let cycles = graph.cycles();
        judgement.findings.extend(cycles.iter().map(|cycle| found(cycle, &transactions)));
    }
    Ok(judgement)
}

/// One list of all that was appended to a key, as far as somebody has read it.
#[derive(Debug, Default)]
struct Lists<'a> {
    writer: HashMap<(&'a str, &'a str), usize>,
    /// The longest reading of each key, and whose it is.
    longest: BTreeMap<&'a str, (&'a [String], usize)>,
    appended: BTreeMap<&'a str, Vec<(&'a str, usize)>>,
}

impl<'a> Lists<'a> {
    fn of(transactions: &'a [Transaction<'a>]) -> Result<Self, Lack> {
        let mut lists = Self::default();
        for (index, transaction) in transactions.iter().enumerate() {
            for part in &transaction.parts {
                match part {
                    Part::Append { key, element } => {
                        let known = lists.writer.insert((key, element), index);
                        if let Some(other) = known {
                            return Err(Lack(format!(
                                "{} and {} append the same element {element} to {key}: what was \
                                 appended must tell who did it",
                                transactions[other].name(),
                                transaction.name()
                            )));
                        }
                        lists.appended.entry(key).or_default().push((element, index));
                    }
                    Part::Read { key, list: Some(list) } => {
                        let longest = lists.longest.entry(key).or_insert((list, index));
                        if list.len() > longest.0.len() {
                            *longest = (list, index);
                        }
                    }
                    Part::Read { list: None, .. } => {}
                }
            }
        }
        Ok(lists)
    }

    /// What a single reading, or two of one key, show to be wrong.
    fn judge_reads(&self, transactions: &[Transaction<'_>], findings: &mut Vec<Finding>) {
        for (index, transaction) in transactions.iter().enumerate() {
            let mut own: HashMap<&str, Vec<&str>> = HashMap::new();
            for part in &transaction.parts {
                let (key, list) = match part {
                    Part::Append { key, element } => {
                        own.entry(key).or_default().push(element);
                        continue;
                    }
                    Part::Read { list: None, .. } => continue,
                    Part::Read { key, list: Some(list) } => (key.as_str(), list.as_slice()),
                };
                let name = transaction.name();
                let mut find = |kind: &str, text: String, others: &[usize]| {
                    let others = others.iter().map(|other| transactions[*other].seen());
                    let seen = others.chain([transaction.seen()]);
                    findings.push(Finding::new(kind, text, seen));
                };
                let mine = own.get(key).map_or(&[][..], Vec::as_slice);
                if !list
                    .iter()
                    .map(String::as_str)
                    .rev()
                    .take(mine.len())
                    .eq(mine.iter().rev().copied())
                {
                    let text = format!("{name} does not read at the end of {key} what it appended");
                    find("internal", text, &[]);
                }
                let (longest, reader) = self.longest[key];
                if !longest.starts_with(list) {
                    let other = transactions[reader].name();
                    let text = format!("{name} and {other} {}", parting(key, list, longest));
                    find("incompatible order", text, &[reader]);
                }
                if let Some((kind, text, others)) = self.strange(transactions, index, key, list) {
                    find(kind, text, &others);
                }
            }
        }
    }

    /// An element that should not have been read.
    fn strange(
        &self,
        transactions: &[Transaction<'_>],
        reader: usize,
        key: &'a str,
        list: &[String],
    ) -> Option<(&'static str, String, Vec<usize>)> {
        let name = transactions[reader].name();
        let mut seen: HashMap<&str, ()> = HashMap::new();
        for element in list {
            if seen.insert(element, ()).is_some() {
                let text = format!("{name} reads {element} twice in {key}");
                return Some(("duplicate element", text, Vec::new()));
            }
            let Some(&writer) = self.writer.get(&(key, element.as_str())) else {
                let text = format!("{name} reads {element} in {key}, which nobody appended");
                return Some(("never appended", text, Vec::new()));
            };
            if transactions[writer].effect == Effect::None {
                let by = transactions[writer].name();
                let text = format!("{name} reads {element} in {key}, and {by} was refused");
                return Some(("aborted read (G1a)", text, vec![writer]));
            }
        }
        let last = list.last()?;
        let writer = *self.writer.get(&(key, last.as_str()))?;
        let (final_element, _) = self.appended[key].iter().rfind(|(_, by)| *by == writer)?;
        (writer != reader && final_element != last).then(|| {
            let by = transactions[writer].name();
            let text = format!("{name} reads {key} up to {last}, in the midst of {by}");
            ("intermediate read (G1b)", text, vec![writer])
        })
    }

    /// Adds who came before whom by what was appended and read.
    fn connect(&self, transactions: &[Transaction<'_>], graph: &mut Graph<Why>) {
        let mut unread: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (key, appended) in &self.appended {
            let (longest, reader) = self.longest.get(key).copied().unwrap_or_default();
            let read: std::collections::HashSet<&str> =
                longest.iter().map(String::as_str).collect();
            let rest = appended.iter().filter(|(element, by)| {
                !read.contains(element) && transactions[*by].effect == Effect::Done
            });
            unread.insert(key, rest.map(|(_, by)| *by).collect());
            let writers: Vec<usize> =
                longest.iter().filter_map(|element| self.writer_of(key, element)).collect();
            for pair in writers.windows(2) {
                graph.add(pair[0], pair[1], Why::Appended { reader });
            }
            if let Some(last) = writers.last() {
                for later in &unread[key] {
                    graph.add(*last, *later, Why::Appended { reader });
                }
            }
        }
        for (index, transaction) in transactions.iter().enumerate() {
            for part in &transaction.parts {
                let Part::Read { key, list: Some(list) } = part else { continue };
                if let Some(writer) = list.last().and_then(|last| self.writer_of(key, last)) {
                    graph.add(writer, index, Why::WasRead);
                }
                match self.longest[key.as_str()].0.get(list.len()) {
                    Some(next) => {
                        if let Some(writer) = self.writer_of(key, next) {
                            graph.add(index, writer, Why::ReadBefore);
                        }
                    }
                    None => {
                        for later in unread.get(key.as_str()).into_iter().flatten() {
                            graph.add(index, *later, Why::ReadBefore);
                        }
                    }
                }
            }
        }
    }

    fn writer_of(&self, key: &str, element: &str) -> Option<usize> {
        self.writer.get(&(key, element)).copied()
    }
}

/// Where two readings of one key part. The second is at least as long, and no continuation.
fn parting(key: &str, list: &[String], longest: &[String]) -> String {
    let shared = list.iter().zip(longest).take_while(|(one, other)| one == other).count();
    let (one, other) = (&list[shared], &longest[shared]);
    format!(
        "read {key} in orders that are not of one list: after {shared} elements that both have, \
         one goes on with {one}, the other with {other}"
    )
}

/// The same graph with moments between the transactions: each leads to the moment of its end, each
/// moment to the next one, and the last moment before it began to each. So a million transactions
/// have a few million edges, and not a square of them.
fn in_time(mut graph: Graph<Why>, transactions: &[Transaction<'_>]) -> Graph<Why> {
    let ended = || {
        let all = transactions.iter().enumerate();
        all.filter(|(_, one)| one.effect == Effect::Done && one.end != NEVER)
    };
    let mut ends: Vec<(u64, usize)> = ended().map(|(index, one)| (one.end, index)).collect();
    ends.sort_unstable();
    let first = graph.grow(ends.len());
    for (place, (_, index)) in ends.iter().enumerate() {
        graph.add(*index, first + place, Why::Ended);
        if place > 0 {
            graph.add(first + place - 1, first + place, Why::Ended);
        }
    }
    for (index, transaction) in transactions.iter().enumerate() {
        let before = ends.partition_point(|(end, _)| *end < transaction.start);
        if before > 0 && transaction.effect != Effect::None {
            graph.add(first + before - 1, index, Why::Ended);
        }
    }
    graph
}

/// A round, told step by step.
fn found(cycle: &[(usize, Why)], transactions: &[Transaction<'_>]) -> Finding {
    let is_real = |(node, _): &&(usize, Why)| *node < transactions.len();
    let real: Vec<&(usize, Why)> = cycle.iter().filter(is_real).collect();
    let count = |wanted| real.iter().filter(|(_, why)| *why == wanted).count();
    let kind = match (count(Why::Ended), count(Why::ReadBefore), count(Why::WasRead)) {
        (1.., ..) => "not strictly serializable",
        (0, 0, 0) => "write cycle (G0)",
        (0, 0, _) => "circular information flow (G1c)",
        (0, 1, _) => "read skew (G-single)",
        (0, ..) => "write skew (G2)",
    };
    let mut shown: Vec<usize> = real.iter().map(|(node, _)| *node).collect();
    let steps: Vec<String> = real
        .iter()
        .enumerate()
        .map(|(place, (node, why))| {
            let name = transactions[*node].name();
            let next = transactions[real[(place + 1) % real.len()].0].name();
            match why {
                Why::Appended { reader } => {
                    shown.push(*reader);
                    let reader = transactions[*reader].name();
                    format!("{name} appended before {next}, as {reader} shows")
                }
                Why::WasRead => format!("{next} read what {name} appended"),
                Why::ReadBefore => format!("{name} read before {next} appended"),
                Why::Ended => format!("{name} had ended before {next} began"),
            }
        })
        .collect();
    let text = format!("each came before the next, all the way round: {}", steps.join("; "));
    Finding::new(kind, text, shown.into_iter().map(|node| transactions[node].seen()))
}
