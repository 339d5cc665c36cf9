//! Nginx: in front of a service, whether that is there or not.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use standfast_engines::{Engine, EngineError, EngineKind};

use crate::place::{Place, free_port};

async fn create(place: &Place, upstream: u16) -> Engine {
    let mut spec = place.spec("gateway", EngineKind::Nginx);
    spec.configuration = Some(format!(
        "events {{}}\nhttp {{\n  access_log off;\n  proxy_connect_timeout 1s;\n  server {{\n    \
         listen 127.0.0.1:{};\n    location / {{ proxy_pass http://127.0.0.1:{upstream}; }}\n  \
         }}\n}}\n",
        spec.port
    ));
    place.create(spec).await
}

/// The first line of the answer to a request for `/`.
async fn ask(engine: &Engine) -> String {
    let port = engine.spec().port;
    let ask = move || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

fn serve_once(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = [0; 1024];
    let length = stream.read(&mut request).unwrap();
    assert!(length > 0);
    stream.write_all(b"HTTP/1.0 204 No Content\r\n\r\n").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_forwards_survives_its_service_and_is_back_after_a_crash() {
    let place = Place::new("nginx");
    let service = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let engine = create(&place, service.local_addr().unwrap().port()).await;
    // It counts as started only when it has answered, here with what the service says.
    let served = tokio::task::spawn_blocking(move || {
        serve_once(&service);
        serve_once(&service);
    });
    engine.start().await.unwrap();
    assert_eq!(ask(&engine).await, "HTTP/1.1 204 No Content");
    served.await.unwrap();
    assert_eq!(ask(&engine).await, "HTTP/1.1 502 Bad Gateway", "the service is gone");
    engine.kill().await.unwrap();
    assert!(engine.ready().await.is_err(), "its workers went with it");
    engine.start().await.unwrap();
    assert!(!engine.stop().await.unwrap().killed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_one_does_not_answer() {
    let place = Place::new("nginx-frozen");
    let engine = create(&place, free_port()).await;
    engine.start().await.unwrap();
    engine.pause().await.unwrap();
    assert!(matches!(engine.ready().await, Err(EngineError::NoAnswer { .. })));
    engine.resume().await.unwrap();
    engine.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_its_configuration_is_shown_with_its_line() {
    let place = Place::new("nginx-mistake");
    let mut spec = place.spec("gateway", EngineKind::Nginx);
    spec.configuration = Some("events {}\nhttp { lissten 1; }\n".to_owned());
    let engine = place.create(spec).await;
    let error = engine.start().await.unwrap_err().to_string();
    assert!(error.contains("unknown directive \"lissten\"") && error.contains(":2"), "{error}");
}
