//! A payment replica as the cashier knows it: where it is, and by which key.

use std::sync::OnceLock;

use ed25519_dalek::VerifyingKey;
use standfast_tactics::deadline::Deadline;
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::wire::{ChargeKind, ComputeRequest, Hex, Introduction, Quote, SignedStatement};
use super::examine::{Asked, Heard, examine};
use super::round::Asker;
use super::settings::Settings;
use crate::service::peer::{Call, CallError, Peer, PeerAddress, PeerLimits};

/// A statement has some 600 bytes.
const RESPONSE_LENGTH_MAX: usize = 8 * 1024;

/// A replica.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) name: String,
    /// Connections of each asker: one that shared them would be known as one.
    first: Peer,
    second: Peer,
    key: OnceLock<VerifyingKey>,
}

/// What is asked in a vote.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) attempt: Uuid,
    quote: Quote,
    digest: Hex<32>,
    deadline: Deadline,
}

impl Question {
    pub(super) fn new(quote: Quote, deadline: Deadline) -> Self {
        let digest = quote.digest();
        Self { attempt: Uuid::now_v7(), quote, digest, deadline }
    }
}

/// The name under which `asker` of `cashier` asks.
fn name_of(asker: Asker, cashier: &str) -> String {
    match asker {
        Asker::First => format!("{cashier}/a"),
        Asker::Second => format!("{cashier}/b"),
    }
}

impl Replica {
    pub(super) fn new(name: String, address: PeerAddress, settings: &Settings) -> Self {
        let limits =
            PeerLimits { calls_max: settings.calls_max, response_length_max: RESPONSE_LENGTH_MAX };
        let (first, second) = (Peer::new(address.clone(), limits), Peer::new(address, limits));
        Self { name, first, second, key: OnceLock::new() }
    }

    pub(super) fn is_known(&self) -> bool {
        self.key.get().is_some()
    }

    /// From now on it is known by `key`, unless it was known before.
    pub(super) fn know(&self, key: VerifyingKey) {
        let _ = self.key.set(key);
    }

    /// Has it introduce itself.
    pub(super) async fn introduction(&self, deadline: Deadline) -> Option<Introduction> {
        let response = self.first.call(&Call::get("/key"), deadline).await.ok()?;
        let said: Introduction = serde_json::from_slice(&response.body).ok()?;
        (said.replica == self.name && said.key().is_some()).then_some(said)
    }

    /// Asks it as `asker` of `cashier`. Nothing when it says nothing in time.
    pub(super) async fn ask(
        &self,
        question: &Question,
        asker: Asker,
        cashier: &str,
    ) -> Option<Heard> {
        let name = name_of(asker, cashier);
        let request = ComputeRequest {
            kind: ChargeKind::Charge,
            attempt: question.attempt,
            asker: name.clone(),
            quote: question.quote.clone(),
        };
        let body = serde_json::to_vec(&request).expect("a request has string keys");
        let call = Call::post("/charges/compute", body);
        let peer = match asker {
            Asker::First => &self.first,
            Asker::Second => &self.second,
        };
        let response = match peer.call(&call, question.deadline).await {
            Ok(response) => response,
            Err(CallError::Timeout) => return None,
            Err(error) => {
                tracing::debug!(%error, replica = self.name, "no answer");
                return Some(Heard::Failed);
            }
        };
        let (Ok(signed), Some(key)) =
            (serde_json::from_slice::<SignedStatement>(&response.body), self.key.get())
        else {
            return Some(Heard::Failed);
        };
        let asked = Asked {
            replica: &self.name,
            asker: &name,
            kind: ChargeKind::Charge,
            attempt: question.attempt,
            reservation_id: question.quote.reservation_id,
            quote_digest: question.digest,
        };
        Some(examine(signed, asked, key, OffsetDateTime::now_utc()))
    }
}
