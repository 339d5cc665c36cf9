//! What the tactics promise, as sentences.

mod breaker_options;
mod bulkhead;
mod circuit_breaker;
mod coalesce;
mod deadline;
mod degrade;
mod detect_echo;
mod detect_push;
mod detect_quality;
mod detect_watch;
mod event_log;
mod hedge;
mod outbox;
mod outbox_history;
mod outlier;
mod outlier_ejector;
mod replica_guard;
mod retry;
mod saga;
mod saga_history;
mod session_token;
mod shed;
mod shed_overload;
mod stack;
mod vote;
mod vote_collect;
