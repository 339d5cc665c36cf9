//! The sagas that this process knows: by id, and by the key of their client.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::saga::{Cause, Outcome, Saga, Standing};
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use uuid::Uuid;

use super::backlog::{Backlog, Limits, Refused};
use super::journal::ClientOrder;
use super::plan::{ORDER_STEP, Role};

/// Ended sagas that are kept, as many as in the journal.
const ENDED_MAX: usize = 20_000;

/// Where a saga is, as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) standing: Standing,
    pub(super) is_parked: bool,
    /// The name of the step that it is at.
    pub(super) at_step: Option<&'static str>,
    pub(super) turned_back: Option<(usize, Cause)>,
    /// The order, once it is made.
    pub(super) order: Option<Value>,
}

impl Progress {
    pub(super) fn of(saga: &Saga<Value>) -> Self {
        Self {
            standing: saga.standing(),
            is_parked: saga.is_parked(),
            at_step: saga.due().map(|(step, _)| Role::ALL[step].name()),
            turned_back: saga.turned_back().map(|(step, cause)| (step, cause.clone())),
            order: saga.answer(ORDER_STEP).cloned(),
        }
    }

    /// Whether it is taken back for want of an outcome.
    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.turned_back, Some((_, Cause::GaveUp { .. })))
    }

    /// Whether it is certain what becomes of the order.
    pub(super) fn is_decided(&self) -> bool {
        self.turned_back.is_some() || self.is_ended()
    }

    pub(super) fn is_ended(&self) -> bool {
        matches!(self.standing, Standing::Ended(_))
    }

    /// For `GET /sagas?state=`.
    pub(super) fn state(&self) -> &'static str {
        match self.standing {
            _ if self.is_parked => "parked",
            Standing::Forth => "running",
            Standing::Back => "compensating",
            Standing::Ended(Outcome::Completed) => "completed",
            Standing::Ended(Outcome::Compensated) => "compensated",
        }
    }
}

/// A saga and what others need to know of it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) id: Uuid,
    pub(super) order: ClientOrder,
    pub(super) progress: watch::Sender<Progress>,
    /// Somebody wants it to be tried at once.
    pub(super) resume: Notify,
}

impl Case {
    pub(super) fn new(id: Uuid, order: ClientOrder, saga: &Saga<Value>) -> Arc<Self> {
        let (progress, _) = watch::channel(Progress::of(saga));
        Arc::new(Self { id, order, progress, resume: Notify::new() })
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    pub(super) fn view(&self) -> SagaView<'_> {
        let progress = self.progress();
        let reason = progress.turned_back.as_ref().map(|(step, cause)| {
            let why = match cause {
                Cause::Refused { reason } => format!("declined: {reason}"),
                Cause::GaveUp { tries } => format!("no outcome after {tries} tries"),
            };
            format!("{}: {why}", Role::ALL[*step].name())
        });
        SagaView {
            saga_id: self.id,
            state: progress.state(),
            at_step: progress.at_step,
            reason,
            product_id: &self.order.product_id,
            quantity: self.order.quantity,
            customer: &self.order.customer,
            began_at: self.order.at,
        }
    }
}

/// A saga as `GET /sagas` shows it.
#[derive(Debug, Serialize)]
pub(super) struct SagaView<'a> {
    saga_id: Uuid,
    state: &'static str,
    at_step: Option<&'static str>,
    reason: Option<String>,
    product_id: &'a str,
    quantity: u32,
    customer: &'a str,
    #[serde(with = "time::serde::rfc3339")]
    began_at: OffsetDateTime,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(super) enum Admission {
    /// It begins a saga, which somebody has to drive.
    New(Arc<Case>),
    /// There is a saga under its key.
    Known(Arc<Case>),
    /// Its key was used for something else.
    Conflict,
    /// As many sagas go on as may.
    Full,
    /// It would be decided after its deadline.
    TooLate(Refused),
}

/// How much is worked on at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Sagas that go on.
    pub(super) open_max: usize,
    pub(super) undecided: Limits,
}

