//! MariaDB and MySQL alone: their data, their roles, their crashes. Each test is run on both.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use standfast_engines::{Engine, EngineError, EngineKind};

use crate::place::Place;

/// A connection as services make it: over the port, whatever the server says of a socket.
pub(crate) async fn connect(url: &str) -> mysql_async::Result<Conn> {
    let options = OptsBuilder::from_opts(Opts::from_url(url).unwrap()).prefer_socket(false);
    Conn::new(options).await
}

pub(crate) async fn client(url: &str) -> Conn {
    connect(url).await.unwrap()
}

pub(crate) async fn sql(engine: &Engine, script: &str) {
    engine.run_sql(script, &BTreeMap::new()).await.unwrap();
}

/// How many rows the table `kept` has; `None` when it cannot be read (yet).
pub(crate) async fn count(engine: &Engine) -> Option<u64> {
    let mut client = connect(&engine.admin_url()).await.ok()?;
    client.query_first("SELECT count(*) FROM kept").await.ok().flatten()
}

/// Its data survives a stop and a kill, and a pause is a hang.
async fn is_broken_and_comes_back(kind: EngineKind) {
    let place = Place::new("broken");
    let engine = place.create(place.spec("primary", kind)).await;
    engine.start().await.unwrap();
    sql(&engine, "CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept VALUES (1)").await;
    assert!(!engine.stop().await.unwrap().killed);
    assert!(!engine.is_running());
    engine.start().await.unwrap();
    assert_eq!(count(&engine).await, Some(1));
    sql(&engine, "INSERT INTO kept VALUES (2)").await;
    engine.kill().await.unwrap();
    engine.start().await.unwrap();
    assert_eq!(count(&engine).await, Some(2), "an acknowledged commit survives kill -9");

    let mut client = client(&engine.admin_url()).await;
    client.query_drop("SELECT 1").await.unwrap();
    engine.pause().await.unwrap();
    {
        let query = client.query_drop("SELECT 1");
        tokio::pin!(query);
        let hangs = tokio::time::timeout(Duration::from_millis(300), &mut query).await;
        assert!(hangs.is_err(), "no answer and no error: the connection stays");
        assert!(engine.is_running() && engine.ready().await.is_err());
        engine.resume().await.unwrap();
        query.await.unwrap();
    }
    engine.ready().await.unwrap();
    engine.remove().await.unwrap();
    assert!(!place.root.join("data/primary").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_keeps_its_data_over_a_stop_and_a_kill_and_hangs_when_paused() {
    is_broken_and_comes_back(EngineKind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_keeps_its_data_over_a_stop_and_a_kill_and_hangs_when_paused() {
    is_broken_and_comes_back(EngineKind::Mysql).await;
}

/// Scripts, rights, and what a start that fails says.
async fn is_told_what_to_do(kind: EngineKind) {
    let place = Place::new("told");
    let mut spec = place.spec("primary", kind);
    let engine = place.create(spec.clone()).await;
    engine.start().await.unwrap();
    has_its_configuration(&engine);
    runs_scripts(&engine).await;
    has_its_rights_only(&place, &engine).await;

    engine.stop().await.unwrap();
    spec.settings.insert("innodb_page_size".to_owned(), "3".to_owned());
    let error = place.adopt(spec.clone()).start().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, EngineError::Exited { .. }), "{text}");
    assert!(text.contains(&spec.log.display().to_string()), "{text}");
    assert!(text.to_lowercase().contains("innodb_page_size"), "{text}");
    spec.settings = BTreeMap::from([("port".to_owned(), "1".to_owned())]);
    let error = place.adopt(spec).start().await.unwrap_err().to_string();
    assert_eq!(error, "setting `port` of engine `primary` is decided by standfast");
}

/// What is written for it, without what differs from machine to machine.
fn has_its_configuration(engine: &Engine) {
    let spec = engine.spec();
    let text = fs::read_to_string(spec.data.join("standfast.cnf")).unwrap();
    let base = engine.installation().path.parent().unwrap().parent().unwrap();
    let base = format!("basedir = \"{}\"", base.display());
    let text = text.replace(&base, "basedir = \"BASE\"");
    let text = text.replace(&spec.data.display().to_string(), "DATA");
    let text = text.replace(&format!("\"{}\"", spec.port), "\"PORT\"");
    insta::assert_snapshot!(format!("configuration_of_{}", spec.kind), text);
}

async fn runs_scripts(engine: &Engine) {
    let variables = BTreeMap::from([("city".to_owned(), r"Bad Tölz \ 'x'".to_owned())]);
    let script = "CREATE TABLE kept (city varchar(40));\nINSERT INTO kept SELECT @standfast_city;";
    engine.run_sql(script, &variables).await.unwrap();
    let mut client = client(&engine.admin_url()).await;
    let city: Option<String> = client.query_first("SELECT city FROM kept").await.unwrap();
    assert_eq!(city.unwrap(), variables["city"]);
    let script = "SELECT 1;\n\nSELECT no_such_column;";
    let error = engine.run_sql(script, &variables).await.unwrap_err().to_string();
    assert!(error.contains("at line 3: Unknown column 'no_such_column'"), "{error}");
}

async fn has_its_rights_only(place: &Place, engine: &Engine) {
    sql(
        engine,
        "CREATE TABLE open (id int); CREATE TABLE closed (id int); \
         GRANT SELECT ON offers.open TO offers@'%'",
    )
    .await;
    let mut application = client(&engine.url()).await;
    application.query_drop("SELECT * FROM open").await.unwrap();
    for denied in [
        "SELECT * FROM closed",
        "INSERT INTO open VALUES (1)",
        "CREATE TABLE mine (id int)",
        "CREATE USER other",
        "SELECT * FROM mysql.user",
        "SHOW BINARY LOGS",
    ] {
        let refused = application.query_drop(denied).await;
        assert!(matches!(refused, Err(mysql_async::Error::Server(_))), "{denied}: {refused:?}");
    }
    let wrong = engine.url().replace(&place.secrets.application, "guess");
    let nobody = engine.url().replace("offers:", "root:");
    let without = engine.url().replace(&format!("offers:{}", place.secrets.application), "root");
    for url in [wrong, nobody, without] {
        assert!(connect(&url).await.is_err(), "{url} must not be let in");
    }
    no_password_shows(place, engine);
}

/// Neither in the log nor on the command line, in the environment or in a file beside the data.
fn no_password_shows(place: &Place, engine: &Engine) {
    let pid = engine.child().unwrap().pid();
    let mut seen = fs::read_to_string(&engine.spec().log).unwrap();
    seen += &fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    seen += &fs::read_to_string(format!("/proc/{pid}/environ")).unwrap_or_default();
    seen += &fs::read_to_string(engine.spec().data.join("standfast.cnf")).unwrap();
    assert!(seen.contains("primary"), "there is something to look at: {seen}");
    let secrets = &place.secrets;
    for secret in [&secrets.superuser, &secrets.replicator, &secrets.application] {
        assert!(!seen.contains(secret));
    }
    let siblings = fs::read_dir(engine.spec().data.parent().unwrap()).unwrap().count();
    assert_eq!(siblings, 1, "password files are removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_runs_scripts_guards_its_tables_and_says_why_it_cannot_start() {
    is_told_what_to_do(EngineKind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_runs_scripts_guards_its_tables_and_says_why_it_cannot_start() {
    is_told_what_to_do(EngineKind::Mysql).await;
}
