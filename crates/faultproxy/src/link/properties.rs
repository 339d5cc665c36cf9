//! Properties of a link under any toxics, added, changed and taken away at any time.

use bytes::Bytes;
use proptest::prelude::*;

use super::End;
use crate::toxic::bench::{Arrival, Bench, downstream, ms};
use crate::toxic::{
    Bandwidth, Down, HttpSlowHeader, HttpStatus, Latency, LimitData, Noop, ResetPeer, Schedule,
    Slicer, SlowClose, Timeout, Toxic, ToxicKind, Window,
};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n1234567";

#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Wait(u64),
    Add(Toxic),
    Change { place: usize, to: Toxic },
    Remove { place: usize },
}

fn steps(kind: impl Strategy<Value = ToxicKind> + Clone + 'static) -> BoxedStrategy<Vec<Step>> {
    let step = prop_oneof![
        4 => (1..3000_usize).prop_map(Step::Send),
        4 => (0..400_u64).prop_map(Step::Wait),
        2 => toxic(kind.clone()).prop_map(Step::Add),
        1 => (any::<usize>(), toxic(kind)).prop_map(|(place, to)| Step::Change { place, to }),
        1 => any::<usize>().prop_map(|place| Step::Remove { place }),
    ];
    proptest::collection::vec(step, 1..40).boxed()
}

fn toxic(kind: impl Strategy<Value = ToxicKind>) -> impl Strategy<Value = Toxic> {
    let window = (0..300_u64, proptest::option::of(1..300_u64), proptest::option::of(1..300_u64));
    let window = window.prop_map(|(after_ms, for_ms, pause_ms)| {
        let every_ms = for_ms.zip(pause_ms).map(|(for_ms, pause_ms)| for_ms + pause_ms);
        Schedule::try_from(Window { after_ms, for_ms, every_ms }).expect("it pauses")
    });
    let toxicity = prop_oneof![Just(0.5_f32), Just(1.0)];
    (kind, toxicity, proptest::option::weighted(0.3, window))
        .prop_map(|(kind, toxicity, schedule)| Toxic { toxicity, schedule, ..downstream(kind) })
}

/// Those that delay, hold and cut, but drop nothing.
fn harmless_kind() -> impl Strategy<Value = ToxicKind> + Clone {
    let small = 0..300_i64;
    prop_oneof![
        (small.clone(), small.clone())
            .prop_map(|(latency, jitter)| ToxicKind::Latency(Latency { latency, jitter })),
        (0..50_i64).prop_map(|rate| ToxicKind::Bandwidth(Bandwidth { rate })),
        small.clone().prop_map(|delay| ToxicKind::SlowClose(SlowClose { delay })),
        (1..500_i64, 0..600_i64, 0..5000_i64).prop_map(|(average_size, size_variation, delay)| {
            ToxicKind::Slicer(Slicer { average_size, size_variation, delay })
        }),
        Just(ToxicKind::Noop(Noop {})),
        Just(ToxicKind::Down(Down {})),
        (small, 1..20_i64).prop_map(|(delay, bytes)| {
            ToxicKind::HttpSlowHeader(HttpSlowHeader { delay, bytes })
        }),
    ]
}

/// All of them, with any attributes.
fn any_kind() -> impl Strategy<Value = ToxicKind> + Clone {
    let integer =
        prop_oneof![Just(i64::MIN), Just(i64::MAX), -5..5_i64, 100..5000_i64, any::<i64>(),];
    let probability = prop_oneof![Just(f64::NAN), Just(-1.0), Just(2.0), 0.0..1.0_f64];
    (0..11_usize, integer.clone(), integer.clone(), integer, probability).prop_map(
        |(kind, first, second, third, probability)| match kind {
            0 => ToxicKind::Latency(Latency { latency: first, jitter: second }),
            1 => ToxicKind::Bandwidth(Bandwidth { rate: first }),
            2 => ToxicKind::SlowClose(SlowClose { delay: first }),
            3 => ToxicKind::Timeout(Timeout { timeout: first }),
            4 => ToxicKind::ResetPeer(ResetPeer { timeout: first }),
            5 => ToxicKind::Slicer(Slicer {
                average_size: first,
                size_variation: second,
                // Pieces that follow each other too closely only make the test slow.
                delay: third.max(1000),
            }),
            6 => ToxicKind::LimitData(LimitData { bytes: first }),
            7 => ToxicKind::Noop(Noop {}),
            8 => ToxicKind::Down(Down {}),
            9 => ToxicKind::HttpStatus(HttpStatus { probability, ..HttpStatus::default() }),
            _ => ToxicKind::HttpSlowHeader(HttpSlowHeader { delay: first, bytes: second }),
        },
    )
}

