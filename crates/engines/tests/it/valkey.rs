//! Valkey.
