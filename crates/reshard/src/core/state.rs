//! The state machine of one move: it follows the script of the phase that is on disk, begins it
//! anew after whatever went wrong, and never forgets that writers wait.

use std::time::Duration;

use super::Moment;
use super::action::{Action, Comparison, CopyState, Handover, Outcome, Position, Standing};
use super::options::Options;
use super::record::{Ending, Leg, Phase, Record, Side, Wish};
use super::script::{self, Step};

/// Longer than this times the first backoff no wait grows.
const BACKOFF_GROWTH_MAX: u32 = 16;
/// An owner that is closed already waits this many pauses for its follower before it is opened
/// again.
const CLOSED_PAUSES: u32 = 10;

/// Decides on one move. One action is under way at a time.
#[derive(Clone, Debug)]
pub struct Core {
    /// What is on disk.
    record: Record,
    options: Options,
    wish: Option<Wish>,
    /// Where in the script of the phase.
    cursor: usize,
    /// What was seen of the owner since the phase began.
    standing: Option<Standing>,
    position: Option<Position>,
    /// The highest that was written, or may have been.
    mark: u64,
    /// Until when writers may wait, while they do.
    held_until: Option<Moment>,
    /// Something may be held, and must not be.
    must_release: bool,
    /// What is to be written down before anything else.
    pending: Option<(Record, Option<Handover>)>,
    wait_until: Moment,
    phase_began: Option<Moment>,
    pauses: u32,
    /// In a row: until what failed has been done.
    failures: u32,
    /// The furthest step of the script that failed.
    failed_at: usize,
    gives_up: Option<String>,
    /// When the copy was seen to get on, since the phase began.
    grown: Option<Growth>,
}

#[derive(Clone, Copy, Debug)]
struct Growth {
    ready: u32,
    errors: u32,
    at: Moment,
}

impl Core {
    /// Goes on from `record`. Its marks are higher than `mark`, up to which others may be in use: a
    /// follower that still shows one of them would seem to have everything.
    pub fn new(record: Record, options: Options, mark: u64) -> Self {
        Self {
            record,
            options,
            wish: None,
            cursor: 0,
            standing: None,
            position: None,
            mark,
            held_until: None,
            must_release: false,
            pending: None,
            wait_until: Moment::ZERO,
            phase_began: None,
            pauses: 0,
            failures: 0,
            failed_at: 0,
            gives_up: None,
            grown: None,
        }
    }

    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The highest mark that may be in use.
    pub fn mark(&self) -> u64 {
        self.mark
    }

    /// Do writers wait, or may they?
    pub fn is_holding(&self) -> bool {
        self.held_until.is_some() || self.must_release
    }

    /// What an operator wants from now on.
    pub fn wish(&mut self, wish: Option<Wish>) {
        self.wish = wish;
    }

    /// What is to be done next. It is told of the outcome before it is asked again.
    pub fn next(&mut self, now: Moment) -> Action {
        self.phase_began.get_or_insert(now);
        if self.must_release {
            return Action::Release;
        }
        if self.held_until.is_none() && self.pending.is_none() && self.gives_up.is_none() {
            self.heed(now);
        }
        if let Some((record, handover)) = &self.pending {
            return Action::Record { record: Box::new(record.clone()), handover: *handover };
        }
        if let Some(reason) = &self.gives_up {
            return Action::GiveUp(reason.clone());
        }
        if now < self.wait_until {
            return Action::Wait(self.wait_until - now);
        }
        if let Phase::Ended { ending } = self.record.phase {
            return Action::Finish(ending);
        }
        self.step(now)
    }

