//! The functions of sharded-shop's shards, on two real servers: stock is taken once, never below
//! zero, and only where the slot is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use standfast_engines::process::{Guardian, Spawner};
use standfast_engines::{Engine, EngineKind, find};
use standfast_tactics::shard::{Key, Shards, SlotMap};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, Row};
use uuid::Uuid;

use crate::place::{Place, free_ports};
use crate::shard_stand::spec;

const SHARD: &str = include_str!("../../../systems/sharded-shop/sql/shard.sql");
const SLOTS: usize = 4096;
const TAKE: &str = "SELECT sku, state, stock FROM take($1, $2, $3, $4, $5)";
const RELEASE: &str = "SELECT sku, state, stock FROM release($1, $2, $3, $4, $5)";

struct Shop {
    engines: Vec<Engine>,
    map: SlotMap,
    _spawner: Spawner,
}

impl Shop {
    /// Two shards, each of which owns half of the slots.
    async fn up(place: &Place) -> Self {
        let (home, spawner) = (place.home(), Spawner::start(Guardian::None).unwrap());
        let installation = find(EngineKind::Postgres.tool(), &home).unwrap();
        let (mut engines, ports) = (Vec::new(), free_ports(2));
        for (number, port) in (1..=2).zip(ports..) {
            let spec = spec(&format!("shard-{number}"), port, &home.root().join("shop"));
            let engine = Engine::create(spec, &installation, &spawner, &home).await.unwrap();
            engine.start().await.unwrap();
            let variables = [("shard", number.to_string()), ("shards", "2".to_owned())];
            let variables: BTreeMap<String, String> =
                variables.map(|(name, value)| (name.to_owned(), value)).into();
            engine.run_sql(SHARD, &variables).await.unwrap();
            engines.push(engine);
        }
        let [one, two] = [0, 1].map(|index: usize| engines[index].admin_url());
        let text = format!(
            "catalog = \"{one}\"\nslots = {SLOTS}\n\
             tables = [\"users\", \"products\", \"takes\", \"changes\"]\n\
             [[shard]]\nname = \"shard-1\"\nurl = \"{one}\"\n\
             [[shard]]\nname = \"shard-2\"\nurl = \"{two}\"\n"
        );
        let config = place.write("shards.toml", &text).display().to_string();
        place.must(&["shard", "init", "--owners", "shard-1,shard-2", "--config", &config]).await;
        let map = SlotMap::try_new(Shards::try_new(1..=2).unwrap(), SLOTS).unwrap();
        Self { engines, map, _spawner: spawner }
    }

