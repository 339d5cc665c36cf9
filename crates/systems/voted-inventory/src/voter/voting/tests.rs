//! Votes over real sockets, with stand-ins for the replicas: one of three may be anything.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use super::*;
use crate::service::environment::Environment;
use crate::service::server;

/// Far more than a vote takes that waits for nobody, and far less than one replica that hangs: on a
/// busy machine, the difference must be beyond doubt.
const VOTE_TIMEOUT: &str = "20s";
const LONG: Duration = Duration::from_secs(10);

/// What a stand-in does.
#[derive(Clone, Copy)]
enum Does {
    Says(u32),
    Fails,
    Hangs,
    /// Nobody listens.
    IsDead,
}

async fn serve(does: Does, tasks: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stock = async move || match does {
        Does::Says(stock) => {
            let body = json!({ "product_id": "A", "stock": stock, "version": 4 });
            (StatusCode::OK, body.to_string())
        }
        Does::Fails => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        Does::Hangs | Does::IsDead => std::future::pending().await,
    };
    if !matches!(does, Does::IsDead) {
        let router = Router::new().route("/inventory/{product}", get(stock));
        tasks.spawn(server::run(listener, router, std::future::pending()));
    }
    format!("http://{address}")
}

struct Stage {
    voter: Arc<Voter>,
    _tasks: JoinSet<()>,
}

impl Stage {
    async fn of(replicas: [Does; 3], without: &str) -> Self {
        let (mut tasks, mut urls) = (JoinSet::new(), Vec::new());
        for does in replicas {
            urls.push(serve(does, &mut tasks).await);
        }
        let urls = urls.join(",");
        let pairs = [
            ("INVENTORY_URLS", urls.as_str()),
            ("VOTE_TIMEOUT", VOTE_TIMEOUT),
            ("STANDFAST_WITHOUT", without),
            ("REPLICA_CALLS_MAX", "8"),
        ];
        let settings = Settings::read(&Environment::of(&pairs)).unwrap();
        Self { voter: Arc::new(Voter::new(settings, 1)), _tasks: tasks }
    }

    fn request() -> Request {
        let deadline = Deadline::after(Instant::now(), Duration::from_secs(20));
        Request { subject: Subject::One("A".to_owned()), version_min: None, deadline }
    }

    async fn ask(&self) -> Result<Option<u32>, NoQuorum> {
        let start = Instant::now();
        let answer = self.voter.hold(Self::request(), Purpose::Answer).await;
        assert!(start.elapsed() < LONG, "somebody was waited for");
        answer.map(|answer| answer.settled[0].stock)
    }
}

const WELL: Does = Does::Says(7);

#[tokio::test]
async fn whatever_one_replica_does_the_answer_is_right_and_does_not_wait_for_it() {
    for bad in [Does::Says(99), Does::Fails, Does::Hangs, Does::IsDead] {
        for place in 0..3 {
            let mut replicas = [WELL; 3];
            replicas[place] = bad;
            let stage = Stage::of(replicas, "").await;
            for _ in 0..20 {
                assert_eq!(stage.ask().await.unwrap(), Some(7));
            }
        }
    }
}

#[tokio::test]
async fn with_two_bad_ones_there_is_no_guess() {
    let stage = Stage::of([WELL, Does::Fails, Does::IsDead], "").await;
    let refused = stage.ask().await.unwrap_err().to_string();
    assert!(refused.contains("2 of 3 had to agree"), "{refused}");
    let stage = Stage::of([WELL, Does::Says(8), Does::Says(9)], "").await;
    assert!(stage.ask().await.is_err());
}

#[tokio::test]
async fn a_replica_that_hangs_holds_a_bounded_number_of_calls() {
    let stage = Stage::of([WELL, Does::Hangs, WELL], "circuit-breaker").await;
    for _ in 0..50 {
        stage.ask().await.unwrap();
    }
    let (calling, _) = stage.voter.replicas[1].occupancy();
    assert!(calling <= 8, "{calling} calls are out");
}

#[tokio::test]
async fn a_liar_is_accused_of_its_product() {
    let stage = Stage::of([WELL, WELL, Does::Says(99)], "").await;
    let accused = || stage.voter.ledger().suspicions.of(2).next().map(str::to_owned);
    while accused().is_none() {
        stage.ask().await.unwrap();
    }
    assert_eq!(accused().as_deref(), Some("A"));
    assert_eq!(stage.voter.ledger().suspicions.of(0).count(), 0);
}

#[tokio::test]
async fn without_the_vote_every_third_answer_is_the_liars() {
    let stage = Stage::of([WELL, WELL, Does::Says(99)], "vote").await;
    let mut wrong = 0;
    for _ in 0..9 {
        let answer = stage.voter.ask_one(Stage::request()).await.unwrap();
        wrong += usize::from(answer.settled[0].stock == Some(99));
    }
    assert_eq!(wrong, 3);
}