    fn step(&mut self, now: Moment) -> Action {
        let script = script::of(self.record.phase, self.standing, &self.options);
        let Some(step) = script.get(self.cursor) else {
            self.complete(now);
            return self.next(now);
        };
        match step.clone() {
            Step::Act(action) => action,
            Step::Mark(leg) => {
                self.mark += 1;
                Action::Mark { leg, value: self.mark }
            }
            Step::AwaitLag(leg) => self.look_for_mark(leg, self.options.lag_max),
            Step::AwaitClosed(leg) => {
                self.look_for_mark(leg, self.options.pause_max * CLOSED_PAUSES)
            }
            Step::AwaitHeld(leg) => {
                let until = self.held_until.unwrap_or_default();
                self.look_for_mark(leg, until.saturating_sub(now))
            }
            Step::Hold(leg) => {
                self.held_until = Some(now + self.options.pause_max);
                let epoch = self.standing.map_or(0, |standing| standing.epoch + 1);
                Action::Hold { leg, epoch, within: self.options.pause_max }
            }
            Step::OpenOwner(side) => match self.standing {
                Some(Standing { is_closed: true, epoch }) => Action::Open { side, epoch },
                Some(_) | None => {
                    self.cursor += 1;
                    self.step(now)
                }
            },
            Step::Keep => self.keep(now),
        }
    }

    fn look_for_mark(&self, leg: Leg, within: Duration) -> Action {
        Action::AwaitMark { leg, value: self.mark, within }
    }

    fn keep(&mut self, now: Moment) -> Action {
        let Phase::Kept { since } = self.record.phase else { unreachable!("only then is it kept") };
        let until = since.saturating_add(self.options.keep.max(self.record.keep));
        if let Some(problem) = self.record.undecided() {
            return Action::GiveUp(format!("both copies are kept: {problem}"));
        }
        if now >= until {
            self.turn_to(Phase::Cleaning { ending: Ending::Moved });
            return self.next(now);
        }
        Action::Wait((until - now).min(self.options.look_every))
    }

    /// Turns to what an operator wants, where that is possible.
    fn heed(&mut self, now: Moment) {
        let phase = self.record.phase;
        match (self.wish, phase) {
            (Some(Wish::Abort | Wish::Rollback), phase) if phase.is_before_switch() => {
                self.abort("an operator asked for it");
            }
            (Some(Wish::Rollback), Phase::Confirming | Phase::Kept { .. }) => {
                self.record.problem = None;
                self.turn_to(Phase::Returning);
            }
            (Some(Wish::Finish), Phase::Kept { .. }) => {
                self.turn_to(Phase::Cleaning { ending: Ending::Moved });
            }
            _ => {}
        }
        if self.pending.is_some() {
            self.wait_until = now;
        }
    }

    /// The script of the phase has come to its end.
    fn complete(&mut self, now: Moment) {
        match self.record.phase {
            Phase::Planned => self.turn_to(Phase::Capturing),
            Phase::Capturing => self.turn_to(Phase::Copying),
            Phase::Copying => self.turn_to(Phase::CatchingUp),
            Phase::CatchingUp => self.turn_to(Phase::Verifying),
            Phase::Verifying => self.turn_to(Phase::CuttingOver),
            Phase::CuttingOver => {
                let epoch = self.epoch();
                let position = self.position.expect("the script has settled it");
                self.turn_to(Phase::Switched { epoch: epoch + 1, position });
                self.hand_over(Side::Source, epoch);
            }
            Phase::StartingOver => self.turn_to(Phase::Planned),
            Phase::Switched { .. } => self.turn_to(Phase::Confirming),
            Phase::Confirming => self.turn_to(Phase::Kept { since: now }),
            Phase::Returning => {
                let epoch = self.epoch();
                self.turn_to(Phase::Cleaning { ending: Ending::RolledBack });
                self.hand_over(Side::Target, epoch);
            }
            Phase::Cleaning { ending } => self.turn_to(Phase::Ended { ending }),
            Phase::Kept { .. } | Phase::Ended { .. } => {
                unreachable!("these phases have no end of their own")
            }
        }
    }

    fn epoch(&self) -> u64 {
        self.standing.expect("the script has looked").epoch
    }

    fn turn_to(&mut self, phase: Phase) {
        self.pending = Some((self.record.in_phase(phase), None));
    }

    fn hand_over(&mut self, from: Side, epoch: u64) {
        if let Some((_, handover)) = &mut self.pending {
            *handover = Some(Handover { from, epoch });
        }
    }

