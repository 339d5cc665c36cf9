//! `standfast check`: stored histories, judged without any engine.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use serde_json::{Value, json};

use crate::place::Place;
use crate::program::Finished;

/// One operation as a history holds it; `more` are the fields that it observed.
fn line(scenario: &str, index: u64, sent_us: u64, more: &Value) -> Value {
    let mut line = json!({
        "index": index, "scenario": scenario, "intended_us": sent_us, "sent_us": sent_us,
        "done_us": sent_us + 10, "outcome": "ok", "status": 200,
    });
    for (name, value) in more.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

fn write(index: u64, sent_us: u64, key: &str, value: &str) -> Value {
    line("put", index, sent_us, &json!({ "key": key, "value": value, "write": true }))
}

fn read(index: u64, sent_us: u64, key: &str, value: &str) -> Value {
    line("get", index, sent_us, &json!({ "key": key, "value": value }))
}

fn of_trial(arm: &str, trial: u32, mut line: Value) -> Value {
    (line["arm"], line["trial"]) = (arm.into(), trial.into());
    line
}

fn store(place: &Place, name: &str, lines: &[Value]) {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    place.write(name, &(lines.join("\n") + "\n"));
}

/// Judges `h.jsonl` by the words after its name.
async fn check(place: &Place, words: &[&str]) -> Finished {
    place.standfast(&[&["check", "h.jsonl", "--model"], words].concat()).await
}

#[tokio::test]
async fn a_stale_read_is_1_and_is_shown_with_what_contradicts_it() {
    let place = Place::new().await;
    let good = [write(0, 100, "x", "a"), write(1, 200, "x", "b"), read(0, 300, "x", "b")];
    store(&place, "h.jsonl", &good);
    check(&place, &["kv"]).await.exits(0).says("holds").says("3 operations judged");
    check(&place, &["register"]).await.exits(0);
    store(&place, "h.jsonl", &[&good[..], &[read(1, 400, "x", "a")]].concat());
    let refuted = check(&place, &["kv"]).await.exits(1).says("stale read").says("put #1");
    assert!(refuted.stdout.starts_with("refuted"), "{}", refuted.stdout);
    let judged = check(&place, &["kv", "--json"]).await.exits(1).json();
    assert_eq!((&judged["model"], &judged["verdict"]), (&"kv".into(), &"refuted".into()));
    let finding = &judged["parts"][0]["findings"][0];
    assert!(finding["operations"].as_array().unwrap().len() <= 4, "{finding}");
    check(&place, &["kv", "--scenario", "put"]).await.exits(4).says("no read was judged");
}

#[tokio::test]
async fn each_trial_is_judged_alone_and_the_control_arm_when_it_is_asked_for() {
    let place = Place::new().await;
    let history = [
        of_trial("treatment", 1, write(0, 100, "x", "a")),
        of_trial("treatment", 1, read(0, 200, "x", "a")),
        of_trial("treatment", 2, write(0, 100, "x", "b")),
        of_trial("treatment", 2, read(0, 200, "x", "b")),
        of_trial("control", 1, write(0, 100, "x", "a")),
        of_trial("control", 1, read(0, 200, "x", "old")),
    ];
    store(&place, "h.jsonl", &history);
    let judged = check(&place, &["kv", "--json"]).await.exits(0).json();
    assert_eq!(judged["parts"].as_array().unwrap().len(), 2, "{judged}");
    check(&place, &["kv", "--arm", "both"]).await.exits(1).says("control, trial 1");
    check(&place, &["kv", "--arm", "both", "--initial", "x=old"]).await.exits(1).says("put #0");
}

#[tokio::test]
async fn what_proves_nothing_is_4_and_what_lacks_something_is_2() {
    let place = Place::new().await;
    store(&place, "h.jsonl", &[]);
    check(&place, &["kv"]).await.exits(4).says("no operation");
    store(&place, "h.jsonl", &[line("get", 0, 100, &json!({}))]);
    check(&place, &["kv"]).await.exits(4).says("nothing in it");
    let crowd = |index: u64| write(index, 100 + index, "x", ["a", "b"][index as usize % 2]);
    let mut crowd: Vec<Value> = (0..9).map(crowd).collect();
    crowd.push(read(0, 200, "x", "a"));
    store(&place, "h.jsonl", &crowd);
    check(&place, &["kv"]).await.exits(0);
    check(&place, &["kv", "--steps-max", "5"]).await.exits(4).says("too many steps");

    store(&place, "h.jsonl", &[line("put", 7, 100, &json!({ "key": "x", "write": true }))]);
    check(&place, &["kv"]).await.exits(2).says("put #7").says("observe");
    check(&place, &["kv", "--scenario", "pot"]).await.exits(2).says("it has `put`");
    check(&place, &["stock"]).await.exits(2).says("put #7");
    check(&place, &["cart"]).await.exits(2).says("no node was read");
    check(&place, &["queue"]).await.exits(2).says("register, kv, stock, ledger, append, cart");
    place.write("h.jsonl", "{\"index\":0}\n");
    check(&place, &["kv"]).await.exits(2).says("line 1");
    place.standfast(&["check", "none.jsonl", "--model", "kv"]).await.exits(2).says("none.jsonl");
}

#[tokio::test]
async fn stock_and_orders_are_held_against_what_was_read() {
    let place = Place::new().await;
    let order = |index: u64, units: &str| {
        let id = format!("order-{index}");
        let fields = json!({ "id": id, "key": "tea", "value": units, "write": true });
        line("order", index, 100 * (index + 1), &fields)
    };
    store(&place, "h.jsonl", &[order(0, "6"), order(1, "4")]);
    check(&place, &["stock"]).await.exits(2).says("--initial tea=N");
    check(&place, &["stock", "--initial", "tea=10"]).await.exits(0);
    check(&place, &["stock", "--initial", "tea=9"]).await.exits(1).says("oversold");

    let finals = |left: &str, orders: Value| {
        [
            json!({ "name": "stock", "service": "a", "at_us": 1, "before_load": true,
                    "rows": [{ "product": "tea", "stock": "10" }] }),
            json!({ "name": "stock", "service": "a", "at_us": 900,
                    "rows": [{ "product": "tea", "stock": left }] }),
            json!({ "name": "orders", "service": "b", "at_us": 900, "rows": orders }),
        ]
    };
    let row = |index: u64, units: &str| {
        let id = format!("order-{index}");
        json!({ "id": id, "product": "tea", "quantity": units, "status": "paid" })
    };
    store(&place, "finals.jsonl", &finals("0", json!([row(0, "6"), row(1, "4")])));
    check(&place, &["stock"]).await.exits(0);
    check(&place, &["ledger"]).await.exits(2).says("`paid`").says("--taken");
    check(&place, &["ledger", "--taken", "paid"]).await.exits(0).says("2 operations judged");
    store(&place, "finals.jsonl", &finals("4", json!([row(0, "6")])));
    check(&place, &["ledger", "--taken", "paid"]).await.exits(1).says("lost: order order-1");
}

#[tokio::test]
async fn lists_and_carts_are_judged_as_well() {
    let place = Place::new().await;
    let transaction = |index: u64, parts: &str| {
        line("txn", index, 100 + index, &json!({ "value": parts, "write": true }))
    };
    let skew = [
        transaction(0, r#"[["r","x",[]],["append","y",1]]"#),
        transaction(1, r#"[["r","y",[]],["append","x",1]]"#),
    ];
    store(&place, "h.jsonl", &skew);
    check(&place, &["append"]).await.exits(1).says("write skew (G2)");
    store(&place, "h.jsonl", &[write(0, 100, "x", "1"), read(0, 200, "x", "[]")]);
    check(&place, &["append"]).await.exits(1).says("not strictly serializable");
    check(&place, &["append", "--any-order"]).await.exits(0);

    store(&place, "h.jsonl", &[write(0, 100, "ann", "+tea"), write(1, 200, "ann", "+milk")]);
    let node = |name: &str, items: &[&str]| {
        let rows: Vec<Value> =
            items.iter().map(|item| json!({ "cart": "ann", "item": item })).collect();
        json!({ "name": "carts", "service": name, "at_us": 900, "rows": rows })
    };
    store(&place, "finals.jsonl", &[node("a", &["tea", "milk"]), node("b", &["tea", "milk"])]);
    check(&place, &["cart"]).await.exits(0);
    store(&place, "finals.jsonl", &[node("a", &["tea", "milk"]), node("b", &[])]);
    check(&place, &["cart"]).await.exits(1).says("diverged").says("lost add").says("put #0");
}
