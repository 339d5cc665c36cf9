//! `slow`, `intermittent`, `incorrect` and the like: a service breaks itself when the lab tells it
//! to, at a second port that it opens for the lab alone. No fault from outside could make it lie,
//! or sign a lie.
//!
//! It is in effect from the moment at which the service says so; a request of the lab then shows
//! that it is true. That request carries the token of the run, so that the service does not count
//! it as one that the fault has met.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::effect::Evidence;
use super::error::FaultError;
use super::kind::{Fault, FaultKind};
use super::links::Hit;
use super::parameters::Objection;
use crate::instance::http::{self, Answer, Ask, HttpError};

/// Of the port for faults: what it does takes microseconds, so more means that the service hangs.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
/// Of an ordinary request, besides the delay that the fault itself makes.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// A fault that chance shows less often than once in so long is shown to nobody else either.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
/// Without an answer for so long, a service that usually takes microseconds is silent.
const SILENT_FOR: Duration = Duration::from_millis(300);
/// Carries the token of the run.
const TOKEN: &str = "x-standfast-token";

/// Where a service can be told to break itself.
#[derive(Clone, Debug)]
pub(crate) struct Lever {
    /// Its port for faults.
    pub(crate) control: SocketAddr,
    /// Its port for everybody.
    pub(crate) requests: SocketAddr,
    /// The path at which every fault shows.
    pub(crate) probe: String,
    pub(crate) token: String,
    /// What chance is drawn from.
    pub(crate) seed: u64,
}

/// What a service does to itself.
#[derive(Clone, Debug)]
enum Trouble {
    Slow {
        delay: Duration,
        jitter: Duration,
    },
    Intermittent {
        probability: f64,
    },
    Incorrect {
        product: Option<String>,
    },
    /// It signs what it should not, or does not sign what it says.
    Perjury {
        name: &'static str,
    },
    Silent,
}

impl Trouble {
    /// The other kinds are done to processes and links, which is decided before.
    fn of(fault: &Fault) -> Result<Self, Objection> {
        let perjuries = [
            (FaultKind::Forge, "forge"),
            (FaultKind::Equivocate, "equivocate"),
            (FaultKind::Replay, "replay"),
        ];
        if let Some((_, name)) = perjuries.iter().find(|(kind, _)| *kind == fault.kind) {
            return Ok(Self::Perjury { name });
        }
        if fault.kind == FaultKind::Silent {
            return Ok(Self::Silent);
        }
        if fault.kind == FaultKind::Slow {
            let delay = fault.delay.ok_or_else(|| Objection::new("slow needs `delay`"))?.0;
            let jitter = fault.jitter.map_or(Duration::ZERO, |jitter| jitter.0);
            return Ok(Self::Slow { delay, jitter });
        }
        if fault.kind == FaultKind::Intermittent {
            let probability = fault.probability;
            let probability =
                probability.ok_or_else(|| Objection::new("intermittent needs `probability`"))?;
            return Ok(Self::Intermittent { probability: probability.share() });
        }
        Ok(Self::Incorrect { product: fault.product.clone() })
    }

    /// How the service calls it.
    fn name(&self) -> &'static str {
        match self {
            Self::Slow { .. } => "latency",
            Self::Intermittent { .. } => "intermittent",
            Self::Incorrect { .. } => "incorrect",
            Self::Perjury { name } => name,
            Self::Silent => "silent",
        }
    }

    /// The body of `PUT /fault`.
    fn body(&self, seed: u64) -> Bytes {
        let mut body = json!({ "kind": self.name(), "seed": seed });
        match self {
            Self::Slow { delay, jitter } => {
                body["delay_ms"] = json!(milliseconds(*delay));
                body["jitter_ms"] = json!(milliseconds(*jitter));
            }
            Self::Intermittent { probability } => body["probability"] = json!(probability),
            Self::Incorrect { product: Some(product) } => body["product"] = json!(product),
            Self::Incorrect { product: None } | Self::Perjury { .. } | Self::Silent => {}
        }
        body.to_string().into()
    }
}

/// A service that breaks itself until it is told to stop.
#[derive(Debug)]
pub(crate) struct Distorted {
    fault: Fault,
    trouble: Trouble,
    lever: Lever,
    /// The fault ends with this process.
    pid: u32,
    is_healed: AtomicBool,
}

