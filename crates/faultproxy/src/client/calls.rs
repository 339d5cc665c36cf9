//! The calls, one function each.

use std::net::SocketAddr;

use hyper::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::error::ClientError;
use super::exchange::{Call, exchange};
use crate::api::documents::{
    AdoptionDocument, ProxiesDocument, ProxyDocument, ResetDocument, SeedDocument, ToxicDocument,
};
use crate::api::route::{OURS, encoded};
use crate::proxy::{Adoption, ProxyChange, ProxyDeclaration, ProxyView, ToxicChange, ToxicView};
use crate::toxic::Toxic;

/// A fault proxy that answers at an address.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    server: SocketAddr,
}

impl Client {
    pub fn new(server: SocketAddr) -> Self {
        Self { server }
    }

    /// The seed that all chance of the server is drawn from.
    pub async fn seed(&self) -> Result<u64, ClientError> {
        let seed: SeedDocument = self.ask(Call::of(Method::GET, format!("{OURS}/seed"))).await?;
        Ok(seed.seed)
    }

    pub async fn list(&self) -> Result<Vec<ProxyView>, ClientError> {
        let call = Call::of(Method::GET, format!("{OURS}/proxies"));
        let all: ProxiesDocument = self.ask(call).await?;
        all.proxies.into_iter().map(|proxy| self.view(proxy)).collect()
    }

    pub async fn get(&self, proxy: &str) -> Result<ProxyView, ClientError> {
        self.proxy(Call::of(Method::GET, proxy_path(proxy))).await
    }

    /// Makes a proxy with its toxics, or nothing.
    pub async fn create(&self, declaration: &ProxyDeclaration) -> Result<ProxyView, ClientError> {
        let call = Call::of(Method::POST, format!("{OURS}/proxies"));
        self.proxy(call.with(&ProxyDocument::from(declaration))).await
    }

    pub async fn update(
        &self,
        proxy: &str,
        change: &ProxyChange,
    ) -> Result<ProxyView, ClientError> {
        let ProxyChange { listen, upstream, enabled } = change;
        let body = json!({ "listen": listen, "upstream": upstream, "enabled": enabled });
        self.proxy(Call::of(Method::PATCH, proxy_path(proxy)).with(&body)).await
    }

    pub async fn delete(&self, proxy: &str) -> Result<(), ClientError> {
        self.tell(Call::of(Method::DELETE, proxy_path(proxy))).await
    }

    /// Enables every proxy and removes all toxics.
    pub async fn reset(&self) -> Result<(), ClientError> {
        self.tell(Call::of(Method::POST, "/reset".to_owned())).await
    }

    pub async fn add_toxic(&self, proxy: &str, toxic: &Toxic) -> Result<ToxicView, ClientError> {
        let call = Call::of(Method::POST, format!("{}/toxics", proxy_path(proxy)));
        self.toxic_of(call.with(&ToxicDocument::from(toxic))).await
    }

    pub async fn toxic(&self, proxy: &str, toxic: &str) -> Result<ToxicView, ClientError> {
        self.toxic_of(Call::of(Method::GET, toxic_path(proxy, toxic))).await
    }

    pub async fn change_toxic(
        &self,
        proxy: &str,
        toxic: &str,
        change: &ToxicChange,
    ) -> Result<ToxicView, ClientError> {
        let call = Call::of(Method::PATCH, toxic_path(proxy, toxic));
        self.toxic_of(call.with(&change_document(change))).await
    }

    /// Removes a toxic; answers it as it was, with what it did.
    pub async fn remove_toxic(&self, proxy: &str, toxic: &str) -> Result<ToxicView, ClientError> {
        self.toxic_of(Call::of(Method::DELETE, toxic_path(proxy, toxic))).await
    }

    /// Resets every live connection of a proxy; answers how many.
    pub async fn reset_connections(&self, proxy: &str) -> Result<usize, ClientError> {
        let call = Call::of(Method::POST, format!("{}/reset", proxy_path(proxy)));
        let reset: ResetDocument = self.ask(call).await?;
        Ok(reset.connections)
    }

    /// Answers when every live connection runs under the newest toxics, or after five seconds.
    pub async fn adopted(&self, proxy: &str) -> Result<Adoption, ClientError> {
        let call = Call::of(Method::GET, format!("{}/adopted", proxy_path(proxy)));
        let adoption: AdoptionDocument = self.ask(call).await?;
        Ok(adoption.into())
    }

    async fn proxy(&self, call: Call) -> Result<ProxyView, ClientError> {
        let document: ProxyDocument = self.ask(call).await?;
        self.view(document)
    }

    async fn toxic_of(&self, call: Call) -> Result<ToxicView, ClientError> {
        let document: ToxicDocument = self.ask(call).await?;
        let call = format!("toxic `{}` of http://{}", document.name, self.server);
        ToxicView::try_from(document)
            .map_err(|error| ClientError::Unexpected { call, reason: error.to_string() })
    }

    fn view(&self, document: ProxyDocument) -> Result<ProxyView, ClientError> {
        let call = format!("proxy `{}` of http://{}", document.name, self.server);
        ProxyView::try_from(document)
            .map_err(|error| ClientError::Unexpected { call, reason: error.to_string() })
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let name = call.name(self.server);
        let answer = exchange(self.server, call).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| ClientError::Unexpected { call: name, reason: error.to_string() })
    }

    async fn tell(&self, call: Call) -> Result<(), ClientError> {
        exchange(self.server, call).await.map(drop)
    }
}

/// A name as one segment of a path.
fn segment(name: &str) -> String {
    encoded(name).replace('/', "%2F")
}

fn proxy_path(proxy: &str) -> String {
    format!("{OURS}/proxies/{}", segment(proxy))
}

fn toxic_path(proxy: &str, toxic: &str) -> String {
    format!("{}/toxics/{}", proxy_path(proxy), segment(toxic))
}

/// Only what is to be different: a schedule of `null` takes it away.
fn change_document(change: &ToxicChange) -> Map<String, Value> {
    let mut document = Map::new();
    if let Some(kind) = &change.kind {
        let kind = json!(kind);
        document.insert("attributes".to_owned(), kind["attributes"].clone());
    }
    if let Some(toxicity) = change.toxicity {
        document.insert("toxicity".to_owned(), json!(toxicity));
    }
    if let Some(client) = change.client {
        document.insert("client".to_owned(), json!(client));
    }
    if let Some(schedule) = change.schedule {
        document.insert("schedule".to_owned(), json!(schedule));
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_anything_in_them_become_one_segment() {
        assert_eq!(toxic_path("a/b", "ü ?"), "/standfast/v1/proxies/a%2Fb/toxics/%C3%BC%20%3F");
    }

    #[test]
    fn a_schedule_is_taken_away_by_null_and_left_by_silence() {
        let change = ToxicChange { schedule: Some(None), ..ToxicChange::default() };
        assert_eq!(Value::Object(change_document(&change)), json!({ "schedule": null }));
        assert!(change_document(&ToxicChange::default()).is_empty());
    }
}
