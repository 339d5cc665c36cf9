//! What was asked for most, and what could be done about it.

use serde_json::{Value, json};

use super::super::routing::{HotKeys, RoutingMap};

/// The `count` most wanted keys and slots, with their shares, and proposals.
pub(super) fn hot_keys(keys: &HotKeys, map: &RoutingMap, count: usize) -> Value {
    let total = keys.total();
    let share = |count: u64| if total == 0 { 0.0 } else { count as f64 / total as f64 };
    let owner = |slot| map.names().get(map.owner(slot));
    let top: Vec<Value> = keys
        .top(count)
        .into_iter()
        .map(|hot| {
            json!({
                "key": &*hot.key, "slot": hot.slot, "shard": owner(hot.slot),
                "requests_max": hot.count, "requests_min": hot.count - hot.error,
                "share": share(hot.count - hot.error),
            })
        })
        .collect();
    let slots: Vec<Value> = keys
        .top_slots(count)
        .into_iter()
        .map(|(slot, count)| {
            json!({
                "slot": slot, "shard": owner(slot), "requests": count, "share": share(count),
            })
        })
        .collect();
    json!({
        "requests": total, "keys": top, "slots": slots, "proposals": keys.proposals(map),
        "epoch": map.epoch(),
    })
}
