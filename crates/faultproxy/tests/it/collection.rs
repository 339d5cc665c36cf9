//! The collection: names, addresses, and what remains when something fails.

use standfast_faultproxy::toxic::{Latency, Noop, ToxicKind};
use standfast_faultproxy::{
    FaultProxy, Options, ProxyChange, ProxyDeclaration, ProxyError, ToxicChange,
};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::{Place, downstream, soon, start, until, upstream};

fn proxy_at(name: &str, listen: &str) -> ProxyDeclaration {
    ProxyDeclaration { listen: listen.to_owned(), ..ProxyDeclaration::local(name, "127.0.0.1:1") }
}

fn listen_at(listen: &str) -> ProxyChange {
    ProxyChange { listen: Some(listen.to_owned()), ..ProxyChange::default() }
}

fn noop(name: &str) -> standfast_faultproxy::toxic::Toxic {
    downstream(ToxicKind::Noop(Noop {})).named(name)
}

#[tokio::test]
async fn addresses_are_resolved_and_given_back_as_toxiproxy_does() {
    let proxy = start();
    for (given, prefix) in [
        ("", "[::]:"),
        ("0.0.0.0:0", "[::]:"),
        ("localhost:0", "127.0.0.1:"),
        ("[::1]:0", "[::1]:"),
        ("127.0.0.1:", "127.0.0.1:"),
    ] {
        let view = proxy.create(proxy_at(&format!("at {given}"), given)).await.unwrap();
        assert!(view.listen.starts_with(prefix) && !view.listen.ends_with(":0"), "{view:?}");
        let port: u16 = view.listen.rsplit_once(':').unwrap().1.parse().unwrap();
        if prefix != "[::1]:" {
            TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        }
    }
    let disabled = ProxyDeclaration { enabled: false, ..proxy_at("off", "nonsense") };
    assert_eq!(proxy.create(disabled).await.unwrap().listen, "nonsense");
}

#[tokio::test]
async fn a_proxy_is_made_whole_or_not_at_all() {
    let proxy = start();
    let twice = vec![noop("same"), upstream(ToxicKind::Noop(Noop {})).named("same")];
    let declaration = ProxyDeclaration { toxics: twice, ..proxy_at("p", "127.0.0.1:0") };
    let error = proxy.create(declaration).await.unwrap_err();
    assert!(matches!(error, ProxyError::ToxicAlreadyExists), "{error:?}");
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let busy = holder.local_addr().unwrap().to_string();
    let declaration = ProxyDeclaration { toxics: vec![noop("n")], ..proxy_at("p", &busy) };
    let error = proxy.create(declaration.clone()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("listen tcp {busy}: bind: address already in use"));
    assert!(proxy.list().is_empty());
    drop(holder);
    assert_eq!(proxy.create(declaration.clone()).await.unwrap().toxics.len(), 1);
    let error = proxy.create(declaration).await.unwrap_err();
    assert!(matches!(error, ProxyError::AlreadyExists), "{error:?}");
}

#[tokio::test]
async fn a_port_that_cannot_be_had_leaves_all_as_it_was() {
    let place = Place::new().await;
    let (client, server) = place.pair().await;
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let busy = holder.local_addr().unwrap().to_string();
    place.proxy.update("p", listen_at(&busy)).await.unwrap_err();
    place.proxy.update("p", listen_at("nonsense")).await.unwrap_err();
    let view = place.proxy.get("p").unwrap();
    assert_eq!((view.listen, view.enabled), (place.view.listen.clone(), true));
    assert_eq!(view.counters.connections_live, 1);
    place.pair().await;
    drop((client, server));
}

#[tokio::test]
async fn the_same_address_in_other_words_changes_nothing() {
    let place = Place::new().await;
    let _kept = place.pair().await;
    let port = place.view.listen.rsplit_once(':').unwrap().1;
    place.proxy.update("p", listen_at(&format!("localhost:{port}"))).await.unwrap();
    assert_eq!(place.proxy.get("p").unwrap().counters.connections_live, 1);
}

#[tokio::test]
async fn a_wider_address_takes_the_place_of_its_own_port() {
    let place = Place::new().await;
    let port = place.view.listen.rsplit_once(':').unwrap().1;
    let view = place.proxy.update("p", listen_at(&format!("0.0.0.0:{port}"))).await.unwrap();
    assert_eq!(view.listen, format!("[::]:{port}"));
    place.pair().await;
}

#[tokio::test]
async fn another_upstream_ends_connections_and_leads_new_ones_there() {
    let place = Place::new().await;
    let (mut client, _server) = place.pair().await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = elsewhere.local_addr().unwrap().to_string();
    let change = ProxyChange { upstream: Some(there), ..ProxyChange::default() };
    let view = place.proxy.update("p", change).await.unwrap();
    assert_eq!(view.listen, place.view.listen);
    let read = soon("the end", client.read(&mut [0])).await.unwrap();
    assert_eq!(read, 0);
    let _client = place.connect().await;
    soon("a connection elsewhere", elsewhere.accept()).await.unwrap();
}

