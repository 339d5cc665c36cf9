//! PostgreSQL alone: its data, its roles, its crashes.

use std::time::Duration;

use standfast_engines::{Engine, EngineError, EngineKind};
use tokio::time::Instant;

use crate::place::Place;

pub(crate) async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) async fn sql(engine: &Engine, script: &str) {
    engine.run_sql(script, &Default::default()).await.unwrap();
}

pub(crate) async fn count(engine: &Engine) -> i64 {
    client(&engine.admin_url())
        .await
        .query_one("SELECT count(*) FROM kept", &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn data_survives_a_stop_and_a_kill() {
    let place = Place::new("data");
    let start = Instant::now();
    let engine = place.create(place.spec("primary", EngineKind::Postgres)).await;
    eprintln!("create {:?}", start.elapsed());
    let start = Instant::now();
    engine.start().await.unwrap();
    eprintln!("start {:?}", start.elapsed());
    sql(&engine, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)").await;
    let start = Instant::now();
    assert!(!engine.stop().await.unwrap().killed);
    eprintln!("stop {:?}", start.elapsed());
    assert!(!engine.is_running());
    engine.start().await.unwrap();
    assert_eq!(count(&engine).await, 1);
    sql(&engine, "INSERT INTO kept VALUES (2)").await;
    let start = Instant::now();
    engine.kill().await.unwrap();
    eprintln!("kill {:?}", start.elapsed());
    let start = Instant::now();
    engine.start().await.unwrap();
    eprintln!("start after kill {:?}", start.elapsed());
    assert_eq!(count(&engine).await, 2, "an acknowledged commit survives kill -9");
}
