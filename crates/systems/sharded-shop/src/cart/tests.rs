//! Nodes as clients and other nodes see them: over HTTP, with a log on a real disk.

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};
use tower::Service;
use uuid::Uuid;

use super::change::Change;
use super::settings::PeerSettings;
use super::state::Mode;
use super::*;

/// Longer than a machine stands still.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder of a test's own, deleted at its end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("standfast-cart-node-{}", Uuid::now_v7())))
    }

    fn settings(&self) -> Settings {
        Settings {
            name: "cart-1".to_owned(),
            node: 1,
            peers: Vec::new(),
            dir: Some(self.0.clone()),
            mode: Mode::Dotted,
            carts_max: 100,
            tell_queue: 100,
            reconcile_every: None,
            request_budget: PATIENCE,
        }
    }

    fn open(&self) -> Alone {
        Alone::new(open(self.settings()).unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A node without a port.
struct Alone {
    node: Arc<Node>,
    opened: Line,
    writer: Option<JoinHandle<()>>,
    router: Router,
}

impl Alone {
    fn new((node, opened, writer): (Node, Line, Option<JoinHandle<()>>)) -> Self {
        let node = Arc::new(node);
        let router = routes::router(Arc::clone(&node));
        Self { node, opened, writer, router }
    }

    /// Status and body of an answer; a key of `""` is none.
    async fn ask(&mut self, request: &str, key: &str, body: Value) -> (u16, Value) {
        self.ask_within(request, key, body, "30000").await
    }

    /// The same, by a client that waits so many milliseconds.
    async fn ask_within(
        &mut self,
        request: &str,
        key: &str,
        body: Value,
        deadline_ms: &str,
    ) -> (u16, Value) {
        let (method, path) = request.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("X-Deadline-Ms", deadline_ms);
        if !key.is_empty() {
            request = request.header("Idempotency-Key", key);
        }
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.body(Body::from(text)).unwrap();
        let response = self.router.call(request).await.unwrap();
        let status = response.status().as_u16();
        assert!(
            response.headers().contains_key("x-source")
                || !path.starts_with("/carts")
                || status == 404
                || status == 405
        );
        let body = axum::body::to_bytes(Body::new(response.into_body()), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn lines(&mut self, cart: &str) -> Value {
        self.ask(&format!("GET /carts/{cart}"), "", Value::Null).await.1["lines"].clone()
    }

    /// Everything that was logged is on the disk, and the folder is free.
    async fn stop(self) {
        let Self { node, router, writer, .. } = self;
        drop((node, router));
        writer.unwrap().await.unwrap();
    }
}

fn item(sku: &str, quantity: i64) -> Value {
    json!({ "sku": sku, "quantity": quantity })
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_and_has_no_second_effect_also_after_a_death() {
    let place = Place::new();
    let mut node = place.open();
    let first = node.ask("POST /carts/a/items", "k1", item("tea", 2)).await;
    assert_eq!(first.0, 201);
    node.ask("POST /carts/a/items", "k2", item("tea", 3)).await;
    for life in 0..3 {
        assert_eq!(node.ask("POST /carts/a/items", "k1", item("tea", 2)).await, first);
        assert_eq!(node.lines("a").await, json!([item("tea", 5)]), "life {life}");
        let (status, problem) = node.ask("POST /carts/a/items", "k1", item("tea", 9)).await;
        assert_eq!(status, 422, "{problem}");
        if life == 1 {
            // The keys are in the snapshot as well.
            assert!(snapshots::take(&node.node, &node.opened).await.is_some());
        }
        node.stop().await;
        node = place.open();
    }
    node.stop().await;
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused_and_changes_nothing() {
    let place = Place::new();
    let mut node = place.open();
    let (long, deep) = ("k".repeat(65), json!({ "sku": "tea", "quantity": 1, "colour": "red" }));
    let context = |text: &str| json!({ "context": text });
    let wrong = [
        ("POST /carts/a/items", item("tea", 0), 422),
        ("POST /carts/a/items", item("tea", 10_001), 422),
        ("POST /carts/a/items", item(&long, 1), 422),
        ("POST /carts/a,b/items", item("tea", 1), 422),
        ("POST /carts/a/items", deep, 400),
        ("POST /carts/a/items", json!({ "sku": "tea", "quantity": 1.5 }), 400),
        ("POST /carts/a/items", Value::Null, 400),
        ("PUT /carts/a/items/tea", json!({ "quantity": -1 }), 422),
        ("PUT /carts/a/note", json!({ "note": "n".repeat(1_001) }), 422),
        ("PUT /carts/a/note", json!({ "note": "n".repeat(40_000) }), 413),
        ("POST /carts/a/checked-out", context("a=1.1:x"), 422),
        ("POST /carts/a/merge-into", json!({ "cart": "a" }), 409),
        ("GET /carts?limit=0", Value::Null, 400),
        ("POST /peers/changes", json!({ "a b": {} }), 422),
        ("POST /peers/changes", json!({ "a": { "lines": { "seen": [], "lines": 5 } } }), 400),
        ("GET /nothing", Value::Null, 404),
        ("DELETE /carts/a", Value::Null, 405),
    ];
    for (request, body, expected) in wrong {
        let (status, problem) = node.ask(request, "", body).await;
        assert_eq!((status, &problem["status"]), (expected, &json!(expected)), "{request}");
    }
    assert_eq!(node.node.state().carts.held.len(), 0);
    let no_text = Request::builder().uri("/carts/%FF").body(Body::empty()).unwrap();
    let response = node.router.call(no_text).await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    node.stop().await;
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_does_nothing() {
    let place = Place::new();
    let mut node = place.open();
    let asked = node.ask_within("POST /carts/a/items", "k", item("tea", 1), "0").await;
    assert_eq!(asked.0, 503, "{asked:?}");
    assert_eq!(node.lines("a").await, json!([]));
    assert_eq!(node.ask("POST /carts/a/items", "k", item("tea", 1)).await.0, 201);
    node.stop().await;
}

#[tokio::test]
async fn a_change_that_the_disk_does_not_confirm_is_not_said_to_be_undone() {
    let place = Place::new();
    let outbox = Arc::new(Outbox::new(0, 1));
    let (journal, disk) = Journal::stuck(Arc::clone(&outbox));
    let replica = ReplicaId { node: 1, incarnation: 1 };
    let carts = Carts::new(Identity { mode: Mode::Dotted, replica, carts_max: 9 });
    let state = State { carts, keys: Keys::default() };
    let node = Node::new(place.settings(), state, journal, outbox);
    let opened = Line::Opened { node: 1, incarnation: 1 };
    let mut node = Alone::new((node, opened, None));
    let kind = json!("urn:standfast:problem:outcome-unknown");
    let asked = node.ask_within("POST /carts/a/items", "k", item("tea", 1), "50").await;
    assert_eq!((asked.0, &asked.1["type"]), (504, &kind), "it may come to the disk yet");
    let again = node.ask_within("POST /carts/a/items", "k", item("tea", 1), "50").await;
    assert_eq!(again.0, 504, "the same key asks, and changes nothing");
    assert_eq!(node.lines("a").await, json!([item("tea", 1)]));
    let mut other = Alone { router: node.router.clone(), ..node };
    let waiting = other.ask("POST /carts/a/items", "", item("milk", 1));
    let (asked, ()) = tokio::join!(waiting, async { drop(disk) });
    assert_eq!((asked.0, &asked.1["type"]), (504, &kind), "the log broke meanwhile");
    let late = other.ask("POST /carts/a/items", "", item("milk", 1)).await;
    assert_eq!(late.0, 503, "now it is known beforehand, and nothing is done");
}

#[tokio::test]
async fn a_checkout_leaves_what_came_after_it_was_shown() {
    let place = Place::new();
    let mut node = place.open();
    node.ask("POST /carts/ada/items", "", item("tea", 2)).await;
    node.ask("POST /carts/guest/items", "", item("milk", 1)).await;
    let merged = node.ask("POST /carts/guest/merge-into", "", json!({ "cart": "ada" })).await;
    assert_eq!(merged.0, 200);
    let shown = node.ask("GET /carts/ada", "", Value::Null).await.1;
    assert_eq!(shown["skus"], json!(["tea", "milk"]));
    node.ask("POST /carts/ada/items", "", item("tea", 1)).await;
    let bought = json!({ "context": shown["context"] });
    let (status, _) = node.ask("POST /carts/ada/checked-out", "order-1", bought.clone()).await;
    assert_eq!(status, 200);
    assert_eq!(node.lines("ada").await, json!([item("tea", 1)]));
    node.ask("POST /carts/ada/checked-out", "order-2", bought).await;
    assert_eq!(node.lines("ada").await, json!([item("tea", 1)]), "twice is once");
    let (status, _) = node.ask("POST /carts/guest/items", "", item("milk", 1)).await;
    assert_eq!(status, 409, "it is a part of the other one now");
    node.stop().await;
}

#[tokio::test]
async fn a_snapshot_and_the_log_after_it_are_the_whole() {
    let place = Place::new();
    let mut node = place.open();
    for number in 0..20 {
        let (cart, sku) = (number % 3, number % 7);
        let request = format!("POST /carts/cart-{cart}/items");
        node.ask(&request, "", item(&format!("sku-{sku}"), 1)).await;
        if number == 9 {
            assert!(snapshots::take(&node.node, &node.opened).await.is_some_and(|it| it > 0));
        }
    }
    node.ask("PUT /carts/cart-1/note", "", json!({ "note": "ring twice" })).await;
    node.ask("DELETE /carts/cart-2/items/sku-2", "", Value::Null).await;
    let root = node.node.state().carts.root();
    node.stop().await;
    let mut node = place.open();
    assert_eq!(node.node.state().carts.root(), root);
    let shown = node.ask("GET /carts/cart-1", "", Value::Null).await.1;
    assert_eq!(shown["note"], "ring twice");
    node.stop().await;
}

#[tokio::test]
async fn a_damaged_log_keeps_the_node_down() {
    let place = Place::new();
    let mut node = place.open();
    node.ask("POST /carts/a/items", "", item("tea", 1)).await;
    node.stop().await;
    let log = place.0.join("carts-0000000001.log");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[25] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let error = refused(&open(place.settings()).unwrap_err()).to_string();
    assert!(error.contains("`CART_DIR`") && error.contains("damaged at byte 0"), "{error}");
}

/// A node with a port, tasks and two others.
async fn serve_at(place: &Place, at: usize, ports: &[u16; 3], listener: TcpListener) -> Serving {
    let others = (0..3).filter(|other| *other != at).map(|other| PeerSettings {
        name: format!("cart-{}", other + 1),
        address: format!("http://127.0.0.1:{}", ports[other]).parse().unwrap(),
    });
    let settings = Settings {
        name: format!("cart-{}", at + 1),
        node: u16::try_from(at + 1).unwrap(),
        peers: others.collect(),
        dir: Some(place.0.join(at.to_string())),
        // One cart can wait: the rest of what happens at once has to be found.
        tell_queue: 1,
        reconcile_every: Some(Duration::from_millis(20)),
        ..place.settings()
    };
    let alone = Alone::new(open(settings).unwrap());
    let tasks = start(&alone.node, alone.opened.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let router = alone.router.clone();
    let server = tokio::spawn(server::run(listener, router, async { drop(stopped.await) }));
    Serving { alone, tasks, _stop: stop, _server: server }
}

struct Serving {
    alone: Alone,
    tasks: JoinSet<()>,
    _stop: oneshot::Sender<()>,
    _server: JoinHandle<()>,
}

#[tokio::test]
async fn three_nodes_come_to_have_the_same_whatever_they_were_told() {
    let place = Place::new();
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let ports: Vec<u16> =
        listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    let ports: [u16; 3] = ports.try_into().unwrap();
    let mut nodes = Vec::new();
    for (at, listener) in listeners.into_iter().enumerate() {
        nodes.push(serve_at(&place, at, &ports, listener).await);
    }
    for number in 0..30 {
        let request = format!("POST /carts/cart-{number}/items");
        let (status, _) = nodes[number % 3].alone.ask(&request, "", item("tea", 1)).await;
        assert_eq!(status, 201);
    }
    let deadline = Instant::now() + PATIENCE;
    let agree = async {
        loop {
            let roots: Vec<_> =
                nodes.iter().map(|node| node.alone.node.state().carts.root()).collect();
            let held = nodes[0].alone.node.state().carts.held.len();
            if held == 30 && roots.iter().all(|root| *root == roots[0]) {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout_at(deadline, agree).await.expect("they come to agree");
    let shown = nodes[0].alone.lines("cart-29").await;
    assert_eq!(shown, json!([item("tea", 1)]));
}

/// Two nodes, of which only the first is asked, and only when the test says so.
async fn pair(place: &Place) -> ([Serving; 2], Peer) {
    let mut serving = Vec::new();
    let mut peers = Vec::new();
    for at in 0..2 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        peers.push(Peer::new(address.parse().unwrap(), PEER_LIMITS));
        // Nobody listens at this port; what is told gets lost.
        let mut node = serve_at(place, at, &[1; 3], listener).await;
        node.tasks.abort_all();
        serving.push(node);
    }
    (serving.try_into().ok().unwrap(), peers.swap_remove(0))
}

#[tokio::test]
async fn an_emptied_node_gets_thousands_of_carts_without_sleeping_between() {
    let place = Place::new();
    let ([full, empty], peer) = pair(&place).await;
    let mut carts = Carts::new(Identity {
        mode: Mode::Dotted,
        replica: ReplicaId { node: 9, incarnation: 1 },
        carts_max: 9_000,
    });
    for number in 0..3_000 {
        let (cart, sku) = (format!("cart-{number}"), "tea".to_owned());
        carts.apply(&Change::Add { cart, sku, units: 1 }, 1).unwrap();
    }
    let all = carts.pick(carts.held.keys());
    full.alone.node.state().carts.merge(all, 1);
    let mut turn = 7;
    let rounds = reconciling::catch_up(&empty.alone.node, &peer, "cart-1", &mut turn).await;
    assert_eq!(empty.alone.node.state().carts.root(), carts.root(), "after {rounds} rounds");
    assert!((12..=30).contains(&rounds), "{rounds}");
}

#[tokio::test]
async fn what_cannot_be_repaired_now_is_left_for_later() {
    let place = Place::new();
    let ([here, there], peer) = pair(&place).await;
    // Stamped a minute ahead by a node whose clock is, so that the other one leaves it out.
    let ahead = node::now_ms() + 60_000;
    let note = Change::Annotate { cart: "a".to_owned(), note: "late".to_owned() };
    here.alone.node.state().carts.apply(&note, ahead).unwrap();
    let mut turn = 7;
    let rounds = reconciling::catch_up(&there.alone.node, &peer, "cart-1", &mut turn).await;
    assert_eq!(rounds, 1);
}
