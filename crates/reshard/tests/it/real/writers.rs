//! Clients that write through the map as a router does, and note what was acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use standfast_reshard::catalog::Catalog;
use standfast_reshard::core::Map;
use standfast_reshard::shard::NOT_HERE;
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::stand::{SLOTS, Stand};

/// What a shard should hold of a row: its slot and its value.
pub(super) type Rows = BTreeMap<i64, (u16, i64)>;

pub(super) struct Writers {
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicU64>,
    tasks: JoinSet<Rows>,
}

struct Writer {
    clients: BTreeMap<String, Client>,
    catalog: Catalog,
    map: Map,
    acknowledged: Rows,
    refused: Arc<AtomicU64>,
}

pub(super) fn slot_of(id: i64) -> u16 {
    u16::try_from(id.rem_euclid(i64::from(SLOTS))).unwrap()
}

impl Writers {
    /// So many of them, each with keys of its own.
    pub(super) async fn start(stand: &Stand, count: i64) -> Self {
        let (stop, mut tasks) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        let refused = Arc::new(AtomicU64::new(0));
        for number in 0..count {
            let mut clients = BTreeMap::new();
            for address in &stand.fleet.shards {
                clients.insert(address.name.clone(), stand.client(&address.name).await);
            }
            let (catalog, map) = (stand.catalog().await, stand.map().await);
            let (acknowledged, refused) = (Rows::new(), Arc::clone(&refused));
            let writer = Writer { clients, catalog, map, acknowledged, refused };
            tasks.spawn(writer.run(number * 1_000_000, Arc::clone(&stop)));
        }
        Self { stop, refused, tasks }
    }

    /// Waits until a write was sent elsewhere, which happens as soon as slots have changed hands:
    /// writers come round to every slot.
    pub(super) async fn until_refused(&self) {
        let waiting = async {
            while self.refused.load(Ordering::Relaxed) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("writers are refused");
    }

    /// Everything that was acknowledged.
    pub(super) async fn stop(self) -> Rows {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

impl Writer {
    async fn run(mut self, first: i64, stop: Arc<AtomicBool>) -> Rows {
        let mut turn = 0;
        while !stop.load(Ordering::Relaxed) {
            turn += 1;
            // Rows come, change, and every seventh goes.
            let id = first + turn / 3;
            let is_deletion = turn % 21 == 20;
            self.write(id, turn, is_deletion).await;
            // Not the machine's limit is to be found, only a write at any moment.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.acknowledged
    }

    /// Until it is acknowledged.
    async fn write(&mut self, id: i64, value: i64, is_deletion: bool) {
        let slot = slot_of(id);
        let statement = if is_deletion {
            format!("DELETE FROM items WHERE slot = {slot} AND id = {id}")
        } else {
            format!(
                "INSERT INTO items VALUES ({id}, {slot}, {value}, 'of {id}') \
                 ON CONFLICT (slot, id) DO UPDATE SET value = excluded.value"
            )
        };
        loop {
            let owner = &self.map.owners[usize::from(slot)];
            match self.clients[owner].execute(&statement, &[]).await {
                Ok(_) => break,
                Err(error) => {
                    let code = error.code().map(|code| code.code().to_owned());
                    assert_eq!(code.as_deref(), Some(NOT_HERE), "{error:?}");
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    self.map = self.catalog.map().await.unwrap().unwrap();
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }
        if is_deletion {
            self.acknowledged.remove(&id);
        } else {
            self.acknowledged.insert(id, (slot, value));
        }
    }
}

/// What all shards hold together is what was acknowledged, each row once.
pub(super) async fn assert_held(stand: &Stand, acknowledged: &Rows) {
    let mut held = Rows::new();
    for address in &stand.fleet.shards {
        for (id, row) in stand.rows(&address.name).await {
            assert_eq!(held.insert(id, row), None, "row {id} is on two shards");
        }
    }
    let lost: Vec<_> = acknowledged.iter().filter(|(id, row)| held.get(id) != Some(row)).collect();
    assert!(lost.is_empty(), "lost or old: {lost:?}");
    assert_eq!(held.len(), acknowledged.len(), "rows that nobody wrote, or that were deleted");
}