/// Bytes that are told apart by their place, some of them HTTP.
fn bytes(sent: usize, length: usize) -> Bytes {
    if length.is_multiple_of(3) {
        return ANSWER.iter().copied().cycle().take(length).collect();
    }
    (sent..sent + length).map(|place| (place % 251) as u8).collect()
}

/// Does the steps; answers what was sent.
fn play(bench: &mut Bench, steps: &[Step]) -> Vec<u8> {
    let mut sent = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let places = bench.chain.toxics.len();
        match step {
            Step::Send(length) => {
                let bytes = bytes(sent.len(), *length);
                sent.extend_from_slice(&bytes);
                bench.send(bytes);
            }
            Step::Wait(milliseconds) => bench.wait(ms(*milliseconds)),
            Step::Add(toxic) => bench.add(toxic.clone().named(format!("toxic {number}"))),
            Step::Change { place, to } if places > 0 => {
                bench.change(place % places, |toxic| {
                    let name = toxic.name.clone();
                    *toxic = to.clone().named(name);
                });
            }
            Step::Remove { place } if places > 0 => bench.remove(place % places),
            Step::Change { .. } | Step::Remove { .. } => {}
        }
    }
    sent
}

fn played(number: u64, steps: &[Step]) -> (Vec<Arrival>, Option<End>) {
    let mut bench = Bench::connection(number, []);
    play(&mut bench, steps);
    (bench.arrivals, bench.end.map(|(_, end)| end))
}

proptest! {
    #[test]
    fn what_comes_out_is_what_went_in(
        steps in steps(harmless_kind()),
        ends_early in any::<bool>(),
    ) {
        let mut bench = Bench::under([]);
        let sent = play(&mut bench, &steps);
        prop_assert!(sent.starts_with(&bench.received()), "only what was sent, and in order");
        if ends_early {
            bench.send_end(End::Finish);
            bench.wait(ms(50));
        }
        while !bench.chain.toxics.is_empty() {
            bench.remove(0);
        }
        if !ends_early {
            bench.send_end(End::Finish);
        }
        prop_assert!(bench.received() == sent, "all of it, once the toxics are gone");
        prop_assert_eq!(bench.end.map(|(_, end)| end), Some(End::Finish));
    }

    #[test]
    fn toxics_let_all_through_in_time(kinds in proptest::collection::vec(harmless_kind(), 0..5)) {
        let holds = |kind: &ToxicKind| {
            matches!(kind, ToxicKind::Down(_) | ToxicKind::Bandwidth(Bandwidth { rate: 0 }))
        };
        let toxics = kinds.into_iter().filter(|kind| !holds(kind)).enumerate();
        let named = |(index, kind)| downstream(kind).named(format!("toxic {index}"));
        let mut bench = Bench::under(toxics.map(named));
        let sent = bytes(0, 3000);
        bench.send(sent.clone());
        bench.send_end(End::Finish);
        bench.wait(ms(10_000_000));
        prop_assert!(bench.received() == sent);
        prop_assert_eq!(bench.end.map(|(_, end)| end), Some(End::Finish));
    }

    #[test]
    fn no_attribute_panics_and_nothing_is_made_up(steps in steps(any_kind())) {
        let mut bench = Bench::under([]);
        let sent = play(&mut bench, &steps);
        bench.send_end(End::Finish);
        bench.wait(ms(1000));
        for installed in &bench.chain.toxics {
            let tally = installed.tally.snapshot();
            prop_assert!(tally.bytes <= sent.len() as u64);
            prop_assert!(tally.dropped_bytes <= tally.bytes);
        }
    }

    #[test]
    fn the_same_seed_replays(steps in steps(any_kind()), number in any::<u64>()) {
        prop_assert_eq!(played(number, &steps), played(number, &steps));
    }
}
