//! No byte is lost or out of order, whatever is done to toxics while bytes flow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use standfast_faultproxy::toxic::{
    Bandwidth, Direction, Down, HttpSlowHeader, Latency, Noop, Schedule, Slicer, SlowClose, Toxic,
    ToxicKind, Window,
};
use standfast_faultproxy::{FaultProxy, ProxyError, ToxicChange};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::{PATIENCE, Place, soon, until};

/// Pieces that fill what the proxy reads at once.
const BULK: usize = 256 * 1024;

/// Between pieces, so that changes come often per byte, and tests beside this one have processors.
const PAUSE: Duration = Duration::from_millis(4);

/// A sequence in which every byte that is missing, doubled or misplaced shows.
struct Sequence {
    state: u64,
    sent: u64,
}

impl Sequence {
    fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, sent: 0 }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// Fills a buffer of whole words with what comes next.
    fn fill(&mut self, buffer: &mut [u8]) {
        for word in buffer.chunks_exact_mut(8) {
            word.copy_from_slice(&self.next().to_le_bytes());
        }
        self.sent += buffer.len() as u64;
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("smaller than a usize")
    }
}

/// How a stream is sent.
#[derive(Clone, Copy)]
struct Manner {
    seed: u64,
    size_max: usize,
    pause: Duration,
}

/// Sends until it is told to stop, in pieces of many sizes; answers how many bytes.
async fn send(mut to: OwnedWriteHalf, manner: Manner, stop: Arc<AtomicBool>) -> u64 {
    let Manner { seed, size_max, pause } = manner;
    let (mut sequence, mut sizes) = (Sequence::new(seed), Sequence::new(!seed));
    let mut buffer = vec![0; size_max];
    while !stop.load(Ordering::Relaxed) {
        let length = (sizes.below(size_max / 8) + 1) * 8;
        sequence.fill(&mut buffer[..length]);
        to.write_all(&buffer[..length]).await.expect("the connection stands");
        tokio::time::sleep(pause).await;
    }
    to.shutdown().await.expect("the connection stands");
    sequence.sent
}

/// Compares what comes with what was sent, to the end; answers how many bytes.
async fn receive(mut from: OwnedReadHalf, seed: u64, seen: Arc<AtomicU64>) -> u64 {
    let mut sequence = Sequence::new(seed);
    let (mut buffer, mut expected, mut waiting) = (vec![0; 256 * 1024], Vec::new(), 0);
    loop {
        let read = from.read(&mut buffer[waiting..]).await.expect("the connection stands");
        if read == 0 {
            assert_eq!(waiting, 0, "whole words were sent");
            return sequence.sent;
        }
        seen.fetch_add(read as u64, Ordering::Relaxed);
        let available = waiting + read;
        let whole = available / 8 * 8;
        let at = sequence.sent;
        expected.resize(whole, 0);
        sequence.fill(&mut expected);
        assert!(expected == buffer[..whole], "seed {seed}: a difference after byte {at}");
        buffer.copy_within(whole..available, 0);
        waiting = available - whole;
    }
}

/// Connections that send in both directions.
struct Streams {
    senders: JoinSet<(u64, u64)>,
    receivers: JoinSet<(u64, u64)>,
    stop: Arc<AtomicBool>,
    seen: Arc<AtomicU64>,
}

impl Streams {
    async fn start(place: &Place, seed: u64, sizes: &[usize], pause: Duration) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (mut senders, mut receivers) = (JoinSet::new(), JoinSet::new());
        for (number, size_max) in sizes.iter().copied().enumerate() {
            let (client, server) = place.pair().await;
            let ((client_read, client_write), (server_read, server_write)) =
                (client.into_split(), server.into_split());
            for (way, write, read) in
                [(0, client_write, server_read), (1, server_write, client_read)]
            {
                let seed = seed * 1000 + number as u64 * 2 + way;
                let manner = Manner { seed, size_max, pause };
                let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
                senders.spawn(async move { (seed, send(write, manner, stop).await) });
                receivers.spawn(async move { (seed, receive(read, seed, seen).await) });
            }
        }
        Self { senders, receivers, stop, seen }
    }

    /// Lets them finish; answers how many bytes came, each one compared.
    async fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let mut sent = soon("all is sent", self.senders.join_all()).await;
        let mut received = soon("all is received", self.receivers.join_all()).await;
        sent.sort_unstable();
        received.sort_unstable();
        assert_eq!(sent, received);
        received.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// A toxic that loses nothing.
fn harmless(chance: &mut Sequence) -> ToxicKind {
    let mut upto = |bound: usize| i64::try_from(chance.below(bound)).expect("small");
    match upto(8) {
        0 => ToxicKind::Latency(Latency { latency: upto(8), jitter: upto(8) }),
        1 => ToxicKind::Bandwidth(Bandwidth { rate: 20_000 + upto(200_000) }),
        2 => ToxicKind::SlowClose(SlowClose { delay: upto(20) }),
        3 => ToxicKind::Slicer(Slicer {
            average_size: 2000 + upto(10_000),
            size_variation: upto(2000),
            delay: upto(100),
        }),
        4 => ToxicKind::Noop(Noop {}),
        5 => ToxicKind::Down(Down {}),
        6 => ToxicKind::HttpSlowHeader(HttpSlowHeader { delay: 1, bytes: 100 }),
        _ => ToxicKind::Bandwidth(Bandwidth { rate: 0 }),
    }
}

