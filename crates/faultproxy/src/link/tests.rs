//! What a link promises about order, ends, room and chance, whatever its toxics are.

use std::time::Duration;

use super::{Chain, End, Link, Seed};
use crate::toxic::bench::{Bench, CLIENT, downstream, ms};
use crate::toxic::{
    Bandwidth, ClientMatch, Down, Latency, LimitData, Noop, Schedule, Timeout, Toxic, ToxicKind,
    Window,
};

fn latency(milliseconds: i64) -> Toxic {
    downstream(ToxicKind::Latency(Latency { latency: milliseconds, jitter: 0 }))
}

fn down() -> Toxic {
    downstream(ToxicKind::Down(Down {}))
}

fn timeout(toxicity: f32) -> Toxic {
    let kind = ToxicKind::Timeout(Timeout { timeout: 0 });
    Toxic { toxicity, ..downstream(kind) }
}

/// Whether each of `connections` is hit.
fn hits(connections: u64, toxics: &[Toxic]) -> Vec<bool> {
    (0..connections)
        .map(|number| {
            let mut bench = Bench::connection(number, toxics.iter().cloned());
            bench.send("x");
            bench.received().is_empty()
        })
        .collect()
}

#[test]
fn no_byte_is_lost_while_a_toxic_comes_and_goes() {
    // Toxiproxy's own test: pairs of bytes that count up, under a latency of a second.
    let mut bench = Bench::under([]);
    let sent: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_be_bytes).collect();
    for pairs in sent.chunks(64) {
        bench.send(pairs.to_vec());
        if bench.chain.toxics.is_empty() {
            bench.add(latency(1000));
        } else {
            bench.remove(0);
        }
        bench.wait(Duration::from_micros(1));
    }
    bench.send_end(End::Finish);
    bench.wait(ms(2000));
    assert!(bench.received() == sent, "what came differs from what was sent");
    assert_eq!(bench.end.map(|(_, end)| end), Some(End::Finish));
}

#[test]
fn what_waits_at_several_places_flows_on_in_order() {
    for removed in [[2, 1, 0], [0, 0, 0], [1, 1, 0], [1, 0, 0]] {
        let mut bench = Bench::under([]);
        for byte in ["1", "2", "3"] {
            bench.add_at(0, down().named(byte));
            bench.send(byte);
        }
        for index in removed {
            bench.remove(index);
        }
        bench.send("4");
        assert_eq!(bench.received_text(), "1234", "{removed:?}");
    }
}

#[test]
fn several_that_hold_something_go_at_once_in_order() {
    let mut bench = Bench::under([]);
    for byte in ["1", "2", "3"] {
        bench.add_at(0, down().named(byte));
        bench.send(byte);
    }
    bench.send_end(End::Finish);
    bench.chain.toxics.clear();
    bench.adopt();
    assert_eq!(bench.received_text(), "123");
    assert_eq!(bench.end, Some((ms(0), End::Finish)));
}

#[test]
fn a_toxic_that_comes_after_the_end_changes_nothing() {
    let mut bench = Bench::under([]);
    bench.send_end(End::Finish);
    bench.add(timeout(1.0));
    assert_eq!(bench.link.room(), 0, "the sender has ended");
    bench.remove(0);
    assert_eq!(bench.end, Some((ms(0), End::Finish)));
}

#[test]
fn an_end_that_waits_goes_through_a_toxic_that_comes_behind_it() {
    let mut bench = Bench::under([down()]);
    bench.send("hello");
    bench.send_end(End::Finish);
    bench.add(latency(100));
    bench.remove(0);
    bench.wait(ms(200));
    assert_eq!(bench.received_text(), "hello");
    assert_eq!(bench.end, Some((ms(100), End::Finish)));
}

#[test]
fn toxicity_is_the_share_of_connections_that_are_hit() {
    for (toxicity, expected) in [(0.0, 0..=0), (0.3, 213..=387), (1.0, 1000..=1000)] {
        // Six standard deviations of 1000 draws with 0.3 are 87.
        let hit = hits(1000, &[timeout(toxicity)]).into_iter().filter(|hit| *hit).count();
        assert!(expected.contains(&hit), "{hit} of 1000 at {toxicity}");
    }
}

#[test]
fn who_is_hit_depends_on_names_and_numbers_only() {
    let alone = hits(200, &[timeout(0.5)]);
    assert_eq!(alone, hits(200, &[timeout(0.5)]));
    let noop = downstream(ToxicKind::Noop(Noop {}));
    assert_eq!(alone, hits(200, &[noop, timeout(0.5)]), "a neighbour changes nothing");
    assert_ne!(alone, hits(200, &[timeout(0.5).named("other")]));
}