#[derive(Debug)]
struct Cases {
    by_id: BTreeMap<Uuid, Arc<Case>>,
    by_key: HashMap<String, Uuid>,
    ended: VecDeque<Uuid>,
    backlog: Backlog,
}

/// All sagas.
#[derive(Debug)]
pub(super) struct Ledger {
    cases: Mutex<Cases>,
    bounds: Bounds,
}

impl Ledger {
    pub(super) fn new(bounds: Bounds) -> Self {
        let cases = Cases {
            by_id: BTreeMap::new(),
            by_key: HashMap::new(),
            ended: VecDeque::new(),
            backlog: Backlog::new(bounds.undecided),
        };
        Self { cases: Mutex::new(cases), bounds }
    }

    /// Admits an order of a client that waits until `deadline`. `case` makes the saga, if there is
    /// to be one.
    pub(super) fn admit(
        &self,
        order: &ClientOrder,
        deadline: Deadline,
        case: impl FnOnce() -> Arc<Case>,
    ) -> Admission {
        let mut cases = self.lock();
        let known = order.client_key.as_ref().and_then(|key| cases.by_key.get(key));
        if let Some(known) = known.and_then(|id| cases.by_id.get(id)) {
            if known.order.client_hash != order.client_hash {
                return Admission::Conflict;
            }
            let progress = known.progress();
            // Nothing is left of one that was given up, so its client may try again.
            if !(progress.is_given_up() && progress.is_ended()) {
                return Admission::Known(Arc::clone(known));
            }
        }
        if cases.by_id.len() - cases.ended.len() >= self.bounds.open_max {
            return Admission::Full;
        }
        let now = Instant::now();
        if let Err(refused) = cases.backlog.admit(now, deadline.remaining(now)) {
            return Admission::TooLate(refused);
        }
        let case = case();
        cases.insert(&case);
        Admission::New(case)
    }

    /// Takes up a saga from the journal.
    pub(super) fn restore(&self, case: &Arc<Case>) {
        let mut cases = self.lock();
        cases.insert(case);
        let progress = case.progress();
        if !progress.is_decided() {
            cases.backlog.restore();
        }
        if progress.is_ended() {
            cases.end(case.id);
        }
    }

    /// A saga has come to `progress`. This is where an order leaves the backlog.
    pub(super) fn went_on(&self, case: &Case, progress: Progress) {
        let (is_decided, is_given_up) = (progress.is_decided(), progress.is_given_up());
        let before = case.progress.send_replace(progress);
        if is_decided && !before.is_decided() {
            let backlog = &mut self.lock().backlog;
            if is_given_up {
                backlog.given_up(Instant::now());
            } else {
                backlog.decided(Instant::now());
            }
        }
    }

    /// A saga has ended.
    pub(super) fn ended(&self, id: Uuid) {
        self.lock().end(id);
    }

    pub(super) fn find(&self, id: Uuid) -> Option<Arc<Case>> {
        self.lock().by_id.get(&id).cloned()
    }

    /// Sagas after `after` in the order of their ids that are in `state`, if one is asked for.
    pub(super) fn list(&self, state: Option<&str>, after: Uuid, limit: usize) -> Vec<Arc<Case>> {
        let cases = self.lock();
        let later = cases.by_id.range(after..).filter(|(id, _)| **id != after);
        let is_wanted =
            |case: &&Arc<Case>| state.is_none_or(|state| case.progress.borrow().state() == state);
        later.map(|(_, case)| case).filter(is_wanted).take(limit).cloned().collect()
    }

    /// How many sagas go on, and how many of them are parked.
    pub(super) fn open(&self) -> (usize, usize) {
        let cases = self.lock();
        let open = cases.by_id.len() - cases.ended.len();
        let is_parked = |case: &&Arc<Case>| case.progress.borrow().is_parked;
        (open, cases.by_id.values().filter(is_parked).count())
    }

