//! What the tactics promise, as sentences.

mod breaker_options;
mod bulkhead;
mod circuit_breaker;
mod coalesce;
mod deadline;
mod detect_echo;
mod detect_push;
mod detect_quality;
mod detect_watch;
mod outbox;
mod outbox_history;
mod outlier;
mod outlier_ejector;
mod replica_guard;
mod retry;
mod saga;
mod saga_history;
mod session_token;
mod vote;
mod vote_collect;
