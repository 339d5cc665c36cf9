//! The cashier of travelhub and its ledger on real PostgreSQL: each charge once, whoever dies, and
//! never one that fewer than three of five replicas signed.

use std::time::Duration;

use serde_json::{Value, json};
use standfast_engines::wait_until;
use standfast_lab::fault::{Fault, FaultKind, Hold, Injected};
use standfast_lab::instance::{Clock, Data, Instance, Network};
use tokio::task::JoinSet;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::http::{self, Answer};
use crate::place::Place;
use crate::system::{Wanted, bring_up, connect};

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a charge of [`body`] comes to: 100 % and 125 % of 100 euros, and 7 % on them.
const AMOUNT: i64 = 24_075;

struct Till {
    instance: Instance,
    database: Client,
    _place: Place,
}

fn body(reservation: Uuid) -> String {
    let quote = json!({
        "reservation_id": reservation, "offer_id": Uuid::now_v7(), "check_in": "2027-03-01",
        "price_cents": 10_000, "night_percents": [100, 125], "tax_permille": 70,
        "currency": "EUR",
    });
    json!({ "quote": quote, "card_token": "tok" }).to_string()
}

/// Asks for a charge until there is an answer: on a busy machine that may take a retry.
async fn charge(port: u16, body: &str) -> Option<Answer> {
    let key = Uuid::now_v7().to_string();
    let answer = || async { http::post(port, "/charges", body, &key).await.ok() };
    wait_until(PATIENCE, answer).await
}

impl Till {
    async fn up() -> Self {
        let place = Place::alone().await;
        // A busy machine is not what is tested; nor is how long somebody is left out.
        let patient = [("VOTE_TIMEOUT", "1s"), ("REST", "200ms"), ("REQUEST_BUDGET", "20s")];
        let patient = patient.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let environment = [("cashier".to_owned(), patient.into())].into();
        let wanted = Wanted { system: "travelhub", environment, network: Network::Direct };
        let (instance, _events) = bring_up(&place, wanted, &Clock::started()).await;
        let database = connect(&instance, "postgres").await.expect("a session");
        Self { instance, database, _place: place }
    }

    fn port(&self) -> u16 {
        self.instance.endpoint("cashier").expect("it has one").port()
    }

    async fn get(&self, path: &str) -> Value {
        http::get(self.port(), path).await.map_or(Value::Null, |answer| answer.json())
    }

    async fn charge(&self, body: &str) -> Answer {
        charge(self.port(), body).await.expect("it answers")
    }

    async fn count(&self, query: &str) -> i64 {
        self.database.query_one(query, &[]).await.expect("it counts").get(0)
    }

    async fn inject(&self, kind: FaultKind, number: usize) -> Injected {
        let fault = Fault::new(kind, format!("payments-{number}"));
        self.instance.inject(&fault, Hold::UntilHealed).await.expect("it shows")
    }

    /// Waits until nobody is accused of anything.
    async fn all_is_well(&self) {
        let is_well = wait_until(PATIENCE, || async {
            let votes = self.get("/votes").await;
            let replicas = votes["replicas"].as_array()?;
            let is_good = |one: &Value| one["accused"].is_null() && one["place"] == "counts";
            (replicas.iter().all(is_good) && votes["is_beyond"] == false).then_some(())
        });
        assert!(is_well.await.is_some(), "{:#}", self.get("/votes").await);
    }
}

/// Twenty clients that all want the same charge.
async fn retries_charge_once(till: &Till) {
    let body = body(Uuid::now_v7());
    let mut clients = JoinSet::new();
    for _ in 0..20 {
        let (port, body) = (till.port(), body.clone());
        clients.spawn(async move { charge(port, &body).await });
    }
    let mut charges = Vec::new();
    while let Some(answer) = clients.join_next().await {
        let answer = answer.expect("no client panics").expect("it answers");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["amount"]["cents"], AMOUNT);
        charges.push(answer.json()["charge_id"].to_string());
    }
    charges.dedup();
    assert_eq!(charges.len(), 1, "all are told of one charge");
    assert_eq!(till.count("SELECT count(*) FROM cashier.charges").await, 1);
    let paid = "SELECT -sum(cents)::bigint FROM cashier.entries WHERE account = 'customers'";
    assert_eq!(till.count(paid).await, AMOUNT);
    let other = body.replace("10000", "10001");
    assert_eq!(till.charge(&other).await.status, 422, "another charge under the reservation");
}