#[tokio::test]
async fn populating_leaves_alone_what_is_the_same_and_stops_at_the_first_failure() {
    let place = Place::with_toxics(vec![noop("kept")]).await;
    let off = ProxyChange { enabled: Some(false), ..ProxyChange::default() };
    place.proxy.update("p", off).await.unwrap();
    let same = proxy_at("p", &place.view.listen);
    let same = ProxyDeclaration { upstream: place.view.upstream.clone(), ..same };
    let made = place.proxy.populate(vec![same, proxy_at("q", "127.0.0.1:0")]).await.unwrap();
    assert_eq!((made[0].enabled, made[0].toxics.len()), (false, 1), "left untouched");
    assert!(made[1].enabled);

    let replaced = proxy_at("p", "127.0.0.1:0");
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let busy = proxy_at("q", &holder.local_addr().unwrap().to_string());
    let later = proxy_at("r", "127.0.0.1:0");
    let error = place.proxy.populate(vec![replaced, busy, later]).await.unwrap_err();
    assert_eq!(error.made.len(), 1);
    assert_eq!((error.made[0].enabled, error.made[0].toxics.len()), (true, 0), "replaced");
    assert!(place.proxy.get("q").unwrap().enabled, "as it was");
    assert!(place.proxy.get("r").is_err(), "not reached");

    let nameless = vec![proxy_at("s", "127.0.0.1:0"), proxy_at("", "127.0.0.1:0")];
    let error = place.proxy.populate(nameless).await.unwrap_err();
    assert_eq!(error.to_string(), "missing required field: name at proxy 2");
    assert!(place.proxy.get("s").is_err(), "all are checked first");
}

#[tokio::test]
async fn a_reset_enables_every_proxy_and_removes_all_toxics() {
    let place = Place::with_toxics(vec![noop("n")]).await;
    let off = ProxyChange { enabled: Some(false), ..ProxyChange::default() };
    place.proxy.update("p", off).await.unwrap();
    place.proxy.reset().await.unwrap();
    let view = place.proxy.get("p").unwrap();
    assert_eq!((view.enabled, view.toxics.len()), (true, 0));
    place.pair().await;
}

#[tokio::test]
async fn toxics_are_listed_by_direction_and_changed_within_their_type() {
    let latency = |latency| ToxicKind::Latency(Latency { latency, jitter: 0 });
    let place = Place::with_toxics(vec![noop("first"), noop("second")]).await;
    place.proxy.add_toxic("p", upstream(latency(10)).named("up")).unwrap();
    let names = |proxy: &FaultProxy| -> Vec<String> {
        proxy.get("p").unwrap().toxics.into_iter().map(|view| view.toxic.name).collect()
    };
    assert_eq!(names(&place.proxy), ["up", "first", "second"]);
    let error = place.proxy.add_toxic("p", noop("up")).unwrap_err();
    assert!(matches!(error, ProxyError::ToxicAlreadyExists));
    let change =
        ToxicChange { kind: Some(latency(20)), toxicity: Some(0.5), ..ToxicChange::default() };
    let changed = place.proxy.change_toxic("p", "up", change.clone()).unwrap().toxic;
    assert_eq!((changed.kind, changed.toxicity), (latency(20), 0.5));
    let error = place.proxy.change_toxic("p", "first", change).unwrap_err();
    assert!(matches!(error, ProxyError::OtherType { .. }));
    place.proxy.remove_toxic("p", "first").unwrap();
    assert_eq!(names(&place.proxy), ["up", "second"]);
    assert!(matches!(place.proxy.remove_toxic("p", "first"), Err(ProxyError::ToxicNotFound)));
    assert!(matches!(place.proxy.toxic("q", "up"), Err(ProxyError::NotFound)));
}

#[tokio::test]
async fn more_connections_than_allowed_are_closed_and_counted() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options { connections_max: 2, ..Options::default() };
    let proxy = FaultProxy::start(options).unwrap();
    let upstream = server.local_addr().unwrap().to_string();
    let view = proxy.create(ProxyDeclaration::local("p", upstream)).await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(TcpStream::connect(&view.listen).await.unwrap());
    }
    let read = soon("the end of the third", clients[2].read(&mut [0])).await.unwrap();
    assert_eq!(read, 0);
    let counters = proxy.get("p").unwrap().counters;
    assert_eq!((counters.connections_live, counters.connections_refused), (2, 1));
    clients.clear();
    // Their ends are noticed once the server has ended as well.
    drop(server);
    until("there is room again", || proxy.get("p").unwrap().counters.connections_live == 0).await;
}

#[test]
fn the_calls_may_be_made_from_any_runtime() {
    let proxy = start();
    // Without timers and sockets of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        proxy.create(proxy_at("p", "localhost:0")).await.unwrap();
        proxy.adopted("p", super::PATIENCE).await.unwrap();
        proxy.reset().await.unwrap();
        proxy.delete("p").await.unwrap();
    });
}

#[test]
fn the_handle_can_be_shared_and_its_futures_sent() {
    fn check<T: Send>(value: T) -> T {
        value
    }
    let proxy = check(start());
    drop(check(proxy.reset()));
    drop(check(proxy.create(proxy_at("p", ""))));
    drop(check(proxy.populate(Vec::new())));
    drop(check(proxy.update("p", ProxyChange::default())));
    drop(check(proxy.adopted("p", super::PATIENCE)));
}