fn toxic(name: String, chance: &mut Sequence) -> Toxic {
    let direction = Direction::ALL[chance.below(2)];
    let schedule = Schedule::try_from(Window { after_ms: 2, for_ms: Some(3), every_ms: Some(9) });
    Toxic {
        toxicity: [1.0, 0.5][chance.below(2)],
        schedule: (chance.below(4) == 0).then(|| schedule.expect("a pause of 6 ms")),
        ..Toxic::new(harmless(chance), direction).named(name)
    }
}

/// Adds, changes or removes one of five toxics.
fn change_something(proxy: &FaultProxy, chance: &mut Sequence) -> Result<(), ProxyError> {
    let name = format!("t{}", chance.below(5));
    match proxy.toxic("p", &name) {
        Err(_not_there) => proxy.add_toxic("p", toxic(name, chance)).map(drop),
        Ok(_) if chance.below(2) == 0 => proxy.remove_toxic("p", &name).map(drop),
        Ok(view) => {
            let other = harmless(chance);
            let is_same_type = other.name() == view.toxic.kind.name();
            let kind = is_same_type.then_some(other);
            let change = ToxicChange { kind, toxicity: Some(0.7), ..ToxicChange::default() };
            proxy.change_toxic("p", &name, change).map(drop)
        }
    }
}

fn remove_all(proxy: &FaultProxy) {
    for view in proxy.get("p").expect("it is there").toxics {
        proxy.remove_toxic("p", &view.toxic.name).expect("it is there");
    }
}

#[tokio::test]
async fn no_byte_is_lost_or_out_of_order_while_toxics_come_and_go() {
    let seed = std::process::id().into();
    println!("seed {seed}");
    let mut chance = Sequence::new(seed);
    let place = Place::new().await;
    // Small messages, and pieces that are taken for bulk: both ways to move bytes.
    let sizes = [1024, 1024, 16 * 1024, 16 * 1024, BULK, BULK];
    let streams = Streams::start(&place, seed, &sizes, PAUSE).await;
    let (mut changes, deadline) = (0, Instant::now() + PATIENCE);
    while changes < 300 || streams.seen.load(Ordering::Relaxed) < 20 * 1024 * 1024 {
        assert!(Instant::now() < deadline, "bytes flow while toxics change");
        change_something(&place.proxy, &mut chance).unwrap();
        changes += 1;
        // Only so that bytes flow under it; nothing depends on how many.
        tokio::time::sleep(Duration::from_millis(chance.next() % 6)).await;
    }
    remove_all(&place.proxy);
    place.adopted().await;
    let bytes = streams.finish().await;
    println!("{bytes} bytes compared, {changes} changes");
    let counters = place.proxy.get("p").unwrap().counters;
    let (up, down) = (counters.upstream, counters.downstream);
    assert_eq!(up.received_bytes + down.received_bytes, bytes);
    assert_eq!(up.sent_bytes + down.sent_bytes, bytes);
}

#[tokio::test]
async fn bulk_that_goes_through_the_kernel_stays_whole_when_a_toxic_comes() {
    let place = Place::new().await;
    let streams = Streams::start(&place, 11, &[BULK], Duration::ZERO).await;
    let kinds = [
        ToxicKind::Latency(Latency { latency: 3, jitter: 0 }),
        ToxicKind::Noop(Noop {}),
        ToxicKind::Down(Down {}),
    ];
    for kind in kinds.into_iter().cycle().take(12) {
        let seen = streams.seen.load(Ordering::Relaxed);
        until("bulk flows", || streams.seen.load(Ordering::Relaxed) > seen + 8 * 1024 * 1024).await;
        for direction in Direction::ALL {
            place.proxy.add_toxic("p", Toxic::new(kind.clone(), direction)).unwrap();
        }
        place.adopted().await;
        remove_all(&place.proxy);
    }
    let bytes = streams.finish().await;
    assert!(bytes > 64 * 1024 * 1024, "{bytes}");
}

/// Sends pieces of this size while nobody reads, until the proxy holds some; then all must come.
async fn check_pause(size: usize) {
    let place = Place::new().await;
    let (client, server) = place.pair().await;
    let ((_, mut write), (read, _)) = (client.into_split(), server.into_split());
    let flow = || place.proxy.get("p").expect("it is there").counters.upstream;
    let (mut sequence, mut piece) = (Sequence::new(7), vec![0; size]);
    loop {
        sequence.fill(&mut piece);
        soon("there is room in the proxy", write.write_all(&piece)).await.expect("it is open");
        // One after the other, so that the proxy reads them one by one.
        until("a piece is taken", || flow().received_bytes == sequence.sent).await;
        let passed_on = until("it is passed on", || flow().sent_bytes == sequence.sent);
        if timeout(Duration::from_millis(100), passed_on).await.is_err() {
            break;
        }
    }
    write.shutdown().await.expect("it is open");
    let received = soon("all of it", receive(read, 7, Arc::default())).await;
    assert_eq!(received, sequence.sent, "pieces of {size}");
}

#[tokio::test]
async fn a_receiver_that_pauses_gets_all_of_it_later() {
    for size in [40_000, 8008, 51_208, 800] {
        check_pause(size).await;
    }
}
