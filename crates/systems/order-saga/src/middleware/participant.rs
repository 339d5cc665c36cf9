//! A participant as the middleware sees it. While it is away, calls wait at a gate, and one prober
//! asks for all of them; when it is back, all go on at once. So a failover costs its clients its
//! own length, and no storm of retries.

use std::time::Duration;

use serde_json::Value;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::saga::Answer;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::plan::Role;
use crate::service::peer::{Call, CallError, Peer, PeerAddress, PeerLimits, Response};

/// One try of a call, the wait at the gate included.
const TRY_TIME_MAX: Duration = Duration::from_secs(1);

/// A participant that is there answers `/ready` by then.
const READY_TIME_MAX: Duration = Duration::from_millis(300);

/// How often one that is away is asked.
const ASK_AGAIN: Duration = Duration::from_millis(15);

const LIMITS: PeerLimits = PeerLimits { calls_max: 512, response_length_max: 64 * 1024 };

#[derive(Debug)]
pub(super) struct Participant {
    pub(super) role: Role,
    peer: Peer,
    is_open: watch::Sender<bool>,
}

impl Participant {
    pub(super) fn new(role: Role, address: PeerAddress) -> Self {
        let (is_open, _) = watch::channel(true);
        Self { role, peer: Peer::new(address, LIMITS), is_open }
    }

    /// Whether it was there when it was last asked.
    pub(super) fn is_there(&self) -> bool {
        *self.is_open.borrow()
    }

    /// Tries `call` once.
    pub(super) async fn call(&self, call: &Call) -> Answer<Value> {
        let deadline = Deadline::after(Instant::now(), TRY_TIME_MAX);
        if !self.is_open_by(deadline).await {
            return Answer::Unknown;
        }
        let result = self.peer.call(call, deadline).await;
        if let Ok(response) = &result
            && let Some(answer) = read(response)
        {
            return answer;
        }
        // One that is merely busy is not away.
        if !matches!(result, Err(CallError::Busy)) {
            let role = self.role.name();
            tracing::debug!(role, ?result, "a call has no outcome");
            self.is_open.send_replace(false);
        }
        Answer::Unknown
    }

    /// What it answers to a GET, whatever that is.
    pub(super) async fn get(
        &self,
        path: String,
        deadline: Deadline,
    ) -> Result<Response, CallError> {
        self.peer.call(&Call::get(path), deadline).await
    }

    /// Asks for it while it is away, for as long as the service lives.
    pub(super) async fn probe(&self) {
        let mut is_open = self.is_open.subscribe();
        while is_open.wait_for(|is_open| !is_open).await.is_ok() {
            let deadline = Deadline::after(Instant::now(), READY_TIME_MAX);
            match self.peer.call(&Call::get("/ready"), deadline).await {
                Ok(response) if response.status.is_success() => {
                    self.is_open.send_replace(true);
                }
                Ok(_) | Err(_) => sleep(ASK_AGAIN).await,
            }
        }
    }

    async fn is_open_by(&self, deadline: Deadline) -> bool {
        let mut is_open = self.is_open.subscribe();
        let opened = timeout_at(deadline.instant(), is_open.wait_for(|is_open| *is_open)).await;
        matches!(opened, Ok(Ok(_)))
    }
}

/// What a response says for certain; nothing if it leaves the outcome open.
fn read(response: &Response) -> Option<Answer<Value>> {
    let status = response.status;
    if status.is_success() {
        return serde_json::from_slice(&response.body).ok().map(Answer::Done);
    }
    // 412: somebody else drives this saga; 408 and 429: ask again.
    let is_final = status.is_client_error() && ![408, 412, 429].contains(&status.as_u16());
    is_final.then(|| {
        let reason = String::from_utf8_lossy(&response.body).into_owned();
        Answer::Refused { reason }
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_a_participant_says_for_certain_is_an_outcome() {
        let answer = |status: u16, body: &'static str| {
            let status = StatusCode::from_u16(status).unwrap();
            read(&Response { status, body: body.into() })
        };
        assert_eq!(answer(201, r#"{"a":1}"#), Some(Answer::Done(json!({ "a": 1 }))));
        assert_eq!(answer(200, "{\"a\":"), None, "half an answer");
        assert_eq!(answer(409, "no"), Some(Answer::Refused { reason: "no".to_owned() }));
        for open in [412, 429, 500, 502, 503, 504] {
            assert_eq!(answer(open, "{}"), None, "{open}");
        }
    }
}
