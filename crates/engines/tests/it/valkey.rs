//! Valkey: a cache that survives a stop and not a crash.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use standfast_engines::{Engine, EngineError, EngineKind, copy_tree};

use crate::place::{Place, free_port};

async fn started(place: &Place) -> Engine {
    let engine = place.create(place.spec("cache", EngineKind::Valkey)).await;
    engine.start().await.unwrap();
    engine
}

async fn connect(engine: &Engine) -> MultiplexedConnection {
    let client = redis::Client::open(engine.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn keys(engine: &Engine) -> u64 {
    redis::cmd("DBSIZE").query_async(&mut connect(engine).await).await.unwrap()
}

async fn fill(engine: &Engine, keys: u64) {
    let mut pipe = redis::pipe();
    for key in 0..keys {
        pipe.cmd("SET").arg(key).arg("value").ignore();
    }
    let (): () = pipe.query_async(&mut connect(engine).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_keeps_the_contents_and_a_crash_empties_the_cache() {
    let place = Place::new("keeps");
    let engine = started(&place).await;
    fill(&engine, 10).await;
    assert!(!engine.stop().await.unwrap().killed);
    engine.start().await.unwrap();
    assert_eq!(keys(&engine).await, 10);
    engine.kill().await.unwrap();
    engine.start().await.unwrap();
    assert_eq!(keys(&engine).await, 0, "not even what an earlier stop had saved comes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_says_how_many_keys_went() {
    let place = Place::new("flush");
    let engine = started(&place).await;
    fill(&engine, 25).await;
    assert_eq!(engine.flush().await.unwrap(), 25);
    assert_eq!(engine.flush().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_cache_hangs_and_a_resumed_one_answers() {
    let place = Place::new("hang");
    let engine = started(&place).await;
    let mut connection = connect(&engine).await;
    engine.pause().await.unwrap();
    let ping = redis::cmd("PING");
    let answer = ping.query_async::<String>(&mut connection);
    assert!(tokio::time::timeout(Duration::from_millis(300), answer).await.is_err());
    assert!(matches!(engine.ready().await.unwrap_err(), EngineError::NoAnswer { .. }));
    engine.resume().await.unwrap();
    engine.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_without_the_password() {
    let place = Place::new("password");
    let engine = started(&place).await;
    let open = engine.url().replace(&format!(":{}@", place.secrets.cache), "");
    let client = redis::Client::open(open).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let answer = redis::cmd("PING").query_async::<String>(&mut connection).await;
    assert!(answer.unwrap_err().to_string().contains("NOAUTH"));
    let error = engine.run_sql("SELECT 1", &Default::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "engine `cache` is valkey, which cannot run SQL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_cache_is_copied_with_its_contents() {
    let place = Place::new("origin");
    let engine = started(&place).await;
    fill(&engine, 5).await;
    engine.stop().await.unwrap();
    let mut spec = engine.spec().clone();
    spec.data = place.root.join("data/copy");
    spec.port = free_port();
    copy_tree(&engine.spec().data, &spec.data).unwrap();
    let copy = place.adopt(spec);
    copy.start().await.unwrap();
    assert_eq!(keys(&copy).await, 5);
}
