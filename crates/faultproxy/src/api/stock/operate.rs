//! One function per operation of Toxiproxy.

use hyper::body::Incoming;
use hyper::{Response, StatusCode};

use super::decode::{self, NewToxic};
use super::documents::{PopulateDocument, ProxyDocument, ToxicDocument, by_name, toxics};
use super::refused::Refused;
use crate::api::body;
use crate::api::ours;
use crate::api::respond::{self, Body};
use crate::api::route::{Operation, ToxicPath};
use crate::metrics;
use crate::proxy::{FaultProxy, PopulateError, ProxyError, ProxyView};

/// The version whose interface this is: clients switch on it.
const VERSION: &str = "{\"version\": \"2.12.0\"}\n";

type Answer = Result<Response<Body>, Refused>;

/// Carries an operation out.
pub(in crate::api) async fn operate(
    proxies: &FaultProxy,
    operation: Operation,
    body: Incoming,
) -> Response<Body> {
    let answer = match operation {
        Operation::ListProxies => Ok(respond::json(StatusCode::OK, &by_name(&proxies.list()))),
        Operation::CreateProxy => create_proxy(proxies, body).await,
        Operation::ShowProxy(name) => show_proxy(proxies, &name),
        Operation::UpdateProxy(name) => update_proxy(proxies, &name, body).await,
        Operation::DeleteProxy(name) => delete_proxy(proxies, &name).await,
        Operation::ListToxics(name) => list_toxics(proxies, &name),
        Operation::CreateToxic(name) => create_toxic(proxies, &name, body).await,
        Operation::ShowToxic(path) => show_toxic(proxies, &path),
        Operation::UpdateToxic(path) => update_toxic(proxies, &path, body).await,
        Operation::DeleteToxic(path) => delete_toxic(proxies, &path),
        Operation::Populate => populate(proxies, body).await,
        Operation::Reset => reset(proxies).await,
        Operation::Version => {
            Ok(respond::text("application/json;charset=utf-8", VERSION.to_owned()))
        }
        Operation::Metrics => {
            Ok(respond::text(metrics::CONTENT_TYPE, metrics::text(&proxies.list())))
        }
        Operation::Ours(operation) => Ok(ours::operate(proxies, operation, body).await),
    };
    answer.unwrap_or_else(|refused| refused.response())
}

fn proxy_document(status: StatusCode, proxy: &ProxyView) -> Answer {
    Ok(respond::json(status, &ProxyDocument::from(proxy)))
}

async fn create_proxy(proxies: &FaultProxy, body: Incoming) -> Answer {
    let declaration = decode::declaration(&body::read(body).await?)?;
    proxy_document(StatusCode::CREATED, &proxies.create(declaration).await?)
}

fn show_proxy(proxies: &FaultProxy, name: &str) -> Answer {
    proxy_document(StatusCode::OK, &proxies.get(name)?)
}

async fn update_proxy(proxies: &FaultProxy, name: &str, body: Incoming) -> Answer {
    proxies.get(name)?;
    let change = decode::proxy_change(&body::read(body).await?)?;
    proxy_document(StatusCode::OK, &proxies.update(name, change).await?)
}

async fn delete_proxy(proxies: &FaultProxy, name: &str) -> Answer {
    proxies.delete(name).await?;
    Ok(respond::empty(StatusCode::NO_CONTENT))
}

fn list_toxics(proxies: &FaultProxy, name: &str) -> Answer {
    Ok(respond::json(StatusCode::OK, &toxics(&proxies.get(name)?)))
}

async fn create_toxic(proxies: &FaultProxy, name: &str, body: Incoming) -> Answer {
    proxies.get(name)?;
    let new = NewToxic::read(&body::read(body).await?)?;
    if proxies.toxic(name, &new.name).is_ok() {
        return Err(ProxyError::ToxicAlreadyExists.into());
    }
    let added = proxies.add_toxic(name, new.toxic()?)?;
    Ok(respond::json(StatusCode::OK, &ToxicDocument::from(&added)))
}

fn show_toxic(proxies: &FaultProxy, path: &ToxicPath) -> Answer {
    let toxic = proxies.toxic(&path.proxy, &path.toxic)?;
    Ok(respond::json(StatusCode::OK, &ToxicDocument::from(&toxic)))
}

async fn update_toxic(proxies: &FaultProxy, path: &ToxicPath, body: Incoming) -> Answer {
    let present = proxies.toxic(&path.proxy, &path.toxic)?;
    let change = decode::toxic_change(&present.toxic.kind, &body::read(body).await?)?;
    let changed = proxies.change_toxic(&path.proxy, &path.toxic, change)?;
    Ok(respond::json(StatusCode::OK, &ToxicDocument::from(&changed)))
}

fn delete_toxic(proxies: &FaultProxy, path: &ToxicPath) -> Answer {
    proxies.remove_toxic(&path.proxy, &path.toxic)?;
    Ok(respond::empty(StatusCode::NO_CONTENT))
}

/// Its errors are JSON in name as well, and tell what was made before them.
async fn populate(proxies: &FaultProxy, body: Incoming) -> Answer {
    let declarations = match decode::declarations(&body::read(body).await?) {
        Ok(declarations) => declarations,
        Err(refused) => return Ok(populated(&[], Some(&refused))),
    };
    Ok(match proxies.populate(declarations).await {
        Ok(made) => populated(&made, None),
        Err(PopulateError { made, error }) => populated(&made, Some(&error.into())),
    })
}

fn populated(made: &[ProxyView], refused: Option<&Refused>) -> Response<Body> {
    let documents: Vec<_> = made.iter().map(ProxyDocument::from).collect();
    let status = refused.map_or(StatusCode::CREATED, |refused| refused.status);
    let document = PopulateDocument {
        error: refused.map(|refused| refused.text.as_str()),
        status: refused.map(|refused| refused.status.as_u16()),
        proxies: (!documents.is_empty()).then_some(documents),
    };
    respond::json(status, &document)
}

async fn reset(proxies: &FaultProxy) -> Answer {
    proxies.reset().await?;
    Ok(respond::empty(StatusCode::NO_CONTENT))
}
