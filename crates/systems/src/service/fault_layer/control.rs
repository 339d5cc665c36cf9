//! The second port of a service that the lab may break: `PUT`, `GET` and `DELETE /fault`.

use std::net::{Ipv4Addr, SocketAddrV4};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;

use super::kind::FaultKind;
use super::layer::{FaultLayer, TOKEN};
use super::switch::Switch;
use crate::serve::ServeError;
use crate::service::environment::Environment;
use crate::service::problem::Problem;

/// The port of the lab, taken and not served yet; nothing when the lab may not break the service.
#[derive(Debug)]
pub(crate) struct Control {
    open: Option<(TcpListener, Switch)>,
}

/// The body of `PUT /fault`.
#[derive(Debug, Deserialize)]
struct Wanted {
    /// What chance is drawn from.
    #[serde(default)]
    seed: u64,
    #[serde(flatten)]
    fault: Value,
}

impl Control {
    /// A service that nobody may break from inside.
    pub(crate) fn none() -> Self {
        Self { open: None }
    }

    /// Takes the port when the lab wants it: `STANDFAST_FAULTS=true`, and a token to know it by.
    pub(crate) async fn listen(
        environment: &Environment<'_>,
        bind: Ipv4Addr,
    ) -> Result<Self, ServeError> {
        if environment.get("STANDFAST_FAULTS").as_deref() != Some("true") {
            return Ok(Self::none());
        }
        let token: String = environment.required("STANDFAST_RUN_TOKEN")?;
        let port: u16 = environment.required("FAULT_PORT")?;
        let address = SocketAddrV4::new(bind, port);
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| ServeError::Listen { address, source })?;
        Ok(Self { open: Some((listener, Switch::new(token))) })
    }

    /// The layer that obeys it.
    pub(crate) fn layer(&self) -> FaultLayer {
        FaultLayer { switch: self.open.as_ref().map(|(_, switch)| switch.clone()) }
    }

    /// Serves the port for as long as it is polled; it never ends by itself.
    pub(crate) async fn serve(self) {
        if let Some((listener, switch)) = self.open
            && let Err(error) = axum::serve(listener, router(switch)).await
        {
            tracing::error!(%error, "faults can no longer be injected");
        }
        std::future::pending().await
    }
}

fn router(switch: Switch) -> Router {
    Router::new()
        .route("/fault", get(report).put(put).delete(clear))
        .layer(from_fn_with_state(switch.clone(), only_the_lab))
        .with_state(switch)
}

async fn only_the_lab(State(switch): State<Switch>, request: Request, next: Next) -> Response {
    let token = request.headers().get(TOKEN);
    if token.is_some_and(|token| switch.knows(token.as_bytes())) {
        return next.run(request).await;
    }
    let detail = format!("{TOKEN} is missing or of another run");
    Problem::new(StatusCode::FORBIDDEN, "forbidden", "This is for the lab only", detail)
        .into_response()
}

async fn put(State(switch): State<Switch>, body: bytes::Bytes) -> Response {
    let wanted: Wanted = match serde_json::from_slice(&body) {
        Ok(wanted) => wanted,
        Err(error) => return Problem::bad_request(error.to_string()).into_response(),
    };
    let fault: FaultKind = match serde_json::from_value(wanted.fault) {
        Ok(fault) => fault,
        Err(error) => return Problem::bad_request(error.to_string()).into_response(),
    };
    if let Some(objection) = fault.objection() {
        return Problem::unprocessable(objection).into_response();
    }
    tracing::warn!(?fault, seed = wanted.seed, "a fault is injected");
    Json(switch.put(fault, wanted.seed)).into_response()
}

async fn report(State(switch): State<Switch>) -> Response {
    Json(switch.report()).into_response()
}

async fn clear(State(switch): State<Switch>) -> Response {
    tracing::info!("the fault is cleared");
    Json(switch.clear()).into_response()
}

#[cfg(test)]
mod tests;
