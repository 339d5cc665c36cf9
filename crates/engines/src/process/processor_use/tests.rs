//! Shares from made-up looks at a machine of two processors, and from this one.

use std::time::Duration;

use super::*;

const ROOT: u32 = 100;

fn process(parent: u32, spent: u64) -> Process {
    Process { parent, spent, start_time: 1, ..Process::default() }
}

/// A second of two processors with 100 ticks each begins, or ends after `idle` of them.
fn look(at: Instant, idle: u64, processes: &[(u32, Process)]) -> ProcessorTime {
    ProcessorTime {
        at,
        processors: 2,
        idle,
        interrupts: 0,
        stolen: 0,
        processes: processes.iter().copied().collect(),
        ticks_per_second: 100.0,
    }
}

fn check(before: &[(u32, Process)], after: &[(u32, Process)], own: f64, foreign: f64) {
    let start = Instant::now();
    let earlier = look(start, 1000, before);
    let later = look(start + Duration::from_secs(1), 1040, after);
    let found = later.shares_since(&earlier, ROOT);
    assert!((found.own - own).abs() < 1e-9, "{found:?}, {own} own");
    assert!((found.foreign - foreign).abs() < 1e-9, "{found:?}, {foreign} foreign");
}

#[test]
fn what_nobody_else_used_is_foreign() {
    // Of 200 ticks 40 were idle; the tree used 60.
    let before = [(ROOT, process(1, 10)), (101, process(ROOT, 0)), (7, process(1, 500))];
    let after = [(ROOT, process(1, 30)), (101, process(ROOT, 40)), (7, process(1, 600))];
    check(&before, &after, 0.3, 0.5);
    check(&before[..2], &after[..2], 0.3, 0.5);
}

#[test]
fn the_kernel_and_those_who_make_way_are_not_foreign() {
    let makes_way = |process: Process| {
        [
            Process { flags: KERNEL_THREAD, ..process },
            Process { policy: IDLE_POLICY, ..process },
            Process { nice: 19, ..process },
        ]
    };
    let root = (ROOT, process(1, 0));
    for (then, now) in makes_way(process(1, 5)).into_iter().zip(makes_way(process(1, 105))) {
        check(&[root, (7, then)], &[root, (7, now)], 0.0, 0.3);
    }
    // To somebody who is idle himself, another idle program is one like any other.
    let idle = |spent| Process { policy: IDLE_POLICY, ..process(1, spent) };
    check(&[(ROOT, idle(0)), (7, idle(0))], &[(ROOT, idle(0)), (7, idle(100))], 0.0, 0.8);
}

#[test]
fn a_child_that_ended_stays_with_its_parent() {
    let parent = |spent, inherited| Process { inherited, ..process(1, spent) };
    // It had used 300 ticks before, and 50 more until it ended.
    let before = [(ROOT, parent(0, 20)), (101, process(ROOT, 300))];
    check(&before, &[(ROOT, parent(0, 370))], 0.25, 0.55);
    // Its parent did not wait for it, so that nothing is known of its end.
    check(&before, &[(ROOT, parent(10, 20))], 0.05, 0.75);
    // Another process with its number is another one.
    let other = Process { start_time: 2, ..process(ROOT, 4) };
    check(&before, &[(ROOT, parent(0, 370)), (101, other)], 0.27, 0.53);
}

#[test]
fn what_the_host_took_is_nobodys() {
    let start = Instant::now();
    let earlier = look(start, 0, &[(ROOT, process(1, 0))]);
    let later = look(start + Duration::from_secs(1), 40, &[(ROOT, process(1, 60))]);
    let later = ProcessorTime { stolen: 80, interrupts: 20, ..later };
    let expected = ProcessorUse { own: 0.3, foreign: 0.0, stolen: 0.4 };
    assert_eq!(later.shares_since(&earlier, ROOT), expected);
}

#[test]
fn a_line_of_the_kernel_is_understood_whatever_the_program_is_called() {
    let text = "41 (a) (b c)) S 7 40 40 0 -1 4194560 1 0 0 0 11 2 30 4 20 0 1 0 987654 1 2 3 \
                4 5 6 7 8 9 10 11 12 13 14 15 16 17 0 5 0 0 0 0 0\n";
    let expected = Process {
        parent: 7,
        flags: 4_194_560,
        spent: 13,
        inherited: 34,
        nice: 0,
        start_time: 987_654,
        policy: 5,
    };
    assert_eq!(parse(text), Some(expected));
}

/// Of this machine, where no program makes way: a test may be run with any priority.
fn look_at_this_machine() -> ProcessorTime {
    let mut look = ProcessorTime::read().unwrap();
    for process in look.processes.values_mut() {
        (process.policy, process.nice) = (0, 0);
    }
    look
}

#[test]
fn work_of_this_process_is_its_own_and_foreign_to_everybody_else() {
    let before = look_at_this_machine();
    let (us, somebody) = (std::process::id(), u32::MAX);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut work = 0_u64;
    loop {
        for number in 0..1_000_000_u64 {
            work = std::hint::black_box(work.wrapping_mul(31).wrapping_add(number));
        }
        let now = look_at_this_machine();
        let spent = now.spent_since(&before, &now.tree_of(us));
        if spent >= 50.0 {
            let ours = now.shares_since(&before, us);
            let theirs = now.shares_since(&before, somebody);
            assert!(ours.own > 0.0 && theirs.own <= 0.0, "{ours:?} {theirs:?}");
            // Ticks of all processes are rounded, each for itself.
            assert!(theirs.foreign + 0.1 > ours.foreign + ours.own, "{ours:?} {theirs:?}");
            return;
        }
        assert!(Instant::now() < deadline, "{spent} ticks after a minute of work");
    }
}