    /// How many orders are not decided, and how many there may be for a client with all of its
    /// time.
    pub(super) fn undecided(&self) -> (usize, usize) {
        let cases = self.lock();
        let most = cases.backlog.most(self.bounds.undecided.deadline);
        let open_max = self.bounds.open_max;
        (cases.backlog.undecided(), most.map_or(open_max, |most| most.min(open_max)))
    }

    fn lock(&self) -> MutexGuard<'_, Cases> {
        self.cases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cases {
    fn insert(&mut self, case: &Arc<Case>) {
        if let Some(key) = &case.order.client_key {
            self.by_key.insert(key.clone(), case.id);
        }
        self.by_id.insert(case.id, Arc::clone(case));
    }

    fn end(&mut self, id: Uuid) {
        self.ended.push_back(id);
        while self.ended.len() > ENDED_MAX {
            let Some(oldest) = self.ended.pop_front() else { return };
            let Some(case) = self.by_id.remove(&oldest) else { continue };
            // The key may belong to a later saga by now.
            if let Some(key) = &case.order.client_key
                && self.by_key.get(key) == Some(&oldest)
            {
                self.by_key.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use standfast_tactics::saga::Entry;

    use super::super::plan::definition;
    use super::*;

    fn order(key: &str, hash: i64) -> ClientOrder {
        ClientOrder {
            product_id: "PROD-001".to_owned(),
            quantity: 1,
            customer: "ada".to_owned(),
            client_key: Some(key.to_owned()),
            client_hash: hash,
            at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn case(order: &ClientOrder) -> Arc<Case> {
        Case::new(Uuid::now_v7(), order.clone(), &Saga::new(definition()))
    }

    fn ledger(open_max: usize) -> Ledger {
        let undecided = Limits { floor: 1, deadline: Duration::from_secs(5) };
        Ledger::new(Bounds { open_max, undecided })
    }

    fn deadline() -> Deadline {
        Deadline::after(Instant::now(), Duration::from_secs(5))
    }

    #[test]
    fn one_key_is_one_saga_unless_nothing_came_of_it() {
        let ledger = ledger(2);
        let first = order("k", 1);
        let Admission::New(new) = ledger.admit(&first, deadline(), || case(&first)) else {
            panic!("new")
        };
        let again = ledger.admit(&first, deadline(), || case(&first));
        assert!(matches!(again, Admission::Known(known) if known.id == new.id));
        let other = order("k", 2);
        assert!(matches!(ledger.admit(&other, deadline(), || case(&other)), Admission::Conflict));
        let mut saga = Saga::new(definition());
        saga.apply(&Entry::Intended { step: 0 }).unwrap();
        let cause = Cause::GaveUp { tries: 60 };
        saga.apply(&Entry::TurnedBack { step: 0, cause }).unwrap();
        new.progress.send_replace(Progress::of(&saga));
        let early = ledger.admit(&first, deadline(), || case(&first));
        assert!(matches!(early, Admission::Known(_)), "it is not undone yet");
        saga.apply(&Entry::Undone { step: 0 }).unwrap();
        new.progress.send_replace(Progress::of(&saga));
        ledger.ended(new.id);
        let later = ledger.admit(&first, deadline(), || case(&first));
        assert!(matches!(later, Admission::New(later) if later.id != new.id));
    }

    #[test]
    fn only_so_many_go_on_at_once() {
        let ledger = ledger(1);
        let (first, second) = (order("a", 1), order("b", 1));
        let Admission::New(new) = ledger.admit(&first, deadline(), || case(&first)) else {
            panic!("new")
        };
        assert!(matches!(ledger.admit(&second, deadline(), || case(&second)), Admission::Full));
        assert_eq!(ledger.open(), (1, 0));
        ledger.ended(new.id);
        assert!(matches!(ledger.admit(&second, deadline(), || case(&second)), Admission::New(_)));
        assert_eq!(ledger.list(Some("running"), Uuid::nil(), 10).len(), 2);
        assert!(ledger.list(Some("parked"), Uuid::nil(), 10).is_empty());
    }
}
