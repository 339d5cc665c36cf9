//! The figures of all turns, by name.

use std::collections::BTreeMap;

use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, Vec<f64>>);

/// First decile, median and last decile; of two in the middle, the lower.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) middle: f64,
    pub(crate) high: f64,
}

impl Figures {
    pub(crate) fn take(&mut self, name: &str, value: f64) {
        self.0.entry(name.to_owned()).or_default().push(value);
    }

    pub(crate) fn spread(&self, name: &str) -> Spread {
        let mut values = self.0.get(name).cloned().unwrap_or_default();
        values.sort_by(f64::total_cmp);
        let last = values.len().saturating_sub(1);
        let [low, middle, high] = [last / 10, last / 2, last - last / 10]
            .map(|place| values.get(place).copied().unwrap_or(f64::NAN));
        Spread { low, middle, high }
    }

    pub(crate) fn median(&self, name: &str) -> f64 {
        self.spread(name).middle
    }

    pub(crate) fn json(&self, load_average: &str) -> Value {
        let figure = |name: &String| {
            let Spread { low, middle, high } = self.spread(name);
            (name.clone(), json!({ "median": middle, "low": low, "high": high }))
        };
        let figures: serde_json::Map<String, Value> = self.0.keys().map(figure).collect();
        json!({ "load_average": load_average, "figures": figures })
    }
}

pub(crate) fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}