/// What a service says of its fault.
#[derive(Debug, Deserialize)]
struct Report {
    fault: Option<Value>,
    #[serde(default)]
    hits: u64,
    #[serde(default)]
    probes_hit: u64,
}

/// Tells the service that runs as `pid` to break itself. What is answered besides the evidence
/// heals it again.
pub(crate) async fn distort(
    fault: &Fault,
    lever: Lever,
    pid: u32,
) -> Result<(Evidence, Distorted), FaultError> {
    let (trouble, is_healed) = (Trouble::of(fault)?, AtomicBool::new(false));
    let distorted = Distorted { fault: fault.clone(), trouble, lever, pid, is_healed };
    let shown = match distorted.begin().await {
        Ok(evidence) => return Ok((evidence, distorted)),
        Err(error) => Err(error),
    };
    // It may have been told all the same, and nobody would know of it.
    if let Err(error) = distorted.heal().await {
        tracing::warn!(%error, "a fault that did not show may be left in its service");
    }
    shown
}

impl Distorted {
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn is_healed(&self) -> bool {
        self.is_healed.load(Ordering::Relaxed)
    }

    async fn begin(&self) -> Result<Evidence, FaultError> {
        // Only a lie has to be told from what was true before.
        let before = match &self.trouble {
            Trouble::Incorrect { .. } | Trouble::Perjury { .. } => {
                Some(self.probe(ANSWERED_WITHIN).await?)
            }
            Trouble::Slow { .. } | Trouble::Intermittent { .. } | Trouble::Silent => None,
        };
        let body = self.trouble.body(self.lever.seed);
        self.tell(Ask { method: "PUT", body, ..self.ask("/fault") }).await?;
        let said = self.report("GET").await?.fault;
        let at = Instant::now();
        let said = said.as_ref().and_then(|fault| fault.get("kind")).and_then(Value::as_str);
        if said != Some(self.trouble.name()) {
            return Err(self.no_effect("the service does not say that it has this fault"));
        }
        let text = match (&self.trouble, before) {
            (Trouble::Slow { delay, jitter }, _) => self.waits(*delay, *jitter).await?,
            (Trouble::Intermittent { .. }, _) => self.fails().await?,
            (Trouble::Incorrect { product }, before) => {
                self.lies(product.as_deref(), before.as_ref()).await?
            }
            (Trouble::Perjury { .. }, before) => self.perjures(before.as_ref()).await?,
            (Trouble::Silent, _) => self.keeps_silent().await?,
        };
        Ok(Evidence { at, text, pid: Some(self.pid) })
    }

    /// Shows that an answer takes as long as it should at least.
    async fn waits(&self, delay: Duration, jitter: Duration) -> Result<String, FaultError> {
        let asked = Instant::now();
        self.probe(delay + jitter + ANSWERED_WITHIN).await?;
        let took = asked.elapsed();
        if took < delay.saturating_sub(jitter) {
            return Err(self.no_effect(format!("an answer came after {} ms", took.as_millis())));
        }
        Ok(format!("GET {} was answered after {} ms", self.lever.probe, took.as_millis()))
    }

    /// Shows that a request fails.
    async fn fails(&self) -> Result<String, FaultError> {
        let deadline = Instant::now() + SHOWN_WITHIN;
        let path = &self.lever.probe;
        for request in 1_u32.. {
            let answer = self.probe(ANSWERED_WITHIN).await?;
            if answer.status >= 500 {
                return Ok(format!("GET {path} answered {} at request {request}", answer.status));
            }
            if Instant::now() > deadline {
                return Err(self.no_effect(format!("none of {request} requests failed")));
            }
        }
        Err(self.no_effect("no request failed"))
    }

    /// Shows that an answer is another one than `before`.
    async fn lies(
        &self,
        product: Option<&str>,
        before: Option<&Answer>,
    ) -> Result<String, FaultError> {
        let path = &self.lever.probe;
        let after = self.probe(ANSWERED_WITHIN).await?;
        let is_another = before.is_none_or(|before| before.body != after.body);
        // Under load the truth changes as well: the service itself says whether it lied.
        if !is_another || self.report("GET").await?.probes_hit == 0 {
            let whose = product.map_or("any product".to_owned(), |name| format!("`{name}`"));
            return Err(self.no_effect(format!("GET {path} names no stock of {whose} to be wrong")));
        }
        Ok(format!("GET {path} names another stock than before"))
    }

