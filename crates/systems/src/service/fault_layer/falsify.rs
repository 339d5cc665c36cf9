//! Changes the stock that an answer names, wherever in its JSON a product stands.

use serde_json::Value;

use super::state::Lie;

/// The fields that tell of which product an object is, and what it says of it.
const PRODUCT: &str = "product_id";
const STOCK: &str = "stock";

/// Changes `body` as `lie` wants it; `None` when it names nothing that the lie is about.
pub(super) fn falsify(body: &[u8], lie: &Lie) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    let changed = visit(&mut value, lie);
    (changed > 0).then(|| value.to_string().into_bytes())
}

/// How many stocks were changed.
fn visit(value: &mut Value, lie: &Lie) -> usize {
    match value {
        Value::Object(fields) => {
            let product = fields.get(PRODUCT).and_then(Value::as_str);
            let is_meant = product.is_some_and(|product| {
                lie.product.as_deref().is_none_or(|wanted| wanted == product)
            });
            let stock = fields.get_mut(STOCK).filter(|_| is_meant);
            let changed = stock.map_or(0, |stock| usize::from(shift(stock, lie.shift)));
            changed + fields.values_mut().map(|value| visit(value, lie)).sum::<usize>()
        }
        Value::Array(values) => values.iter_mut().map(|value| visit(value, lie)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn shift(stock: &mut Value, by: i64) -> bool {
    let Some(number) = stock.as_i64() else { return false };
    // An overflow would be no other stock, but a crash.
    *stock = Value::from(number.saturating_add(by));
    true
}

#[cfg(test)]
mod tests {
    use super::super::kind::FaultKind;
    use super::super::state::{Faults, Sender, Verdict};
    use super::*;

    fn lie(product: Option<&str>) -> Lie {
        let mut faults = Faults::default();
        faults.put(FaultKind::Incorrect { product: product.map(str::to_owned) }, 7);
        let Verdict::Falsify(lie) = faults.decide("/inventory", Sender::Client) else { panic!() };
        lie
    }

    #[test]
    fn only_the_stock_of_the_product_that_is_meant_is_another_one() {
        let body = br#"{"replica":"a","products":[{"product_id":"X","stock":5,"version":9},
            {"product_id":"Y","stock":6,"version":9}]}"#;
        let lie_of_x = lie(Some("X"));
        let changed = falsify(body, &lie_of_x).unwrap();
        let changed: Value = serde_json::from_slice(&changed).unwrap();
        assert_eq!(changed["products"][0]["stock"], 5 + lie_of_x.shift);
        assert_eq!(changed["products"][0]["version"], 9);
        assert_eq!(changed["products"][1]["stock"], 6);
        let all = falsify(body, &lie(None)).unwrap();
        let all: Value = serde_json::from_slice(&all).unwrap();
        assert_ne!(all["products"][1]["stock"], 6);
    }

    #[test]
    fn an_answer_that_names_no_such_product_stays_as_it_is() {
        for body in ["{}", "no json", r#"{"product_id":"Y","stock":6}"#, r#"{"stock":6}"#] {
            assert_eq!(falsify(body.as_bytes(), &lie(Some("X"))), None, "{body}");
        }
        assert_eq!(falsify(br#"{"product_id":"X","stock":"many"}"#, &lie(None)), None);
    }
}