#[test]
fn a_change_draws_anew_and_a_neighbour_does_not() {
    let changed = (0..200).filter(|number| {
        let mut bench = Bench::connection(*number, [timeout(0.5)]);
        bench.send("x");
        let was_hit = bench.received().is_empty();
        bench.add(latency(0));
        bench.remove(1);
        bench.send("y");
        assert_eq!(bench.received_text(), if was_hit { "" } else { "xy" });
        bench.change(0, |_toxic| {});
        bench.send("z");
        was_hit == bench.received_text().ends_with('z')
    });
    // Six standard deviations of 200 fair draws are 42.
    let changed = changed.count();
    assert!((58..=142).contains(&changed), "{changed} of 200 changed");
}

#[test]
fn a_neighbour_that_comes_goes_or_changes_restarts_nothing() {
    let closing = downstream(ToxicKind::Timeout(Timeout { timeout: 100 }));
    let mut bench = Bench::under([closing]);
    bench.wait(ms(40));
    bench.add(latency(0));
    bench.wait(ms(20));
    bench.change(1, |toxic| toxic.toxicity = 0.5);
    bench.wait(ms(20));
    bench.remove(1);
    bench.wait(ms(100));
    assert_eq!(bench.end, Some((ms(100), End::Close)));
}

#[test]
fn a_link_without_a_toxic_that_hits_is_direct() {
    let link = Link::new(&Chain::default(), CLIENT, Seed(1));
    assert!(link.is_direct());
    let elsewhere = ClientMatch::Address("127.0.0.1:1".parse().unwrap());
    let mut bench = Bench::under([Toxic { client: elsewhere, ..down() }, timeout(0.0)]);
    assert!(bench.link.is_direct());
    bench.change(0, |toxic| toxic.client = ClientMatch::Address(CLIENT));
    assert!(!bench.link.is_direct());
    bench.remove(0);
    assert!(bench.link.is_direct(), "again, once the toxic is gone");
    bench.link.end(End::Finish);
    assert!(!bench.link.is_direct(), "the end has to be written");
}

#[test]
fn a_link_is_not_direct_while_something_waits() {
    let mut bench = Bench::under([down()]);
    bench.send("hello");
    bench.chain.toxics.clear();
    bench.link.adopt(&bench.chain);
    assert!(!bench.link.is_direct(), "its output has to be written");
    bench.adopt();
    assert!(bench.link.is_direct(), "it is");
}

#[test]
fn a_slow_receiver_is_felt_and_bytes_under_way_are_not() {
    let far = usize::pow(2, 20);
    let mut flying = Bench::under([latency(1000), latency(1000).named("second")]);
    flying.send(vec![1; 40 * far]);
    assert_eq!(flying.link.room(), 0);
    flying.wait(ms(2000));
    let came = flying.received().len();
    assert!((31 * far..=32 * far).contains(&came), "{came} bytes were under way in time");

    let no_rate = downstream(ToxicKind::Bandwidth(Bandwidth { rate: 0 }));
    let mut blocked = Bench::under([no_rate, latency(1000)]);
    blocked.send(vec![1; far]);
    assert_eq!(blocked.link.room(), 0);
    blocked.remove(0);
    blocked.wait(ms(1000));
    assert_eq!(blocked.received().len(), far);

    let mut unread = Link::new(&Chain::default(), CLIENT, Seed(1));
    unread.receive(vec![1; 65_000].into(), blocked.now());
    assert_eq!(unread.room(), 408, "64 KiB less the bytes and a chunk");
}

#[test]
fn only_a_cut_that_hits_and_is_active_defers_the_dial() {
    let schedule = Window { after_ms: 100, for_ms: Some(100), every_ms: None };
    let schedule = Some(Schedule::try_from(schedule).unwrap());
    let bench = Bench::under([latency(10), Toxic { schedule, ..down() }]);
    let defers = |after: u64| bench.link.defers_dial(bench.now() + ms(after));
    assert_eq!([50, 150, 250].map(defers), [false, true, false]);
    let bench = Bench::under([Toxic { toxicity: 0.0, ..down() }]);
    assert!(!bench.link.defers_dial(bench.now()));
}

#[test]
fn bytes_and_connections_are_counted_once() {
    let mut bench = Bench::under([latency(100), timeout(1.0)]);
    bench.send("hello");
    bench.wait(ms(50));
    bench.send("again");
    bench.wait(ms(500));
    bench.change(0, |_toxic| {});
    bench.wait(ms(500));
    for (index, dropped) in [(0, 0), (1, 10)] {
        let tally = bench.tally(index);
        assert_eq!((tally.connections, tally.bytes, tally.dropped_bytes), (1, 10, dropped));
    }
}

#[test]
fn after_a_toxic_has_closed_what_comes_is_dropped() {
    let limit = downstream(ToxicKind::LimitData(LimitData { bytes: 3 }));
    let mut bench = Bench::under([limit, latency(100)]);
    bench.send("hello");
    bench.send(vec![1; 1_000_000]);
    assert!(bench.link.room() > 0);
    bench.remove(0);
    bench.send("again");
    bench.wait(ms(100));
    assert_eq!(bench.received_text(), "hel");
    assert_eq!(bench.end, Some((ms(100), End::Close)));
}
