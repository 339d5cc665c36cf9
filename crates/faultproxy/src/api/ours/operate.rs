//! One function per operation of our own interface.

use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Response, StatusCode};

use crate::api::body::{self, BodyError};
use crate::api::documents::{
    AdoptionDocument, ProxiesDocument, ProxyDocument, ResetDocument, SeedDocument, ToxicDocument,
};
use crate::api::go_json::{Node, first};
use crate::api::respond::{self, Body};
use crate::api::route::{OurOperation, ToxicPath};
use crate::api::strict::{self, Mistake, Position};
use crate::proxy::{FaultProxy, ProxyError, ProxyView};

/// How long a caller waits for connections to run under new toxics: each is woken at once, so that
/// more would only hide one that never will.
const ADOPTED_WITHIN: Duration = Duration::from_secs(5);

/// Why an operation is refused.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    detail: String,
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        Self { status: error.status(), detail: error.to_string() }
    }
}

impl From<ProxyError> for Refused {
    fn from(error: ProxyError) -> Self {
        let status = match error {
            ProxyError::NotFound | ProxyError::ToxicNotFound => StatusCode::NOT_FOUND,
            ProxyError::AlreadyExists
            | ProxyError::ToxicAlreadyExists
            | ProxyError::Bind { .. } => StatusCode::CONFLICT,
            ProxyError::MissingField { .. }
            | ProxyError::OtherType { .. }
            | ProxyError::Address { .. } => StatusCode::BAD_REQUEST,
        };
        Self { status, detail: error.to_string() }
    }
}

type Answer = Result<Response<Body>, Refused>;

/// Carries an operation out.
pub(in crate::api) async fn operate(
    proxies: &FaultProxy,
    operation: OurOperation,
    body: Incoming,
) -> Response<Body> {
    let answer = match operation {
        OurOperation::ShowSeed => {
            Ok(respond::json(StatusCode::OK, &SeedDocument { seed: proxies.seed() }))
        }
        OurOperation::ListProxies => Ok(list_proxies(proxies)),
        OurOperation::CreateProxy => create_proxy(proxies, body).await,
        OurOperation::ShowProxy(name) => show_proxy(proxies, &name),
        OurOperation::UpdateProxy(name) => update_proxy(proxies, &name, body).await,
        OurOperation::DeleteProxy(name) => delete_proxy(proxies, &name).await,
        OurOperation::ResetConnections(name) => reset_connections(proxies, &name),
        OurOperation::ShowAdoption(name) => show_adoption(proxies, &name).await,
        OurOperation::CreateToxic(name) => create_toxic(proxies, &name, body).await,
        OurOperation::ShowToxic(path) => show_toxic(proxies, &path),
        OurOperation::UpdateToxic(path) => update_toxic(proxies, &path, body).await,
        OurOperation::DeleteToxic(path) => delete_toxic(proxies, &path),
    };
    answer.unwrap_or_else(|refused| respond::problem(refused.status, &refused.detail))
}

fn list_proxies(proxies: &FaultProxy) -> Response<Body> {
    let proxies = proxies.list().iter().map(ProxyDocument::from).collect();
    respond::json(StatusCode::OK, &ProxiesDocument { proxies })
}

async fn create_proxy(proxies: &FaultProxy, body: Incoming) -> Answer {
    let declaration = read(body, strict::declaration).await?;
    Ok(proxy_document(StatusCode::CREATED, &proxies.create(declaration).await?))
}

fn show_proxy(proxies: &FaultProxy, name: &str) -> Answer {
    Ok(proxy_document(StatusCode::OK, &proxies.get(name)?))
}

async fn update_proxy(proxies: &FaultProxy, name: &str, body: Incoming) -> Answer {
    proxies.get(name)?;
    let change = read(body, strict::proxy_change).await?;
    Ok(proxy_document(StatusCode::OK, &proxies.update(name, change).await?))
}

async fn delete_proxy(proxies: &FaultProxy, name: &str) -> Answer {
    proxies.delete(name).await?;
    Ok(respond::empty(StatusCode::NO_CONTENT))
}

fn reset_connections(proxies: &FaultProxy, name: &str) -> Answer {
    let connections = proxies.reset_connections(name)?;
    Ok(respond::json(StatusCode::OK, &ResetDocument { connections }))
}

async fn show_adoption(proxies: &FaultProxy, name: &str) -> Answer {
    let adoption = proxies.adopted(name, ADOPTED_WITHIN).await?;
    Ok(respond::json(StatusCode::OK, &AdoptionDocument::from(adoption)))
}

async fn create_toxic(proxies: &FaultProxy, name: &str, body: Incoming) -> Answer {
    proxies.get(name)?;
    let toxic = read(body, strict::toxic).await?;
    let added = proxies.add_toxic(name, toxic)?;
    Ok(respond::json(StatusCode::CREATED, &ToxicDocument::from(&added)))
}

fn show_toxic(proxies: &FaultProxy, path: &ToxicPath) -> Answer {
    let toxic = proxies.toxic(&path.proxy, &path.toxic)?;
    Ok(respond::json(StatusCode::OK, &ToxicDocument::from(&toxic)))
}

async fn update_toxic(proxies: &FaultProxy, path: &ToxicPath, body: Incoming) -> Answer {
    let present = proxies.toxic(&path.proxy, &path.toxic)?;
    let change = read(body, |node| strict::toxic_change(&present.toxic.kind, node)).await?;
    let changed = proxies.change_toxic(&path.proxy, &path.toxic, change)?;
    Ok(respond::json(StatusCode::OK, &ToxicDocument::from(&changed)))
}

/// Answers the toxic as it was, since its counters are gone with it.
fn delete_toxic(proxies: &FaultProxy, path: &ToxicPath) -> Answer {
    let removed = proxies.remove_toxic(&path.proxy, &path.toxic)?;
    Ok(respond::json(StatusCode::OK, &ToxicDocument::from(&removed)))
}

fn proxy_document(status: StatusCode, proxy: &ProxyView) -> Response<Body> {
    respond::json(status, &ProxyDocument::from(proxy))
}

async fn read<T>(
    body: Incoming,
    decode: impl FnOnce(&Node) -> Result<T, Mistake>,
) -> Result<T, Refused> {
    let body = body::read(body).await?;
    let decoded = first(&body).map_err(Mistake::from).and_then(|node| decode(&node));
    decoded.map_err(|mistake| {
        let place = Position::of(mistake.at, &body);
        Refused { status: StatusCode::BAD_REQUEST, detail: format!("{place}: {mistake}") }
    })
}