    /// The slots stay where they are, and everything is taken away.
    fn abort(&mut self, problem: &str) {
        self.record.problem = Some(problem.to_owned());
        self.turn_to(Phase::Cleaning { ending: Ending::Aborted });
    }

    /// Tells how the action that was asked for has ended.
    pub fn tell(&mut self, outcome: Outcome, action: &Action, now: Moment) {
        let is_failure = matches!(outcome, Outcome::Failed(_));
        let is_step = !matches!(action, Action::Record { .. } | Action::Wait(_) | Action::Release);
        if !is_failure && is_step && self.cursor >= self.failed_at {
            (self.failures, self.failed_at) = (0, 0);
        }
        match (outcome, action) {
            (Outcome::Fenced, _) => {
                // Whatever is held ends with the session.
                (self.held_until, self.must_release, self.pending) = (None, false, None);
                self.gives_up = Some("another coordinator has taken over".to_owned());
            }
            // Its session is gone, and what was held with it.
            (Outcome::Failed(_), Action::Release) => self.released(&Outcome::Late, now),
            (Outcome::Failed(problem), _) => self.failed(&problem, now),
            (Outcome::Refused(problem), _) => self.refused(problem, now),
            (Outcome::Done, Action::Record { record, .. }) => {
                self.recorded(record, now);
            }
            (outcome, Action::Release) => self.released(&outcome, now),
            (Outcome::Late, action) => self.late(action, now),
            (Outcome::Standing(standing), _) => {
                self.standing = Some(standing);
                self.cursor += 1;
            }
            (Outcome::Settled(position), _) => {
                self.position = Some(position);
                self.cursor += 1;
            }
            (Outcome::Copy(state), _) => self.copied(state, now),
            (Outcome::Compared(comparison), _) => self.compared(&comparison, now),
            (Outcome::Done, Action::Wait(_)) => {}
            (Outcome::Done, action) => {
                if matches!(action, Action::Close(_)) {
                    self.held_until = None;
                }
                self.cursor += 1;
            }
        }
    }

    fn recorded(&mut self, record: &Record, now: Moment) {
        self.record = record.clone();
        self.pending = None;
        self.standing = None;
        self.position = None;
        (self.pauses, self.failures, self.failed_at) = (0, 0, 0);
        self.phase_began = Some(now);
        self.grown = None;
        self.begin_anew(now);
    }

    /// After a comparison's snapshots this is a step of the script, otherwise it mends something.
    fn released(&mut self, outcome: &Outcome, now: Moment) {
        let (is_step, was_held) = (!self.must_release, self.held_until.is_some());
        (self.held_until, self.must_release) = (None, false);
        if !is_step {
            return;
        }
        // The server may have taken the hold back before the snapshots were taken.
        if *outcome == Outcome::Done && was_held {
            self.cursor += 1;
        } else {
            self.paused_in_vain(now);
        }
    }

    fn late(&mut self, action: &Action, now: Moment) {
        let is_of_pause = self.held_until.is_some();
        if is_of_pause {
            self.must_release = true;
            self.paused_in_vain(now);
            return;
        }
        let is_closed = self.standing.is_some_and(|standing| standing.is_closed);
        let began = self.phase_began.unwrap_or(now);
        self.begin_anew(now + self.options.backoff);
        if is_closed || now.saturating_sub(began) >= self.options.catch_up_max {
            let problem = if matches!(action, Action::MakeSlot(_)) {
                "transactions that did not end kept the log from being read"
            } else {
                "the follower did not come close in time"
            };
            self.despair(format!("{problem} ({})", action.name()), now);
        }
    }

    fn paused_in_vain(&mut self, now: Moment) {
        let growth = (1_u32 << self.pauses.min(8)).min(BACKOFF_GROWTH_MAX);
        self.begin_anew(now + self.options.backoff * growth);
        self.pauses += 1;
        if self.pauses >= self.options.pauses_max {
            let (pause, count) = (self.options.pause_max, self.pauses);
            self.despair(
                format!("a pause would have been longer than {pause:?}, {count} times"),
                now,
            );
        }
    }

