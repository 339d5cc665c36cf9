//! Detectors that listen: heartbeat and phi, and what follows from push and pull together.

use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::detect::{
    Advice, Change, Evidence, Heartbeat, HeartbeatPolicy, Phi, PhiPolicy, Standing,
};
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Something that takes beats and is looked at.
trait Listens {
    fn beat(&mut self, incarnation: u64, now: Instant) -> Option<Change>;
    fn check(&mut self, now: Instant) -> Option<Change>;
}

impl Listens for Heartbeat {
    fn beat(&mut self, incarnation: u64, now: Instant) -> Option<Change> {
        Heartbeat::beat(self, incarnation, now)
    }
    fn check(&mut self, now: Instant) -> Option<Change> {
        Heartbeat::check(self, now)
    }
}

impl Listens for Phi {
    fn beat(&mut self, incarnation: u64, now: Instant) -> Option<Change> {
        Phi::beat(self, incarnation, now)
    }
    fn check(&mut self, now: Instant) -> Option<Change> {
        Phi::check(self, now)
    }
}

/// Checks every 200 ms from `from` to `to`, with a beat whenever `is_beat` says so.
fn run(
    listener: &mut impl Listens,
    start: Instant,
    (from, to): (u32, u32),
    is_beat: impl Fn(u32) -> bool,
) -> Vec<(u32, Change)> {
    let mut changes = Vec::new();
    for step in from..to {
        let now = start + step * 200 * MS;
        let beat = is_beat(step).then(|| listener.beat(1, now)).flatten();
        changes.extend(beat.or_else(|| listener.check(now)).map(|change| (step, change)));
    }
    changes
}

#[test]
fn silence_makes_suspect_then_down_and_two_beats_bring_it_back() {
    let start = Instant::now();
    let mut heartbeat = Heartbeat::try_new(HeartbeatPolicy::default(), start).unwrap();
    let every_second = |step: u32| step.is_multiple_of(5) && !(11..=40).contains(&step);
    let changes = run(&mut heartbeat, start, (0, 60), every_second);
    let to: Vec<_> = changes.iter().map(|(step, change)| (*step, change.to)).collect();
    // The last beat is at step 10; 1.5 s and 3 s later are steps 18 and 25.
    assert_eq!(to, [(18, Standing::Suspect), (25, Standing::Down), (50, Standing::Up)]);
    assert_eq!(changes.last().map(|(_, change)| change.epoch), Some(2));
    assert_eq!(HeartbeatPolicy::default().bound(), 3200 * MS);
}

#[test]
fn a_check_that_comes_late_blames_nobody_and_the_next_one_may() {
    let start = Instant::now();
    let mut heartbeat = Heartbeat::try_new(HeartbeatPolicy::default(), start).unwrap();
    let late = start + 60 * SECOND;
    assert_eq!(heartbeat.check(late), None, "we were stopped, not the target");
    let down = heartbeat.check(late + 200 * MS).map(|change| change.to);
    assert_eq!(down, Some(Standing::Down), "no beat was waiting to be read");
    let mut phi = Phi::try_new(PhiPolicy::default()).unwrap();
    phi.beat(1, start);
    assert_eq!(phi.check(start + 200 * MS), None);
    assert_eq!(phi.check(late), None);
    assert!(phi.check(late + 200 * MS).is_some());
}

#[test]
fn a_restart_is_told_even_if_no_beat_was_missed_and_a_ghost_is_not_heard() {
    let start = Instant::now();
    let restarted = Change { from: Standing::Up, to: Standing::Up, epoch: 1 };
    let mut heartbeat = Heartbeat::try_new(HeartbeatPolicy::default(), start).unwrap();
    let mut phi = Phi::try_new(PhiPolicy::default()).unwrap();
    let listeners: [&mut dyn Listens; 2] = [&mut heartbeat, &mut phi];
    for listener in listeners {
        assert_eq!(listener.beat(7, start), None, "the first one is no restart");
        assert_eq!(listener.beat(8, start + SECOND), Some(restarted));
        // The process before goes on for a while: what it says is no sign of life.
        let changes = (2..200_u32).find_map(|second| {
            let now = start + second * SECOND / 5;
            listener.beat(7, now);
            listener.check(now)
        });
        assert!(changes.is_some(), "only the ghost has beaten");
    }
}

#[test]
fn phi_waits_for_as_long_as_the_intervals_make_it_wait() {
    let start = Instant::now();
    let policy = PhiPolicy { pause: Duration::ZERO, ..PhiPolicy::default() };
    let mut regular = Phi::try_new(policy).unwrap();
    let mut erratic = Phi::try_new(policy).unwrap();
    for beat in 0..100_u32 {
        regular.beat(1, start + beat * SECOND);
        let wobble = if beat % 2 == 0 { 300 * MS } else { Duration::ZERO };
        erratic.beat(1, start + beat * SECOND + wobble);
    }
    let (regular, erratic) = (regular.down_after(), erratic.down_after());
    // Beats like a clock's: 5.6 deviations of the least size, 100 ms, above one second.
    assert!(regular.abs_diff(1561 * MS) < 20 * MS, "{regular:?}");
    assert!(erratic > 2600 * MS, "a deviation of 300 ms is three times that: {erratic:?}");
}

