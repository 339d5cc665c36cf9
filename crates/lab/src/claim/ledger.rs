//! Orders, stock and reports, from what clients saw and what was read at the end.

use std::collections::{BTreeMap, HashSet};

use standfast_checker::{
    Cancel, Create, Keeper, Ledger, LedgerViolation, Standing, StoredOrder, StoredReport, Wanted,
};
use standfast_history::{FinalRead, Operation, Outcome, Row};

use super::evaluate::{Measured, Unknown};
use super::evidence::evidence;
use super::record::TrialRecord;
use crate::spec::{Accounts, Unit};

pub(super) fn ledger(trial: &TrialRecord, accounts: &Accounts) -> Result<Measured, Unknown> {
    let judged = books(trial, accounts)?.judge();
    if judged.acknowledged == 0 {
        return Err(Unknown::because("no order was acknowledged"));
    }
    let mistakes = judged
        .violations
        .iter()
        .map(|violation: &LedgerViolation| (violation.kind(), violation.to_string()));
    let count = judged.violations.len() as f64;
    Ok(Measured::exact(count, Unit::Count, judged.acknowledged).shown_by(evidence(mistakes)))
}

/// What clients were told, and what is there.
pub(crate) fn books(trial: &TrialRecord, accounts: &Accounts) -> Result<Ledger, Unknown> {
    Ok(Ledger {
        initial: initial(trial, &accounts.stock)?,
        creates: creates(trial, &accounts.creates)?,
        cancels: cancels(trial, accounts.cancels.as_deref())?,
        orders: orders(trial, accounts)?,
        keepers: keepers(trial, &accounts.stock)?,
        reports: reports(trial, accounts)?,
    })
}

/// All readings of `name` at the end, one for each service. One that is not whole proves nothing.
pub(super) fn readings<'a>(
    trial: &'a TrialRecord,
    name: &str,
) -> Result<Vec<&'a FinalRead>, Unknown> {
    whole(trial, name, |reading| !reading.before_load)
}

fn whole<'a>(
    trial: &'a TrialRecord,
    name: &str,
    wanted: impl Fn(&FinalRead) -> bool,
) -> Result<Vec<&'a FinalRead>, Unknown> {
    let named = trial.finals.iter().filter(|reading| reading.name == name);
    let found: Vec<&FinalRead> = named.filter(|reading| wanted(reading)).collect();
    if found.is_empty() {
        return Err(Unknown::because(format!("`{name}` was not read")));
    }
    if let Some((reading, error)) =
        found.iter().find_map(|reading| Some((reading, reading.error.as_ref()?)))
    {
        let service = &reading.service;
        return Err(Unknown::because(format!("`{name}` could not be read of {service}: {error}")));
    }
    Ok(found)
}

/// What stands in an entry under `name`.
pub(super) fn field<'a>(reading: &FinalRead, row: &'a Row, name: &str) -> Result<&'a str, Unknown> {
    row.get(name).map(String::as_str).ok_or_else(|| {
        let (read, service) = (&reading.name, &reading.service);
        Unknown::because(format!("an entry of `{read}` of {service} has no `{name}`"))
    })
}

pub(super) fn number<T: std::str::FromStr>(
    reading: &FinalRead,
    row: &Row,
    name: &str,
) -> Result<T, Unknown> {
    let text = field(reading, row, name)?;
    text.parse().map_err(|_| {
        let read = &reading.name;
        Unknown::because(format!("`{name}` of an entry of `{read}` is no number: `{text}`"))
    })
}

fn stock_of(reading: &FinalRead) -> Result<BTreeMap<String, i64>, Unknown> {
    let entry =
        |row| Ok((field(reading, row, "product")?.to_owned(), number(reading, row, "stock")?));
    reading.rows.iter().map(entry).collect()
}

/// Replicas begin alike, so that the first one says what there was.
pub(super) fn initial(trial: &TrialRecord, name: &str) -> Result<BTreeMap<String, i64>, Unknown> {
    let found = whole(trial, name, |reading| reading.before_load)?;
    let stocks = found.iter().map(|reading| stock_of(reading));
    let stocks: Vec<BTreeMap<String, i64>> = stocks.collect::<Result<_, _>>()?;
    match stocks.as_slice() {
        [first, ..] if first.is_empty() => {
            Err(Unknown::because(format!("`{name}` had no entries before the load")))
        }
        [first, others @ ..] if others.iter().all(|other| other == first) => Ok(first.clone()),
        _ => Err(Unknown::because(format!("`{name}` differed between services before the load"))),
    }
}