    /// As the services come: without the rights of a superuser.
    async fn client(&self, shard: usize) -> Client {
        let (client, connection) =
            tokio_postgres::connect(&self.engines[shard].url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    fn slot(&self, key: &str) -> i32 {
        i32::from(self.map.slot_of(Key::from(key)).0)
    }

    /// Products of which there are few, on the shard at this position.
    fn rare(&self, shard: usize) -> impl Iterator<Item = String> {
        let half = |slot: i32| usize::try_from(slot).unwrap() * 2 / SLOTS;
        let names = (1..=100).map(|number| format!("RARE-{number:03}"));
        names.filter(move |sku| half(self.slot(sku)) == shard)
    }

    async fn call(
        &self,
        client: &Client,
        statement: &str,
        take: (Uuid, i64),
        lines: &[(&str, i64)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let slots: Vec<i32> = lines.iter().map(|(sku, _)| self.slot(sku)).collect();
        let skus: Vec<&str> = lines.iter().map(|(sku, _)| *sku).collect();
        let quantities: Vec<i64> = lines.iter().map(|(_, quantity)| *quantity).collect();
        client.query(statement, &[&take.0, &take.1, &slots, &skus, &quantities]).await
    }

    async fn states(
        &self,
        client: &Client,
        statement: &str,
        take: (Uuid, i64),
        lines: &[(&str, i64)],
    ) -> Vec<String> {
        let rows = self.call(client, statement, take, lines).await.unwrap();
        rows.iter().map(|row| row.get(1)).collect()
    }

    async fn down(self) {
        for engine in &self.engines {
            engine.kill().await.unwrap();
        }
    }
}

async fn stock(client: &Client, sku: &str) -> i64 {
    client.query_one("SELECT stock FROM products WHERE sku = $1", &[&sku]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_takes_stock_once_never_below_zero_and_only_what_is_its_own() {
    let place = Place::new().await;
    let shop = Shop::up(&place).await;
    let client = shop.client(0).await;
    hashes_agree(&shop, &client).await;
    takes_are_done_once(&shop, &client).await;
    what_is_given_back_is_there_again_and_stays_away(&shop, &client).await;
    other_lines_under_one_name_take_nothing(&shop, &client).await;
    many_at_once_sell_what_there_is(&shop, &client).await;
    shop.down().await;
}

/// The shards seed themselves by the hash that routers use.
async fn hashes_agree(shop: &Shop, client: &Client) {
    let keys = ["", "a", "foobar", "SKU-0001", "01935b00-0000-7000-8000-000000000001", "ä€😀"];
    let many = (0..500).map(|number| format!("key {number}"));
    for key in keys.into_iter().map(str::to_owned).chain(many) {
        let found = client.query_one("SELECT slot_of($1)", &[&key]).await.unwrap();
        assert_eq!(found.get::<_, i32>(0), shop.slot(&key), "{key}");
    }
    let rows: i64 = client.query_one("SELECT count(*) FROM products", &[]).await.unwrap().get(0);
    let other = shop.client(1).await;
    let others: i64 = other.query_one("SELECT count(*) FROM products", &[]).await.unwrap().get(0);
    assert_eq!(rows + others, 1100, "each product is on one of the two");
}

async fn takes_are_done_once(shop: &Shop, client: &Client) {
    let mut rare = shop.rare(0);
    let (a, b) = (rare.next().unwrap(), rare.next().unwrap());
    let take = (Uuid::now_v7(), 1);
    for _ in 0..2 {
        let lines = [(a.as_str(), 5), (b.as_str(), 7)];
        assert_eq!(shop.states(client, TAKE, take, &lines).await, ["taken", "taken"]);
        assert_eq!((stock(client, &a).await, stock(client, &b).await), (15, 13));
    }
    // One line is too much: none is taken, and the answer stays.
    let refused = (Uuid::now_v7(), 2);
    let lines = [(a.as_str(), 1), (b.as_str(), 14)];
    assert_eq!(shop.states(client, TAKE, refused, &lines).await, ["barred", "short"]);
    assert_eq!((stock(client, &a).await, stock(client, &b).await), (15, 13));
    let unknown = [("NOT-THERE", 1)];
    // It may be of a slot of the other shard, which refuses it.
    let shard = usize::try_from(shop.slot("NOT-THERE")).unwrap() * 2 / SLOTS;
    let its = shop.client(shard).await;
    assert_eq!(shop.states(&its, TAKE, (Uuid::now_v7(), 3), &unknown).await, ["unknown"]);
    let elsewhere = shop.client(1).await;
    let error = shop.call(&elsewhere, TAKE, (Uuid::now_v7(), 4), &[(&a, 1)]).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::from_code("RS001")), "{error}");
}

async fn what_is_given_back_is_there_again_and_stays_away(shop: &Shop, client: &Client) {
    let sku = shop.rare(0).nth(2).unwrap();
    let (take, lines) = ((Uuid::now_v7(), 1), [(sku.as_str(), 4)]);
    assert_eq!(shop.states(client, TAKE, take, &lines).await, ["taken"]);
    for _ in 0..2 {
        assert_eq!(shop.states(client, RELEASE, take, &lines).await, ["released"]);
        assert_eq!(stock(client, &sku).await, 20, "once");
    }
    assert_eq!(shop.states(client, TAKE, take, &lines).await, ["released"], "it came again");
    let late = (Uuid::now_v7(), 1);
    assert_eq!(shop.states(client, RELEASE, late, &lines).await, ["barred"]);
    assert_eq!(shop.states(client, TAKE, late, &lines).await, ["barred"], "it came too late");
    // Whoever says other lines under the same name gives nothing back.
    let (mine, other) = (Uuid::now_v7(), 9);
    assert_eq!(shop.states(client, TAKE, (mine, 1), &lines).await, ["taken"]);
    assert_eq!(shop.states(client, RELEASE, (mine, other), &lines).await, ["taken"]);
    assert_eq!(stock(client, &sku).await, 16);
}

/// Two calls that share a product, or a slot, and mean different things by one name.
async fn other_lines_under_one_name_take_nothing(shop: &Shop, client: &Client) {
    let mut rare = shop.rare(0).skip(5);
    let (a, b, c) = (rare.next().unwrap(), rare.next().unwrap(), rare.next().unwrap());
    let named = Uuid::now_v7();
    let first = [(a.as_str(), 1), (b.as_str(), 1)];
    assert_eq!(shop.states(client, TAKE, (named, 1), &first).await, ["taken", "taken"]);
    let other = [(b.as_str(), 1), (c.as_str(), 1)];
    for statement in [TAKE, RELEASE] {
        let rows = shop.call(client, statement, (named, 2), &other).await.unwrap();
        let skus: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        assert!(skus.contains(&b.as_str()), "the line that it contradicts is answered: {skus:?}");
        assert_eq!((stock(client, &b).await, stock(client, &c).await), (19, 20));
    }
    // A slot is one also for products that lie in it by chance.
    let twin = (0..).map(|number| format!("TWIN-{number}"));
    let twin = twin.into_iter().find(|sku| shop.slot(sku) == shop.slot(&a)).unwrap();
    let insert = "INSERT INTO products (slot, sku, title, price_cents, stock) \
                  VALUES ($1, $2, 'Twin', 1, 20)";
    client.execute(insert, &[&shop.slot(&twin), &twin]).await.unwrap();
    let states = shop.states(client, TAKE, (named, 3), &[(twin.as_str(), 1)]).await;
    assert_eq!((states.as_slice(), stock(client, &twin).await), (&["taken".to_owned()][..], 20));
    assert_eq!(shop.states(client, RELEASE, (named, 1), &first).await, ["released", "released"]);
    assert_eq!((stock(client, &a).await, stock(client, &b).await), (20, 20));
}

/// Eight sessions want 96 of 20, two products each time, in both orders.
async fn many_at_once_sell_what_there_is(shop: &Shop, client: &Client) {
    let mut rare = shop.rare(0).skip(3);
    let (a, b) = (rare.next().unwrap(), rare.next().unwrap());
    let mut sessions = Vec::new();
    for session in 0..8 {
        let buyer = shop.client(0).await;
        let (first, second) = if session % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let (first, second) = (first.clone(), second.clone());
        let slots = vec![shop.slot(&first), shop.slot(&second)];
        sessions.push(tokio::spawn(async move {
            let mut taken = 0;
            for _ in 0..12 {
                let (id, skus) = (Uuid::now_v7(), vec![first.as_str(), second.as_str()]);
                let rows = buyer
                    .query(TAKE, &[&id, &1_i64, &slots, &skus, &vec![1_i64, 1]])
                    .await
                    .unwrap();
                taken += i64::from(rows.iter().all(|row| row.get::<_, &str>(1) == "taken"));
            }
            taken
        }));
    }
    let mut taken = 0;
    for session in sessions {
        taken += session.await.unwrap();
    }
    assert_eq!(taken, 20);
    assert_eq!((stock(client, &a).await, stock(client, &b).await), (0, 0));
}
