//! What was read before and after the load: orders, stock and carts, known by their fields.

use std::collections::{BTreeMap, BTreeSet};

use standfast_checker::{
    Cancel, CartReading, Create, Judgement, Keeper, Lack, Ledger, Standing, StoredOrder, Wanted,
};
use standfast_history::{FinalRead, Outcome, Row};

use super::initial::Initial;
use super::stored::Part;
use crate::cli::CheckArguments;

const ORDER_FIELDS: [&str; 3] = ["id", "product", "quantity"];
const STOCK_FIELDS: [&str; 2] = ["product", "stock"];
const CART_FIELDS: [&str; 2] = ["cart", "item"];

/// Holds what was acknowledged against the orders and the stock that are there in the end.
pub(super) fn judge(
    part: &Part,
    arguments: &CheckArguments,
    initial: &Initial,
) -> Result<Judgement, Lack> {
    let (creates, cancels) = attempts(part)?;
    let orders = orders(part, arguments)?;
    let stock = initial.stock(part)?;
    let products: BTreeSet<&String> = orders.iter().map(|order| &order.wanted.product).collect();
    if let Some(product) = products.into_iter().find(|product| !stock.contains_key(*product)) {
        return Err(lack(format!(
            "it is not known how much of `{product}` there was: say --initial {product}=N, or give \
             what was read before the load by --finals"
        )));
    }
    let keepers = whole(part, &STOCK_FIELDS, false)?.into_iter();
    let keepers: Vec<Keeper> = keepers
        .map(|reading| Ok(Keeper { name: reading.service.clone(), stock: stock_of(reading)? }))
        .collect::<Result<_, Lack>>()?;
    let ledger = Ledger { initial: stock, creates, cancels, orders, keepers, reports: None };
    let judged = ledger.judge();
    let findings = judged.violations.iter().map(standfast_checker::Finding::from);
    let (judged, findings) = (judged.acknowledged, findings.collect());
    Ok(Judgement { judged, findings, ..Judgement::default() })
}

/// What each node had in the end.
pub(super) fn carts(part: &Part) -> Result<Vec<CartReading>, Lack> {
    let mut readings: BTreeMap<&str, CartReading> = BTreeMap::new();
    // A node with empty carts has no rows, and says so under the name of the others' reading.
    let named: BTreeSet<&str> =
        whole(part, &CART_FIELDS, false)?.iter().map(|reading| reading.name.as_str()).collect();
    let of_carts = part
        .finals
        .iter()
        .filter(|reading| !reading.before_load && named.contains(reading.name.as_str()));
    for reading in of_carts {
        is_whole(reading)?;
        let node = readings.entry(&reading.service).or_insert_with(|| CartReading {
            node: reading.service.clone(),
            ..CartReading::default()
        });
        for row in &reading.rows {
            node.lines.insert((field(reading, row, "cart")?, field(reading, row, "item")?));
        }
    }
    Ok(readings.into_values().collect())
}

/// Units of each product as they were read before the load; nothing where nobody did.
pub(super) fn stock_before(part: &Part) -> Result<BTreeMap<String, i64>, Lack> {
    let mut stock: Option<BTreeMap<String, i64>> = None;
    for reading in whole(part, &STOCK_FIELDS, true)? {
        let read = stock_of(reading)?;
        if stock.as_ref().is_some_and(|known| *known != read) {
            let name = &reading.name;
            return Err(lack(format!("`{name}` differed between services before the load")));
        }
        stock = Some(read);
    }
    Ok(stock.unwrap_or_default())
}

pub(super) fn lack(text: String) -> Lack {
    Lack::from(text)
}

fn attempts(part: &Part) -> Result<(Vec<Create>, Vec<Cancel>), Lack> {
    let (mut creates, mut cancels) = (Vec::new(), Vec::new());
    for operation in part.operations.iter().filter(|operation| operation.write) {
        let (index, outcome) = (operation.index, operation.outcome);
        let units = operation.value.as_deref().and_then(|value| value.parse().ok());
        match (operation.key.clone(), units, operation.id.clone()) {
            (Some(product), Some(quantity), id) => {
                if outcome == Outcome::Ok && id.is_none() {
                    let scenario = &operation.scenario;
                    return Err(lack(format!(
                        "{scenario} #{index} was acknowledged, and has no `id`: let the scenario \
                         observe the order's name"
                    )));
                }
                let order = id.filter(|_| outcome == Outcome::Ok);
                let wanted = Wanted { product, quantity };
                creates.push(Create { index, outcome, order, wanted });
            }
            (None, None, Some(order)) => cancels.push(Cancel { index, outcome, order }),
            _ => {
                let scenario = &operation.scenario;
                return Err(lack(format!(
                    "{scenario} #{index} is a write, and says neither what it orders (`key`, \
                     `value`) nor what it cancels (`id`): leave it out by --scenario"
                )));
            }
        }
    }
    Ok((creates, cancels))
}