fn keepers(trial: &TrialRecord, name: &str) -> Result<Vec<Keeper>, Unknown> {
    let keeper = |reading: &&FinalRead| {
        Ok(Keeper { name: reading.service.clone(), stock: stock_of(reading)? })
    };
    readings(trial, name)?.iter().map(keeper).collect()
}

fn orders(trial: &TrialRecord, accounts: &Accounts) -> Result<Vec<StoredOrder>, Unknown> {
    let taken: HashSet<&str> = accounts.taken.iter().map(String::as_str).collect();
    let open: HashSet<&str> = accounts.open.iter().map(String::as_str).collect();
    let mut orders = Vec::new();
    for reading in readings(trial, &accounts.orders)? {
        for row in &reading.rows {
            let status = field(reading, row, "status")?;
            orders.push(StoredOrder {
                order: field(reading, row, "id")?.to_owned(),
                wanted: wanted(reading, row)?,
                standing: match status {
                    _ if taken.contains(status) => Standing::Taken,
                    _ if open.contains(status) => Standing::Open,
                    _ => Standing::Void,
                },
            });
        }
    }
    Ok(orders)
}

fn reports(trial: &TrialRecord, accounts: &Accounts) -> Result<Option<Vec<StoredReport>>, Unknown> {
    let Some(name) = &accounts.reports else { return Ok(None) };
    let mut reports = Vec::new();
    for reading in readings(trial, name)? {
        for row in &reading.rows {
            let status = field(reading, row, "status")?;
            reports.push(StoredReport {
                order: field(reading, row, "id")?.to_owned(),
                wanted: wanted(reading, row)?,
                is_filed: accounts.filed.iter().any(|filed| filed == status),
            });
        }
    }
    Ok(Some(reports))
}

fn wanted(reading: &FinalRead, row: &Row) -> Result<Wanted, Unknown> {
    let product = field(reading, row, "product")?.to_owned();
    Ok(Wanted { product, quantity: number(reading, row, "quantity")? })
}

fn of_scenario<'a>(
    trial: &'a TrialRecord,
    scenario: &'a str,
) -> impl Iterator<Item = &'a Operation> {
    trial.operations.iter().filter(move |operation| operation.scenario == scenario)
}

fn creates(trial: &TrialRecord, scenario: &str) -> Result<Vec<Create>, Unknown> {
    let create = |operation: &Operation| {
        let lacks = |what: &str| {
            Unknown::because(format!("{scenario} #{} carries no {what}", operation.index))
        };
        let quantity = operation.value.as_deref().and_then(|units| units.parse().ok());
        let wanted = Wanted {
            product: operation.key.clone().ok_or_else(|| lacks("key"))?,
            quantity: quantity.ok_or_else(|| lacks("value that is a number"))?,
        };
        let outcome = if is_refused(operation) { Outcome::Fail } else { operation.outcome };
        let is_acknowledged = outcome == Outcome::Ok;
        if is_acknowledged && operation.id.is_none() {
            return Err(lacks("id, though it was acknowledged"));
        }
        Ok(Create {
            index: operation.index,
            outcome,
            order: operation.id.clone().filter(|_| is_acknowledged),
            wanted,
        })
    };
    of_scenario(trial, scenario).map(create).collect()
}

/// A write that was answered with 4xx did nothing, whether or not its scenario takes that for an
/// answer.
fn is_refused(operation: &Operation) -> bool {
    operation.write && (400..500).contains(&operation.status)
}

fn cancels(trial: &TrialRecord, scenario: Option<&str>) -> Result<Vec<Cancel>, Unknown> {
    let Some(scenario) = scenario else { return Ok(Vec::new()) };
    let cancel = |operation: &Operation| {
        let (index, outcome) = (operation.index, operation.outcome);
        let order = operation.id.clone();
        let order =
            order.ok_or_else(|| Unknown::because(format!("{scenario} #{index} carries no id")))?;
        Ok(Cancel { index, outcome, order })
    };
    of_scenario(trial, scenario).map(cancel).collect()
}
