//! Round trips at one connection: Valkey itself, and a hit of the service in front of it.
//!
//! Where the scheduler puts client and server decides most: on one core a raw round trip takes a
//! third of what it takes between two. So turns are short, and a hit is compared with the raw round
//! trip that was measured just before it, never with one of another placement some seconds away.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use standfast_loadgen::Scenario;
use standfast_loadgen::closed::{self, ClosedPlan};

use crate::figures::{Figure, Figures};
use crate::rig::{CachedEntry, HOT_PATH, Rig};
use crate::wire::Wire;
use crate::{http, resp};

/// Far beyond any hit: a request that needs longer is an error, not a figure.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);

/// How long each rival runs in one turn.
const TURN: Duration = Duration::from_millis(100);

/// Connections that stay open over all rounds.
#[derive(Debug)]
pub(crate) struct Rivals {
    valkey: Wire,
    get: Vec<u8>,
    mget: Vec<u8>,
    service: Wire,
    request: Vec<u8>,
    address: SocketAddr,
}

impl Rivals {
    pub(crate) fn new(rig: &Rig, entry: &CachedEntry) -> Result<Self> {
        let address = rig.address;
        Ok(Self {
            valkey: resp::connect(rig.cache_url()?)?,
            get: resp::command(&["GET", &entry.key]),
            mget: resp::command(&["MGET", &entry.key, &entry.written_key]),
            service: Wire::connect(address)?,
            request: http::request(HOT_PATH, address),
            address,
        })
    }

    /// Turns of all rivals, until each has had `each`.
    pub(crate) async fn round(mut self, each: Duration, figures: &mut Figures) -> Result<Self> {
        let mut left = each;
        while !left.is_zero() {
            left = left.saturating_sub(TURN);
            self = self.turn(figures).await?;
        }
        Ok(self)
    }

    async fn turn(self, figures: &mut Figures) -> Result<Self> {
        let address = self.address;
        // They block, so they do it on a thread where that is allowed.
        let (rivals, [get, mget, same]) =
            tokio::task::spawn_blocking(move || self.blocking(TURN)).await??;
        let hit = hit(address, TURN).await?;
        figures.take(Figure::RawGet, get);
        figures.take(Figure::RawMget, mget);
        figures.take(Figure::Hit, hit);
        figures.take(Figure::HitAdds, (hit - get) / get);
        figures.take(Figure::SameClientHit, same);
        figures.take(Figure::SameClientHitAdds, (same - get) / get);
        Ok(rivals)
    }

    fn blocking(mut self, each: Duration) -> Result<(Self, [f64; 3])> {
        let get = self.valkey.p50_us(&self.get, resp::length_of, each)?;
        let mget = self.valkey.p50_us(&self.mget, resp::length_of, each)?;
        let same = self.service.p50_us(&self.request, http::length_of, each)?;
        Ok((self, [get, mget, same]))
    }
}

/// The p50 in microseconds of a hit, by the load generator.
async fn hit(address: SocketAddr, each: Duration) -> Result<f64> {
    let (scenario, target) = Scenario::from_url(&format!("http://{address}{HOT_PATH}"))?;
    let plan =
        ClosedPlan { scenario, target, connections: 1, duration: each, timeout: TIMEOUT, seed: 1 };
    let outcome = closed::start(plan)?.finish().await;
    ensure!(outcome.failed + outcome.info == 0, "hits failed: {outcome:?}");
    Ok(outcome.latency.value_at_quantile(0.5) as f64)
}