fn orders(part: &Part, arguments: &CheckArguments) -> Result<Vec<StoredOrder>, Lack> {
    let mut readings = whole(part, &ORDER_FIELDS, false)?;
    if let Some(name) = &arguments.orders {
        readings.retain(|reading| reading.name == *name);
    }
    let names: BTreeSet<&str> = readings.iter().map(|reading| reading.name.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => {
            return Err(lack(
                "no orders were read in the end: give a reading whose entries have `id`, \
                 `product` and `quantity` by --finals"
                    .to_owned(),
            ));
        }
        [_] => {}
        _ => {
            let names = names.join("`, `");
            return Err(lack(format!("`{names}` look like orders: choose one by --orders")));
        }
    }
    let mut orders = Vec::new();
    for reading in readings {
        for row in &reading.rows {
            let product = field(reading, row, "product")?;
            let quantity = number(reading, row, "quantity")?;
            orders.push(StoredOrder {
                order: field(reading, row, "id")?,
                wanted: Wanted { product, quantity },
                standing: standing(reading, row, arguments)?,
            });
        }
    }
    Ok(orders)
}

fn standing(reading: &FinalRead, row: &Row, arguments: &CheckArguments) -> Result<Standing, Lack> {
    let Some(status) = row.get("status") else { return Ok(Standing::Taken) };
    if arguments.taken.is_empty() {
        let statuses: BTreeSet<&str> =
            reading.rows.iter().filter_map(|row| row.get("status").map(String::as_str)).collect();
        let statuses: Vec<&str> = statuses.into_iter().collect();
        let statuses = statuses.join("`, `");
        return Err(lack(format!(
            "its orders have a status, `{statuses}`: say which of them hold stock by --taken, and \
             which are undecided by --open"
        )));
    }
    Ok(match status {
        status if arguments.taken.contains(status) => Standing::Taken,
        status if arguments.open.contains(status) => Standing::Open,
        _ => Standing::Void,
    })
}

/// Readings whose entries have these fields. One that broke off proves nothing.
fn whole<'a>(
    part: &'a Part,
    fields: &[&str],
    before_load: bool,
) -> Result<Vec<&'a FinalRead>, Lack> {
    let has_fields = |reading: &&FinalRead| {
        let first = reading.rows.first();
        reading.before_load == before_load
            && first.is_some_and(|row| fields.iter().all(|field| row.contains_key(*field)))
    };
    let readings: Vec<&FinalRead> = part.finals.iter().filter(has_fields).collect();
    readings.iter().try_for_each(|reading| is_whole(reading))?;
    Ok(readings)
}

fn is_whole(reading: &FinalRead) -> Result<(), Lack> {
    match &reading.error {
        None => Ok(()),
        Some(error) => {
            let (name, service) = (&reading.name, &reading.service);
            Err(lack(format!("`{name}` could not be read of {service}: {error}")))
        }
    }
}

fn stock_of(reading: &FinalRead) -> Result<BTreeMap<String, i64>, Lack> {
    let entry = |row| Ok((field(reading, row, "product")?, number(reading, row, "stock")?));
    reading.rows.iter().map(entry).collect()
}

fn field(reading: &FinalRead, row: &Row, name: &str) -> Result<String, Lack> {
    row.get(name).cloned().ok_or_else(|| {
        let (read, service) = (&reading.name, &reading.service);
        lack(format!("an entry of `{read}` of {service} has no `{name}`"))
    })
}

fn number<T: std::str::FromStr>(reading: &FinalRead, row: &Row, name: &str) -> Result<T, Lack> {
    let text = field(reading, row, name)?;
    text.parse().map_err(|_| {
        let read = &reading.name;
        lack(format!("`{name}` of an entry of `{read}` is no number: `{text}`"))
    })
}