/// `kill -9` when three have signed and the ledger has not written: the lock keeps it from that.
async fn dies_between_vote_and_ledger(till: &mut Till) {
    let reservation = Uuid::now_v7();
    let body = body(reservation);
    let mut locker = connect(&till.instance, "postgres").await.expect("a session");
    let held = locker.transaction().await.expect("it begins");
    let lock = format!("SELECT pg_advisory_xact_lock(hashtextextended('{reservation}', 0))");
    held.batch_execute(&lock).await.expect("it is free");
    let (port, sent) = (till.port(), body.clone());
    let client = tokio::spawn(async move { http::post(port, "/charges", &sent, "once").await });
    let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    let is_voted = wait_until(PATIENCE, || async { (till.count(waits).await == 1).then_some(()) });
    assert!(is_voted.await.is_some(), "the charge comes to the ledger");
    let kill = Fault::new(FaultKind::Kill, "cashier");
    let killed = till.instance.inject(&kill, Hold::No).await.expect("it dies");
    till.instance.heal(killed).await.expect("it comes back");
    assert!(client.await.expect("no panic").is_err(), "nobody was told of a charge");
    held.rollback().await.expect("it ends");
    let answer = till.charge(&body).await;
    assert_eq!((answer.status, &answer.json()["amount"]["cents"]), (200, &json!(AMOUNT)));
    let made =
        format!("SELECT count(*) FROM cashier.charges WHERE reservation_id = '{reservation}'");
    assert_eq!(till.count(&made).await, 1, "whether the first one was made or the second");
}

/// A refund that comes first bars the charge; one that comes later gives back what was charged.
async fn a_refund_is_of_what_was_charged(till: &Till) {
    let refund = async |body: &str| {
        let wanted: Value = serde_json::from_str(body).expect("it is JSON");
        let wanted = json!({ "quote": wanted["quote"] }).to_string();
        http::post(till.port(), "/refunds", &wanted, &Uuid::now_v7().to_string()).await
    };
    let (paid, unpaid) = (body(Uuid::now_v7()), body(Uuid::now_v7()));
    assert_eq!(till.charge(&paid).await.status, 200);
    for _ in 0..2 {
        let answer = refund(&paid).await.expect("it answers");
        assert_eq!(answer.json()["amount"]["cents"], AMOUNT, "once, however often it is asked for");
    }
    assert_eq!(refund(&unpaid).await.expect("it answers").json()["amount"]["cents"], 0);
    assert_eq!(till.charge(&unpaid).await.status, 409);
    let given = "SELECT count(*) FROM cashier.charges WHERE kind = 'refund' AND amount_cents > 0";
    assert_eq!(till.count(given).await, 1);
}

/// Two replicas, and each way to be faulty: charged right, and both are named.
async fn two_liars_cost_nobody_a_cent(till: &Till) {
    use FaultKind::{Equivocate, Forge, Incorrect, Replay, Silent};
    let (incorrect, silent) = ((Incorrect, "dissented"), (Silent, "silent"));
    let (forge, replay) = ((Forge, "forged"), (Replay, "replayed"));
    let equivocate = (Equivocate, "equivocated");
    for [one, other] in [[incorrect, forge], [equivocate, replay], [silent, incorrect]] {
        till.all_is_well().await;
        let faults = [till.inject(one.0, 2).await, till.inject(other.0, 5).await];
        let answer = till.charge(&body(Uuid::now_v7())).await;
        assert_eq!((answer.status, &answer.json()["amount"]["cents"]), (200, &json!(AMOUNT)));
        let are_named = wait_until(PATIENCE, || async {
            let votes = till.get("/votes").await;
            let accused = |at: usize| &votes["replicas"][at]["accused"];
            (accused(1) == one.1 && accused(4) == other.1).then_some(())
        });
        assert!(are_named.await.is_some(), "{one:?}, {other:?}: {:#}", till.get("/votes").await);
        for fault in faults {
            till.instance.heal(fault).await.expect("it heals");
        }
    }
}

/// Three replicas: refused, never guessed.
async fn three_liars_are_refused(till: &Till) {
    till.all_is_well().await;
    let mut faults = Vec::new();
    for number in [1, 3, 4] {
        faults.push(till.inject(FaultKind::Incorrect, number).await);
    }
    let before = till.count("SELECT count(*) FROM cashier.charges").await;
    for _ in 0..5 {
        let answer = till.charge(&body(Uuid::now_v7())).await;
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    assert_eq!(till.get("/votes").await["is_beyond"], true);
    assert_eq!(till.count("SELECT count(*) FROM cashier.charges").await, before);
    for fault in faults {
        till.instance.heal(fault).await.expect("it heals");
    }
    // What is beyond is said of the last vote, so that it takes another to be over.
    let is_charged = wait_until(PATIENCE, || async {
        (till.charge(&body(Uuid::now_v7())).await.status == 200).then_some(())
    });
    assert!(is_charged.await.is_some(), "{:#}", till.get("/votes").await);
    till.all_is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_is_right_and_made_once_whoever_lies_and_whoever_dies() {
    let mut till = Till::up().await;
    retries_charge_once(&till).await;
    dies_between_vote_and_ledger(&mut till).await;
    a_refund_is_of_what_was_charged(&till).await;
    two_liars_cost_nobody_a_cent(&till).await;
    three_liars_are_refused(&till).await;
    let wrong = "SELECT count(*) FROM cashier.charges WHERE amount_cents NOT IN (0, 24075)";
    assert_eq!(till.count(wrong).await, 0);
    till.instance.shutdown(Data::Delete).await.expect("it goes down");
}