    /// What was tried will not come to be: the slots stay where they are.
    fn despair(&mut self, problem: String, now: Moment) {
        let phase = self.record.phase;
        if phase.is_before_switch() {
            self.abort(&problem);
        } else if matches!(phase, Phase::Confirming | Phase::Returning | Phase::Kept { .. }) {
            self.record.problem = Some(problem);
            self.turn_to(Phase::Kept { since: now });
        } else {
            self.gives_up = Some(problem);
        }
    }

    fn copied(&mut self, state: CopyState, now: Moment) {
        match state {
            CopyState::Tables { ready, all, .. } if ready == all => self.cursor += 1,
            CopyState::Tables { ready, errors, .. } => self.copying(ready, errors, now),
            CopyState::Missing => self.copy_lost(now),
        }
    }

    /// A copy may take as long as it takes, if it does not fail again and again meanwhile.
    fn copying(&mut self, ready: u32, errors: u32, now: Moment) {
        self.wait_until = now + self.options.look_every;
        let grown = *self.grown.get_or_insert(Growth { ready, errors, at: now });
        if ready > grown.ready {
            self.grown = Some(Growth { ready, errors, at: now });
        } else if errors > grown.errors && now.saturating_sub(grown.at) >= self.options.catch_up_max
        {
            let count = errors - grown.errors;
            let problem = format!("the copy has failed {count} times");
            self.despair(format!("{problem}: the log of the follower's server says why"), now);
        }
    }

    /// A slot does not survive the server that had it, nor what was applied and not yet on the
    /// replica the server that had that: such a copy cannot be told from a whole one.
    fn copy_lost(&mut self, now: Moment) {
        self.must_release |= self.held_until.is_some();
        self.begin_anew(now + self.options.backoff);
        let phase = self.record.phase;
        let problem = "its subscription, its slot or one of its servers was replaced";
        if matches!(phase, Phase::Switched { .. } | Phase::Confirming) {
            // Nothing is lost, and the new owner has everything; there is no way back.
            self.record.problem = Some(format!("the old owner does not follow: {problem}"));
            self.turn_to(Phase::Cleaning { ending: Ending::Moved });
        } else if !phase.is_before_switch() {
            self.despair(format!("the old owner does not follow: {problem}"), now);
        } else if self.record.restarts >= self.options.restarts_max {
            let count = self.record.restarts;
            self.abort(&format!("the copy was lost {} times: {problem}", count + 1));
        } else {
            self.record.restarts += 1;
            self.turn_to(Phase::StartingOver);
        }
    }

    fn compared(&mut self, comparison: &Comparison, now: Moment) {
        let Some(first) = comparison.differences.first() else {
            self.cursor += 1;
            return;
        };
        let count = comparison.differences.len();
        self.despair(format!("{count} slots differ; {first}"), now);
    }

    fn refused(&mut self, problem: String, now: Moment) {
        self.must_release |= self.held_until.is_some();
        self.begin_anew(now);
        if self.record.phase.is_before_switch() {
            self.abort(&problem);
        } else {
            self.gives_up = Some(problem);
        }
    }

    fn failed(&mut self, problem: &str, now: Moment) {
        self.must_release |= self.held_until.is_some();
        let growth = (1_u32 << self.failures.min(8)).min(BACKOFF_GROWTH_MAX);
        self.failed_at = self.failed_at.max(self.cursor);
        self.begin_anew(now + self.options.backoff * growth);
        self.failures += 1;
        if self.failures < self.options.failures_max {
            return;
        }
        (self.failures, self.failed_at) = (0, 0);
        if matches!(self.record.phase, Phase::CuttingOver | Phase::Returning) {
            // Nobody may be open: the old owner can be, if it is there.
            self.despair(problem.to_owned(), now);
        } else {
            self.gives_up = Some(problem.to_owned());
        }
    }

    /// The script of the phase from its first line, not before `at`.
    fn begin_anew(&mut self, at: Moment) {
        self.cursor = 0;
        self.wait_until = at;
        self.standing = None;
    }
}
