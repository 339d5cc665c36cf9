//! Waits for what a watchdog was asked to do, and shows what happens meanwhile.

use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use standfast_failover::watchdog::{Happened, Question, Status, ask};
use tokio::time::{Instant, interval, timeout};

use super::finding::{Found, status};
use crate::exit::{Answer, Exit, Failure};
use crate::output;

const LOOK_EVERY: Duration = Duration::from_millis(50);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What a look at the cluster tells of what was asked for.
pub(super) enum Progress {
    /// It is so.
    Done(String),
    /// It will not be so, and why.
    Refused(String),
    Open,
}

/// Asks for something, and waits until `judge` knows what became of it.
pub(super) async fn change(
    found: &Found,
    question: Question,
    within: Duration,
    judge: impl Fn(&Status, &[Happened]) -> Progress,
) -> Answer {
    let began = Instant::now();
    command(&found.socket, &question).await?;
    let mut known = found.status.events.last().map_or(0, |event| event.number);
    let mut happened = Vec::new();
    let mut looks = interval(LOOK_EVERY);
    while began.elapsed() < within {
        looks.tick().await;
        // A watchdog that is started again meanwhile goes on with what it had begun.
        let Ok(now) = status(&found.socket).await else { continue };
        if now.events.last().is_some_and(|event| event.number < known) {
            known = 0;
        }
        for event in now.events.iter().filter(|event| event.number > known) {
            show(event, began.elapsed());
            happened.push(event.clone());
        }
        known = now.events.last().map_or(known, |event| event.number);
        match judge(&now, &happened) {
            Progress::Done(text) => {
                output::result(format!("{text} (after {:.1} s)", began.elapsed().as_secs_f64()));
                return Ok(Exit::Held);
            }
            Progress::Refused(why) => return Err(refused(&why)),
            Progress::Open => {}
        }
    }
    if let Some(refusal) = happened.iter().rfind(|event| event.event == "refused") {
        return Err(refused(&format!("{} (and it tries again)", refusal.detail)));
    }
    let text = format!(
        "not known after {within:?}: the watchdog goes on, look with \
         `standfast failover status {}{}`",
        found.status.cluster,
        found.option()
    );
    Err(Failure::new(Exit::Unknown, anyhow!(text)))
}

async fn command(socket: &Path, question: &Question) -> Result<(), Failure> {
    let asked = timeout(ANSWER_WITHIN, ask(socket, question)).await;
    // It may have heard the question and died: then nobody knows what comes of it.
    let unheard = || {
        let text = format!("the watchdog at {} did not answer", socket.display());
        Failure::new(Exit::Unknown, anyhow!(text))
    };
    let answer = asked.map_err(|_elapsed| unheard())?.map_err(|_error| unheard())?;
    match answer.get("problem").and_then(serde_json::Value::as_str) {
        Some(problem) => Err(refused(problem)),
        None => Ok(()),
    }
}

fn refused(why: &str) -> Failure {
    Failure::new(Exit::Refuted, anyhow!("the watchdog refused: {why}"))
}

fn show(event: &Happened, after: Duration) {
    let Happened { event, node, detail, .. } = event;
    output::note(format!("  {:6.2} s  {event:<9} {node}: {detail}", after.as_secs_f64()));
}