    /// Shows that an answer is another one than `before`, and that the service meant it so.
    async fn perjures(&self, before: Option<&Answer>) -> Result<String, FaultError> {
        let path = &self.lever.probe;
        let after = self.probe(ANSWERED_WITHIN).await?;
        let is_another = before.is_none_or(|before| before.body != after.body);
        if !is_another || self.report("GET").await?.probes_hit == 0 {
            let why = format!("GET {path} is answered as before: does it sign what it says?");
            return Err(self.no_effect(why));
        }
        Ok(format!("GET {path} is answered otherwise than before"))
    }

    /// Shows that no answer comes, and that the service keeps it back.
    async fn keeps_silent(&self) -> Result<String, FaultError> {
        let path = &self.lever.probe;
        let asked = http::send(self.lever.requests, self.ask(path), SILENT_FOR).await;
        match asked {
            Ok(answer) => {
                Err(self.no_effect(format!("GET {path} was answered with {}", answer.status)))
            }
            Err(HttpError::Deadline { .. }) if self.report("GET").await?.probes_hit > 0 => {
                let silent_ms = SILENT_FOR.as_millis();
                Ok(format!("GET {path} was not answered for {silent_ms} ms"))
            }
            Err(error) => Err(self.untold(error)),
        }
    }

    /// Takes the fault away; returns when the service says that it has none, with what it met.
    pub(crate) async fn heal(&self) -> Result<Hit, FaultError> {
        let met = self.report("DELETE").await.map_err(|error| self.not_restored(&error))?;
        let left = self.report("GET").await.map_err(|error| self.not_restored(&error))?;
        if let Some(fault) = left.fault {
            return Err(self.not_restored(&format!("the service still has the fault {fault}")));
        }
        self.is_healed.store(true, Ordering::Relaxed);
        Ok(Hit { requests: met.hits, ..Hit::default() })
    }

    /// Takes the fault away as soon as that can be done, for those who cannot wait for it.
    pub(crate) fn heal_soon(self: Arc<Self>) {
        // Without a runtime nobody supervises the service any more.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        drop(runtime.spawn(async move {
            if let Err(error) = self.heal().await {
                tracing::error!(%error, "a service still has its fault");
            }
        }));
    }

    async fn report(&self, method: &'static str) -> Result<Report, FaultError> {
        let answer = self.tell(Ask { method, ..self.ask("/fault") }).await?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            self.no_effect(format!("its port for faults answers nonsense: {error}"))
        })
    }

    async fn tell(&self, ask: Ask<'_>) -> Result<Answer, FaultError> {
        let answer = http::send(self.lever.control, ask, TOLD_WITHIN).await;
        let answer = answer.map_err(|source| self.untold(source))?;
        match answer.status {
            200 => Ok(answer),
            status => {
                let said = String::from_utf8_lossy(&answer.body).into_owned();
                Err(self.no_effect(format!("its port for faults answered {status}: {said}")))
            }
        }
    }

    /// An ordinary request, known as the lab's.
    async fn probe(&self, within: Duration) -> Result<Answer, FaultError> {
        let answer = http::send(self.lever.requests, self.ask(&self.lever.probe), within).await;
        answer.map_err(|source| self.untold(source))
    }

    fn ask<'a>(&'a self, path: &'a str) -> Ask<'a> {
        let header = Some((TOKEN, self.lever.token.as_str()));
        Ask { method: "GET", path, header, body: Bytes::new() }
    }

    fn untold(&self, source: HttpError) -> FaultError {
        FaultError::Untold { kind: self.fault.kind, target: self.fault.target.clone(), source }
    }

    fn no_effect(&self, why: impl Into<String>) -> FaultError {
        FaultError::no_effect(self.fault.kind, &self.fault.target, why)
    }

    fn not_restored(&self, why: &impl ToString) -> FaultError {
        let (kind, target) = (self.fault.kind, self.fault.target.clone());
        FaultError::NotRestored { kind, target, why: why.to_string() }
    }
}

fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
