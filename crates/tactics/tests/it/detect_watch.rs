//! The watch: an echo that is driven, by a clock that is paused.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use standfast_tactics::detect::{Echo, EchoPolicy, EchoResult, Standing, watch};
use tokio::time::{Instant, sleep, timeout};

const MS: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, PartialEq)]
enum Target {
    Well,
    Crashed,
    Hung,
    Panics,
}

/// Watches a target that is well for a second, then `ill` for `ill_for`, then well again.
async fn changes(ill: Target, ill_for: Duration) -> (Vec<(u128, Standing)>, usize) {
    let start = Instant::now();
    let (changes, on_their_way) = (Mutex::new(Vec::new()), Arc::new(AtomicUsize::new(0)));
    let most = Arc::new(AtomicUsize::new(0));
    let echo = Echo::try_new(EchoPolicy::default(), Standing::Up, start);
    let echo = echo.expect("the default makes sense");
    let send = || {
        let (on_their_way, most) = (Arc::clone(&on_their_way), Arc::clone(&most));
        let is_ill = start.elapsed() >= 1000 * MS && start.elapsed() < 1000 * MS + ill_for;
        let target = if is_ill { ill } else { Target::Well };
        async move {
            let _counted = Counted::new(&on_their_way, &most);
            match target {
                Target::Well => sleep(MS).await,
                Target::Crashed => return EchoResult::Bad,
                Target::Hung => sleep(Duration::from_secs(3600)).await,
                Target::Panics => panic!("the client of this test is broken"),
            }
            EchoResult::Well
        }
    };
    let report = |change: standfast_tactics::detect::Change| {
        changes
            .lock()
            .expect("nothing panics with it")
            .push((start.elapsed().as_millis(), change.to));
    };
    let ended = timeout(Duration::from_secs(10), watch(echo, send, report)).await;
    assert!(ended.is_err(), "a watch does not end by itself");
    tokio::task::yield_now().await;
    assert_eq!(on_their_way.load(Ordering::SeqCst), 0, "it left nothing behind");
    (changes.into_inner().expect("nothing panics with it"), most.load(Ordering::SeqCst))
}

/// Counts how many echoes are on their way, cancelled ones included.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(on_their_way: &Arc<AtomicUsize>, most: &AtomicUsize) -> Self {
        most.fetch_max(on_their_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Self(Arc::clone(on_their_way))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_found_by_the_third_echo_and_its_end_by_the_fifth() {
    use Standing::{Down, Suspect, Up};
    for crashed in [Target::Crashed, Target::Panics] {
        let (changes, _) = changes(crashed, 1100 * MS).await;
        assert_eq!(changes, [(1000, Suspect), (1400, Down), (3001, Up)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hang_is_found_after_its_timeout_and_echoes_do_not_pile_up() {
    use Standing::{Down, Suspect, Up};
    let (changes, most) = changes(Target::Hung, 3000 * MS).await;
    // The last lost echo, sent at 3800, is given up at 4800; five have succeeded behind it by then.
    assert_eq!(changes, [(2000, Suspect), (2400, Down), (4801, Up)]);
    assert!(most <= 6, "a timeout of five periods, and {most} on their way");
}
