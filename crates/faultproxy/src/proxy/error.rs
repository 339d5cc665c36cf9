//! What can go wrong. The texts are Toxiproxy's where it has one: clients compare them.

use std::io;

use nix::errno::Errno;

use super::view::ProxyView;

/// Why a call had no effect.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    #[error("proxy not found")]
    NotFound,
    #[error("proxy already exists")]
    AlreadyExists,
    #[error("toxic not found")]
    ToxicNotFound,
    #[error("toxic already exists")]
    ToxicAlreadyExists,
    /// `name` or `upstream`; of several proxies with its place, as in `name at proxy 2`.
    #[error("missing required field: {field}")]
    MissingField { field: String },
    /// The address cannot be bound.
    #[error("listen tcp {listen}: {operation}: {}", plain(source))]
    Bind {
        listen: String,
        /// The system call that failed.
        operation: &'static str,
        #[source]
        source: io::Error,
    },
    /// The address to listen on is none.
    #[error("listen tcp: {reason}")]
    Address { reason: String },
    /// A toxic cannot become one of another type.
    #[error("toxic `{toxic}` is a {is}, and cannot become a {wanted}")]
    OtherType { toxic: String, is: &'static str, wanted: &'static str },
}

/// Why only some of several proxies were made.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct PopulateError {
    /// Those that were made, or were there already, before the first that failed.
    pub made: Vec<ProxyView>,
    #[source]
    pub error: ProxyError,
}

/// Why the data plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("thread `{thread}` of the fault proxy did not start")]
    Thread {
        thread: String,
        #[source]
        source: io::Error,
    },
    #[error("threads of the fault proxy must be 1 or more")]
    NoThreads,
}

/// The text of an error of the system as Go has it: lower case, and without its number.
fn plain(error: &io::Error) -> String {
    let Some(code) = error.raw_os_error() else { return error.to_string() };
    let text = Errno::from_raw(code).desc();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_told_in_the_words_that_clients_compare() {
        let error = ProxyError::Bind {
            listen: "127.0.0.1:3310".to_owned(),
            operation: "bind",
            source: io::Error::from_raw_os_error(Errno::EADDRINUSE as i32),
        };
        assert_eq!(error.to_string(), "listen tcp 127.0.0.1:3310: bind: address already in use");
    }
}
