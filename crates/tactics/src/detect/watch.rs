//! Drives an echo: sends, waits, and reports what changes.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::echo::{Echo, EchoResult};
use super::standing::Change;

/// Watches a target for as long as this is polled; dropped, it ends the echoes on their way.
///
/// `send` makes one echo. It need not have a timeout: it is cancelled once its result is of no more
/// use. An echo that panics is a bad one.
pub async fn watch<F>(mut echo: Echo, mut send: impl FnMut() -> F, mut report: impl FnMut(Change))
where
    F: Future<Output = EchoResult> + Send + 'static,
{
    let (mut calls, mut ids) = (JoinSet::new(), HashMap::new());
    loop {
        let tick = echo.tick(Instant::now());
        tick.change.into_iter().for_each(&mut report);
        if let Some(id) = tick.send {
            let call = calls.spawn(send());
            ids.insert(call.id(), (id, call));
        }
        ids.retain(|_, (id, call)| {
            let is_awaited = echo.awaits(*id);
            if !is_awaited {
                call.abort();
            }
            is_awaited
        });
        // With no call on its way the set answers at once, and would keep the loop from sleeping.
        let next_tick = echo.next_tick();
        let joined = if calls.is_empty() {
            tokio::time::sleep_until(next_tick).await;
            continue;
        } else {
            timeout_at(next_tick, calls.join_next_with_id()).await
        };
        let (call, result) = match joined {
            Ok(Some(Ok((call, result)))) => (call, result),
            Ok(Some(Err(ended))) => (ended.id(), EchoResult::Bad),
            Ok(None) | Err(_) => continue,
        };
        if let Some((id, _)) = ids.remove(&call) {
            echo.result(id, result, Instant::now()).into_iter().for_each(&mut report);
        }
    }
}
