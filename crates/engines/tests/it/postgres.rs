//! PostgreSQL alone: its data, its roles, its crashes.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use standfast_engines::process::{CommandSpec, Signal};
use standfast_engines::{Engine, EngineError, EngineKind, wait_until};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use crate::place::Place;

const SOON: Duration = Duration::from_secs(5);

pub(crate) async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) async fn sql(engine: &Engine, script: &str) {
    engine.run_sql(script, &BTreeMap::new()).await.unwrap();
}

/// How many rows the table `kept` has; `None` when it cannot be read (yet).
pub(crate) async fn count(engine: &Engine) -> Option<i64> {
    let client = client(&engine.admin_url()).await;
    client.query_one("SELECT count(*) FROM kept", &[]).await.ok().map(|row| row.get(0))
}

async fn started(place: &Place) -> Engine {
    let engine = place.create(place.spec("primary", EngineKind::Postgres)).await;
    engine.start().await.unwrap();
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn data_survives_a_stop_and_a_kill() {
    let place = Place::new("data");
    let engine = started(&place).await;
    sql(&engine, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)").await;
    assert!(!engine.stop().await.unwrap().killed);
    assert!(!engine.is_running());
    engine.start().await.unwrap();
    assert_eq!(count(&engine).await, Some(1));
    sql(&engine, "INSERT INTO kept VALUES (2)").await;
    engine.kill().await.unwrap();
    engine.start().await.unwrap();
    assert_eq!(count(&engine).await, Some(2), "an acknowledged commit survives kill -9");
    engine.remove().await.unwrap();
    assert!(!place.root.join("data/primary").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_room_keeps_what_it_has_and_takes_more_when_it_has_room_again() {
    let place = Place::new("disk");
    let engine = started(&place).await;
    sql(&engine, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)").await;
    let client = client(&engine.admin_url()).await;
    let processes = engine.fill_disk().await.unwrap();
    assert!(processes > 5, "the server and its helpers, not only the first: {processes}");
    let many = "INSERT INTO kept SELECT generate_series(1, 100000)";
    assert!(client.simple_query(many).await.is_err(), "there is no room for them");
    // It may have ended over its own log by now, or do so in a moment.
    drop(engine.free_disk().await);
    let is_back = async || {
        if !engine.is_running() {
            drop(engine.start().await);
        }
        engine.ready().await.is_ok() && count(&engine).await == Some(1)
    };
    let patience = tokio::time::timeout(Duration::from_secs(60), async {
        while !is_back().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    patience.await.expect("it is back with what was acknowledged, and nothing else");
    sql(&engine, many).await;
    assert_eq!(count(&engine).await, Some(100_001));
    engine.stop().await.unwrap();
    assert!(engine.fill_disk().await.is_err(), "one that does not run has no disk to fill");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_server_hangs_and_a_resumed_one_goes_on_where_it_was() {
    let place = Place::new("pause");
    let engine = started(&place).await;
    let client = client(&engine.admin_url()).await;
    client.simple_query("SELECT 1").await.unwrap();
    engine.pause().await.unwrap();
    let query = client.simple_query("SELECT 1");
    tokio::pin!(query);
    let hangs = tokio::time::timeout(Duration::from_millis(300), &mut query).await;
    assert!(hangs.is_err(), "no answer and no error: the connection stays");
    assert!(engine.is_running() && engine.ready().await.is_err());
    engine.resume().await.unwrap();
    query.await.unwrap();
    engine.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_may_do_what_it_was_granted_and_nothing_else() {
    let place = Place::new("roles");
    let engine = started(&place).await;
    sql(
        &engine,
        "CREATE TABLE open (id int); CREATE TABLE closed (id int); GRANT SELECT ON open TO offers",
    )
    .await;
    let client = client(&engine.url()).await;
    client.query("SELECT * FROM open", &[]).await.unwrap();
    for denied in [
        "SELECT * FROM closed",
        "CREATE TABLE mine (id int)",
        "CREATE TEMP TABLE mine (id int)",
        "CREATE ROLE other",
    ] {
        let error = client.execute(denied, &[]).await.unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{denied}");
    }
    let elsewhere = engine.url().replace("/offers", "/template1");
    let replication = format!("{}?replication=true", engine.url());
    let wrong = engine.url().replace(&place.secrets.application, "guess");
    for url in [wrong, elsewhere.replace(&place.secrets.application, "guess"), replication] {
        let connected = tokio_postgres::connect(&url, NoTls).await;
        assert!(connected.is_err(), "{url} must not be let in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_reads_its_variables_and_an_error_names_its_line() {
    let place = Place::new("script");
    let engine = started(&place).await;
    let variables = BTreeMap::from([("city".to_owned(), r"Bad Tölz \ 'x'".to_owned())]);
    let script =
        "CREATE TABLE kept AS SELECT current_setting('standfast.city') AS city;\nVACUUM kept;";
    engine.run_sql(script, &variables).await.unwrap();
    let client = client(&engine.admin_url()).await;
    let city: String = client.query_one("SELECT city FROM kept", &[]).await.unwrap().get(0);
    assert_eq!(city, variables["city"]);
    let error =
        engine.run_sql("SELECT 1;\n\nSELECT no_such_column;", &variables).await.unwrap_err();
    assert!(error.to_string().contains(":3: ERROR:  column \"no_such_column\""), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_shows_in_a_log_or_on_a_command_line() {
    let place = Place::new("secret");
    let engine = started(&place).await;
    sql(&engine, "CREATE TABLE kept (id int)").await;
    let child = engine.child().unwrap();
    let mut seen = fs::read_to_string(&engine.spec().log).unwrap();
    for id in child.descendants().into_iter().chain([child.id()]) {
        seen += &fs::read_to_string(format!("/proc/{}/cmdline", id.pid)).unwrap();
        seen += &fs::read_to_string(format!("/proc/{}/environ", id.pid)).unwrap_or_default();
    }
    assert!(seen.contains("primary"), "there is something to look at: {seen}");
    let secrets = &place.secrets;
    for secret in [&secrets.superuser, &secrets.replicator, &secrets.application] {
        assert!(!seen.contains(secret));
    }
    let siblings = fs::read_dir(engine.spec().data.parent().unwrap()).unwrap().count();
    assert_eq!(siblings, 1, "password files are removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_start_shows_why() {
    let place = Place::new("broken");
    let mut spec = place.spec("primary", EngineKind::Postgres);
    let engine = place.create(spec.clone()).await;
    drop(engine);
    spec.settings.insert("shared_buffers".to_owned(), "a lot".to_owned());
    let error = place.adopt(spec.clone()).start().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, EngineError::Exited { .. }), "{text}");
    assert!(text.contains("invalid value for parameter \"shared_buffers\""), "{text}");
    assert!(text.contains(&spec.log.display().to_string()), "{text}");
    spec.settings = BTreeMap::from([("port".to_owned(), "1".to_owned())]);
    let error = place.adopt(spec).start().await.unwrap_err().to_string();
    assert_eq!(error, "setting `port` of engine `primary` is decided by standfast");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_port_names_who_holds_it() {
    let place = Place::new("busy");
    let spec = place.spec("primary", EngineKind::Postgres);
    let engine = place.create(spec.clone()).await;
    let listener = std::net::TcpListener::bind(("127.0.0.1", spec.port)).unwrap();
    let error = engine.start().await.unwrap_err().to_string();
    let holder =
        format!("port {} of engine `primary` is held by pid {}", spec.port, std::process::id());
    assert!(error.starts_with(&holder), "{error}");
    drop(listener);
    engine.start().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn remains_of_a_dead_server_do_not_keep_the_next_one_from_starting() {
    let place = Place::new("remains");
    let engine = started(&place).await;
    // Somebody kills the postmaster alone, while its backends are frozen and cannot notice.
    engine.pause().await.unwrap();
    let backends = engine.child().unwrap().descendants();
    engine.child().unwrap().signal(Signal::SIGKILL);
    engine.wait_exit().await.unwrap();
    let gone = || async { backends.iter().all(|id| !id.is_alive()).then_some(()) };
    wait_until(SOON, gone).await.expect("frozen backends end with their server");

    // A lock file that names a living stranger, and somebody who still sits in the folder.
    let data = engine.spec().data.clone();
    let lock = fs::read_to_string(data.join("postmaster.pid")).unwrap();
    let (_, rest) = lock.split_once('\n').unwrap();
    fs::write(data.join("postmaster.pid"), format!("{}\n{rest}", std::process::id())).unwrap();
    let mut squatter = CommandSpec::new("squatter", "/bin/sleep").arguments(["1000"]);
    squatter.directory = Some(data);
    let squatter = place.spawner.spawn(squatter).await.unwrap();
    engine.start().await.unwrap();
    assert!(!squatter.is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_no_shared_memory() {
    let place = Place::new("shared");
    let engine = started(&place).await;
    let lock = fs::read_to_string(engine.spec().data.join("postmaster.pid")).unwrap();
    let segment = lock.lines().nth(6).unwrap().split_ascii_whitespace().nth(1).unwrap().to_owned();
    let exists = || {
        let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap();
        segments.lines().any(|line| line.split_ascii_whitespace().nth(1) == Some(&segment))
    };
    assert!(exists(), "a running server has one");
    drop(engine);
    assert!(!exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_folder_of_its_own_is_adopted_or_removed() {
    let place = Place::new("foreign");
    let spec = place.spec("primary", EngineKind::Postgres);
    fs::create_dir_all(&spec.data).unwrap();
    fs::write(spec.data.join("precious"), "x").unwrap();
    let installation = place.installation(EngineKind::Postgres);
    let adopted = Engine::adopt(spec.clone(), &installation, &place.spawner);
    assert!(matches!(adopted.unwrap_err(), EngineError::NoData { .. }));
    let created = Engine::create(spec.clone(), &installation, &place.spawner, &place.home).await;
    assert!(created.is_err(), "an existing folder is never written over");
    assert!(spec.data.join("precious").exists());
}
