//! A router as docs/guide/sharding.md has it: writes at the owner of the key's slot, and reads the
//! map again when a shard says that the slot is not there.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use standfast_reshard::catalog::Catalog;
use standfast_reshard::core::Map;
use standfast_reshard::shard::NOT_HERE;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tokio_postgres::types::ToSql;

use crate::link::Link;
use crate::stand::{Stand, slot_of};

/// While the map names the shard that refuses: the slot is changing hands.
const RETRY_AFTER: Duration = Duration::from_millis(2);
/// Far beyond any pause: who coordinates may have to be started again first.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

pub(crate) struct Router {
    /// One reads it for all.
    catalog: Mutex<Catalog>,
    routes: RwLock<Arc<Routes>>,
    /// Connections, by shard.
    pools: Vec<Vec<Link>>,
    /// Places in `pools`.
    places: BTreeMap<String, usize>,
}

/// The map, with places of pools instead of names.
struct Routes {
    epoch: u64,
    owners: Vec<usize>,
}

/// A write that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) slot: u16,
    pub(crate) rows: u64,
    /// How often a shard refused it before.
    pub(crate) refused: u32,
}

impl Router {
    /// So many connections to each shard, on each of which `statements` are prepared.
    pub(crate) async fn open(
        stand: &Stand,
        connections_each: usize,
        statements: &[&str],
    ) -> Result<Self> {
        let (mut pools, mut places) = (Vec::new(), BTreeMap::new());
        for (place, shard) in stand.fleet.shards.iter().enumerate() {
            let mut pool = Vec::new();
            for _ in 0..connections_each {
                pool.push(Link::open(&shard.url, statements).await?);
            }
            pools.push(pool);
            places.insert(shard.name.clone(), place);
        }
        let catalog = Catalog::connect(&stand.fleet.catalog_url).await?;
        let map = catalog.map().await?.context("there is no map")?;
        let routes = RwLock::new(Arc::new(routes(&map, &places)?));
        Ok(Self { catalog: Mutex::new(catalog), routes, pools, places })
    }

    /// Runs the n-th statement, of which `id` is the key and its slot the first two parameters.
    pub(crate) async fn write(
        &self,
        statement: usize,
        id: i64,
        others: &[&(dyn ToSql + Sync)],
    ) -> Result<Written> {
        let slot = slot_of(id);
        let slot_number = i32::from(slot);
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&id, &slot_number];
        parameters.extend(others);
        let (begun, mut refused) = (Instant::now(), 0);
        loop {
            let routes = self.routes();
            let place = routes.owners[usize::from(slot)];
            let link = self.pools[place].iter().min_by_key(|link| link.under_way());
            let link = link.context("a pool has a connection")?;
            match link.execute(statement, &parameters).await {
                // No row: the guard was not asked. There is none, or it has gone with its slot.
                Ok(0) if !is_here(link, slot_number).await? => {}
                Ok(rows) => return Ok(Written { slot, rows, refused }),
                Err(error) if error.code().is_some_and(|code| code.code() == NOT_HERE) => {}
                Err(error) => return Err(error.into()),
            }
            refused += 1;
            if begun.elapsed() > GIVE_UP_AFTER {
                bail!("slot {slot} is open nowhere for {GIVE_UP_AFTER:?}");
            }
            self.read_again(routes.epoch).await?;
            if self.routes().owners[usize::from(slot)] == place {
                sleep(RETRY_AFTER).await;
            }
        }
    }

    fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.routes.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the map, unless somebody has done so since `epoch` was found to be too old.
    async fn read_again(&self, epoch: u64) -> Result<()> {
        let catalog = self.catalog.lock().await;
        if self.routes().epoch > epoch {
            return Ok(());
        }
        let map = catalog.map().await?.context("there is no map")?;
        let fresh = Arc::new(routes(&map, &self.places)?);
        *self.routes.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

async fn is_here(link: &Link, slot: i32) -> Result<bool> {
    let answer = link.client.query_one("SELECT reshard.is_here($1)", &[&slot]).await?;
    Ok(answer.try_get(0)?)
}

fn routes(map: &Map, places: &BTreeMap<String, usize>) -> Result<Routes> {
    let place = |owner: &String| {
        places.get(owner).copied().with_context(|| format!("the map names {owner}, who is unknown"))
    };
    let owners = map.owners.iter().map(place).collect::<Result<_>>()?;
    Ok(Routes { epoch: map.epoch, owners })
}
