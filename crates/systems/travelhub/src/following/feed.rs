//! The log of reservations as its readers ask for it.

use std::time::Duration;

use axum::http::StatusCode;
use standfast_tactics::deadline::Deadline;
use tokio::time::Instant;

use super::super::wire::{EventPage, Gone, Snapshot};
use super::settings::FollowerSettings;
use crate::service::peer::{Call, CallError, Peer, PeerLimits};

/// A full page has some 1.5 MB; a snapshot has each night on which a room is taken.
const LIMITS: PeerLimits = PeerLimits { calls_max: 2, response_length_max: 256 << 20 };

/// A page is one query; its reader is not in anybody's way.
const PAGE_TIME_MAX: Duration = Duration::from_secs(1);
const SNAPSHOT_TIME_MAX: Duration = Duration::from_secs(10);

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum FeedError {
    #[error("reservations could not be asked: {0}")]
    NoAnswer(#[from] CallError),
    #[error("reservations answered {0}")]
    Status(StatusCode),
    #[error("what reservations answered cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// What is behind a number.
#[derive(Debug)]
pub(super) enum Fetched {
    Page(EventPage),
    /// The log does not go back that far.
    Gone(Gone),
}

/// The reservations service, and as whom it is asked.
#[derive(Debug)]
pub(super) struct Feed {
    peer: Peer,
    consumer: &'static str,
    pub(super) page_length: usize,
}

impl Feed {
    pub(super) fn new(settings: &FollowerSettings, consumer: &'static str) -> Self {
        let peer = Peer::new(settings.reservations.clone(), LIMITS);
        Self { peer, consumer, page_length: settings.page_length }
    }

    pub(super) async fn since(&self, number: u64) -> Result<Fetched, FeedError> {
        let Self { consumer, page_length, .. } = self;
        let path = format!("/events?since={number}&limit={page_length}&consumer={consumer}");
        let deadline = Deadline::after(Instant::now(), PAGE_TIME_MAX);
        let response = self.peer.call(&Call::get(path), deadline).await?;
        match response.status {
            StatusCode::OK => Ok(Fetched::Page(serde_json::from_slice(&response.body)?)),
            StatusCode::GONE => Ok(Fetched::Gone(serde_json::from_slice(&response.body)?)),
            status => Err(FeedError::Status(status)),
        }
    }

    pub(super) async fn snapshot(&self) -> Result<Snapshot, FeedError> {
        let deadline = Deadline::after(Instant::now(), SNAPSHOT_TIME_MAX);
        let response = self.peer.call(&Call::get("/events/snapshot"), deadline).await?;
        match response.status {
            StatusCode::OK => Ok(serde_json::from_slice(&response.body)?),
            status => Err(FeedError::Status(status)),
        }
    }
}
