//! Clients that order, one blow after the other at the databases behind them, and the books.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use standfast_lab::instance::Clock;
use tokio::time::{Instant, sleep};

use super::clients::{Clients, Records};
use super::end::{End, Seen};
use super::promises::Promises;
use super::turns::Turn;
use super::{kept, sagas, stand_name};
use crate::ledger::Ledger;
use crate::record::Trial;
use crate::stand::{Shop, Stand};
use crate::strike::{Struck, Watch, note_taken, strike};
use crate::target::Kind;
use crate::weather::{Weather, load_average};
use crate::writable::Prober;

/// Between blows, so that each hits a shop that works.
const ORDERS_BETWEEN: usize = 60;

/// A replica in sync may still be applying what it has.
const BOOKS_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Series<'a> {
    shop: &'a Shop,
    /// One for each cluster, in their order.
    probers: [Prober; 3],
    weather: Weather,
    records: Records,
    clients: Clients,
    /// What there was before the first order.
    initial: BTreeMap<String, i64>,
    /// What was asked for before this was compared.
    compared: Vec<usize>,
}

impl<'a> Series<'a> {
    pub(super) async fn begin(shop: &'a Shop, clients: usize, clock: &Clock) -> Result<Self> {
        let stock = shop.cluster(Kind::Mariadb);
        let rest = stock.at_rest().await?;
        let initial = kept::stock(stock, rest.primary).await?;
        let records = Records {
            ledger: Ledger::of(clients),
            promises: Promises::of(clients),
            clock: clock.clone(),
        };
        Ok(Self {
            shop,
            probers: shop.clusters.each_ref().map(|(_, one)| Prober::start(one.target(), clock)),
            weather: Weather::watch(clock),
            clients: Clients::start(shop.gateway, &records),
            records,
            initial,
            compared: vec![0; clients],
        })
    }

    /// One blow, and all that came of it. A trial without an end says what it waited for.
    pub(super) async fn trial(&mut self, turn: Turn) -> Trial {
        let mut trial = Trial {
            stand: stand_name(turn.kind),
            blow: Some(turn.blow),
            number: turn.number,
            load_average: load_average(),
            ..Trial::default()
        };
        let from_us = self.records.clock.now_us();
        if let Err(error) = self.run(turn, &mut trial).await {
            trial.problem = Some(format!("{error:#}"));
        }
        let within = from_us..self.records.clock.now_us();
        for ((_, cluster), prober) in self.shop.clusters.iter().zip(&self.probers) {
            note_taken(&mut trial, cluster.target(), &prober.seen(&within));
        }
        trial
    }

    async fn run(&mut self, turn: Turn, trial: &mut Trial) -> Result<()> {
        for (_, cluster) in &self.shop.clusters {
            cluster.at_rest().await?;
        }
        let place = self.shop.clusters.iter().position(|(kind, _)| *kind == turn.kind);
        let place = place.expect("there is one of each kind");
        let watch = Watch {
            clock: &self.records.clock,
            ledger: &self.records.ledger,
            prober: &self.probers[place],
            weather: &self.weather,
            acknowledged_between: ORDERS_BETWEEN,
        };
        let cluster = &self.shop.clusters[place].1;
        let Struck { before, after } = strike(cluster, &watch, turn.blow, trial).await?;
        let after = after?;
        let marks = self.records.promises.marks();
        let orders = self.records.promises.made(&self.compared, &marks);
        let target = cluster.target();
        trial.lost = kept::missing(target, after.primary, &orders).await?;
        trial.lost_on_old = kept::missing_for_good(target, before.primary, &orders).await?;
        self.compared = marks;
        Ok(())
    }

    /// Lets clients and sagas come to their ends, and holds the books of all servers against what
    /// was promised.
    pub(super) async fn end(self) -> Result<End> {
        self.clients.end().await?;
        let open_sagas = sagas::open_at_the_end(self.shop.middleware).await?;
        for (_, cluster) in &self.shop.clusters {
            cluster.at_rest().await?;
        }
        let promises = self.records.promises.all();
        let deadline = Instant::now() + BOOKS_WITHIN;
        let violations = loop {
            let violations = kept::read(self.shop).await?.judge(&self.initial, &promises);
            if violations.is_empty() || Instant::now() > deadline {
                break violations;
            }
            sleep(PAUSE).await;
        };
        let all = 0..u64::MAX;
        let ledger = &self.records.ledger;
        let seen: Vec<_> = self.probers.iter().map(|prober| prober.seen(&all)).collect();
        let seen = Seen {
            failed_requests: ledger.failures(&all).values().sum(),
            open_sagas,
            taken_by_both: seen.iter().map(|one| one.at_once.len()).sum(),
            probes_taken: seen.iter().map(|one| one.taken).sum(),
            latencies_ms: ledger.latencies_ms(),
        };
        Ok(End::of(&promises, &violations, &seen))
    }
}