#[test]
fn phi_goes_down_when_it_said_it_would() {
    let start = Instant::now();
    let mut phi = Phi::try_new(PhiPolicy::default()).unwrap();
    run(&mut phi, start, (0, 101), |step| step.is_multiple_of(5));
    let within = phi.down_after();
    let changes = run(&mut phi, start, (101, 200), |_| false);
    let down = changes.iter().find(|(_, change)| change.to == Standing::Down);
    let silent_for = (down.unwrap().0 - 100) * 200 * MS;
    assert!(silent_for >= within && silent_for < within + 200 * MS, "{silent_for:?} {within:?}");
    assert_eq!(changes[0].1.to, Standing::Suspect, "suspicion comes first");
}

#[test]
fn before_anything_is_known_a_quarter_of_the_first_estimate_is_the_deviation() {
    let policy = PhiPolicy { pause: Duration::ZERO, ..PhiPolicy::default() };
    let mut phi = Phi::try_new(policy).unwrap();
    let start = Instant::now();
    assert!(phi.phi(start + 60 * SECOND) < 1e-9, "who was never heard is not missed");
    phi.beat(1, start);
    // 1 s + 5.612 × 250 ms.
    assert!(phi.down_after().abs_diff(2403 * MS) < 2 * MS, "{:?}", phi.down_after());
}

#[test]
fn the_interval_that_ends_a_failure_is_not_learned() {
    let start = Instant::now();
    let mut phi = Phi::try_new(PhiPolicy::default()).unwrap();
    run(&mut phi, start, (0, 101), |step| step.is_multiple_of(5));
    let before = phi.down_after();
    run(&mut phi, start, (101, 1000), |_| false);
    run(&mut phi, start, (1000, 1001), |_| true);
    assert_eq!(phi.down_after(), before);
}

#[test]
fn phi_stays_finite_and_ordered_for_the_most_regular_beat() {
    let policy = PhiPolicy {
        deviation_min: Duration::from_nanos(1),
        pause: Duration::ZERO,
        ..PhiPolicy::default()
    };
    let start = Instant::now();
    let mut phi = Phi::try_new(policy).unwrap();
    let mut last = start;
    for beat in 0..2000_u32 {
        last = start + beat * 100 * MS;
        phi.beat(1, last);
    }
    let levels: Vec<f64> =
        [150, 200, 1000, 60_000, 3_600_000, u32::MAX].map(|ms| phi.phi(last + ms * MS)).to_vec();
    assert!(levels.iter().all(|level| level.is_finite()), "{levels:?}");
    assert!(levels.is_sorted_by(|one, other| one < other), "{levels:?}");
}

#[test]
fn one_silent_channel_is_too_little_to_act_on() {
    use Standing::{Down, Suspect, Up};
    let check = |push, pull, peers_reach_it, advice| {
        assert_eq!(Evidence { push, pull, peers_reach_it }.advice(), advice, "{push:?} {pull:?}");
    };
    check(Up, Up, None, Advice::Keep);
    check(Up, Suspect, None, Advice::Watch);
    check(Suspect, Up, None, Advice::Watch);
    check(Up, Down, None, Advice::Degrade);
    check(Down, Up, None, Advice::AskPeers);
    check(Down, Suspect, Some(2), Advice::Watch);
    check(Down, Up, Some(0), Advice::Remove);
    check(Down, Down, Some(2), Advice::Remove);
}

#[test]
fn impossible_policies_are_refused_by_name() {
    let now = Instant::now();
    let heartbeat = HeartbeatPolicy { down_after: MS, ..HeartbeatPolicy::default() };
    let refused = Heartbeat::try_new(heartbeat, now).unwrap_err().to_string();
    assert!(refused.contains("down_after"), "{refused}");
    let default = PhiPolicy::default();
    let broken = [
        (PhiPolicy { down_at: f64::NAN, ..default }, "down_at"),
        (PhiPolicy { deviation_min: Duration::ZERO, ..default }, "deviation_min"),
        (PhiPolicy { samples_max: 1, ..default }, "samples_max"),
    ];
    for (policy, field) in broken {
        let refused = Phi::try_new(policy).unwrap_err().to_string();
        assert!(refused.contains(field), "{refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn phi_never_falls_while_the_silence_lasts(
        intervals in prop::collection::vec(0..5000_u64, 0..50),
        silences in prop::collection::vec(0..100_000_u64, 2..20),
    ) {
        let mut now = Instant::now();
        let mut phi = Phi::try_new(PhiPolicy::default()).unwrap();
        phi.beat(1, now);
        for interval in intervals {
            now += Duration::from_millis(interval);
            phi.beat(1, now);
        }
        let mut last = 0.0;
        for silence in silences {
            now += Duration::from_millis(silence);
            let level = phi.phi(now);
            prop_assert!(level.is_finite() && level >= last);
            last = level;
        }
    }

    #[test]
    fn epochs_only_grow_and_every_change_is_one(
        steps in prop::collection::vec((0..2000_u64, any::<bool>(), 1..4_u64), 1..200),
    ) {
        let mut now = Instant::now();
        let mut heartbeat = Heartbeat::try_new(HeartbeatPolicy::default(), now).unwrap();
        let (mut standing, mut epoch) = (Standing::Up, 0);
        for (wait, is_beat, incarnation) in steps {
            now += Duration::from_millis(wait);
            let change =
                if is_beat { heartbeat.beat(incarnation, now) } else { heartbeat.check(now) };
            if let Some(change) = change {
                prop_assert_eq!(change.from, standing);
                let is_restart = change.from == change.to;
                let crosses = change.from == Standing::Down || change.to == Standing::Down;
                prop_assert_eq!(change.epoch, epoch + u64::from(is_restart || crosses));
                (standing, epoch) = (change.to, change.epoch);
            }
        }
        prop_assert_eq!(heartbeat.standing(), standing);
    }
}
