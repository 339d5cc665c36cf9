//! HAProxy by its runtime API: one command per connection, over the socket that its `stats socket`
//! line names (`level admin`).
//!
//! A node that gets clients is `ready`; one that keeps those it has while new ones wait is in
//! `drain`; every other is in `maint`, and its sessions are shut down, because a client that stays
//! connected to an old primary does not notice that there is a new one. What HAProxy does with
//! clients for whom there is no server is its configuration's business: standfast's own lets them
//! wait.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{Routed, Router};
use crate::core::{NodeId, NodeSet, Routing};

/// It answers within a millisecond; one that does not by then hangs.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// Bits of `srv_admin_state`: maintenance that was forced, inherited, or for want of an address;
/// drain likewise. That a server was `disabled` in the configuration (0x04) stays to be seen
/// afterwards.
const MAINTENANCE: u32 = 0x01 | 0x02 | 0x20 | 0x40;
const DRAIN: u32 = 0x08 | 0x10;

/// One backend of an HAProxy, whose servers are called as the nodes.
#[derive(Clone, Debug)]
pub struct HaProxy {
    socket: PathBuf,
    backend: String,
    nodes: Vec<String>,
}

/// Why HAProxy did not do it. What it does now has to be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouterError {
    #[error("HAProxy cannot be asked at {socket}")]
    Unreachable {
        socket: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("HAProxy did not answer within {ANSWER_WITHIN:?} at {socket}")]
    Silent { socket: PathBuf },
    #[error("HAProxy refused `{command}`: {answer}")]
    Refused { command: String, answer: String },
    #[error("HAProxy's backend `{backend}` has no server `{server}`")]
    NoServer { backend: String, server: String },
    #[error("HAProxy was told {wanted:?}, and does {seen:?}")]
    Otherwise { wanted: Routing, seen: Routing },
}

impl HaProxy {
    /// The HAProxy at `socket`, whose `backend` has a server for each of `nodes`.
    pub fn new(socket: PathBuf, backend: String, nodes: Vec<String>) -> Self {
        Self { socket, backend, nodes }
    }

    async fn ask(&self, command: &str) -> Result<String, RouterError> {
        let exchange = async {
            let mut stream = UnixStream::connect(&self.socket).await?;
            stream.write_all(format!("{command}\n").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<String, std::io::Error>(answer)
        };
        match timeout(ANSWER_WITHIN, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) => {
                Err(RouterError::Unreachable { socket: self.socket.clone(), source })
            }
            Err(_elapsed) => Err(RouterError::Silent { socket: self.socket.clone() }),
        }
    }

    /// Commands that say nothing when they succeed, in one go: HAProxy takes several by `;`.
    async fn command(&self, commands: &[String]) -> Result<(), RouterError> {
        let command = commands.join(";");
        let answer = self.ask(&command).await?;
        if answer.trim().is_empty() {
            return Ok(());
        }
        Err(RouterError::Refused { command, answer: answer.trim().to_owned() })
    }

    async fn set(&self, routing: Routing) -> Result<(), RouterError> {
        let server = |index: usize| format!("{}/{}", self.backend, self.nodes[index]);
        let nodes = (0..self.nodes.len()).map(NodeId::new);
        let (ready, others): (Vec<NodeId>, Vec<NodeId>) =
            nodes.partition(|node| routing.ready.contains(*node));
        // First away from the others: between the two steps there may be nobody, never two.
        let mut commands = Vec::new();
        for node in others {
            commands.push(format!("set server {} state maint", server(node.index())));
            commands.push(format!("shutdown sessions server {}", server(node.index())));
        }
        let state = if routing.is_paused { "drain" } else { "ready" };
        for node in ready {
            // `drain` alone does not end maintenance.
            commands.push(format!("set server {} state ready", server(node.index())));
            if routing.is_paused {
                commands.push(format!("set server {} state {state}", server(node.index())));
            }
        }
        self.command(&commands).await?;
        let seen = self.look().await?;
        if seen == routing || (routing.ready.is_empty() && seen.ready.is_empty()) {
            return Ok(());
        }
        Err(RouterError::Otherwise { wanted: routing, seen })
    }

    async fn count(&self) -> Result<u32, RouterError> {
        // Type 4: the lines of servers.
        let answer = self.ask(&format!("show stat {} 4 -1", self.backend)).await?;
        let counts = sessions(&answer);
        let mut sum = 0;
        for name in &self.nodes {
            let count = counts.iter().find(|(server, _)| server == name);
            let Some((_, count)) = count else {
                let (backend, server) = (self.backend.clone(), name.clone());
                return Err(RouterError::NoServer { backend, server });
            };
            sum += count;
        }
        Ok(sum)
    }

    async fn look(&self) -> Result<Routing, RouterError> {
        let answer = self.ask(&format!("show servers state {}", self.backend)).await?;
        let states = parse(&answer);
        let (mut ready, mut is_paused) = (NodeSet::EMPTY, false);
        for (index, name) in self.nodes.iter().enumerate() {
            let state = states.iter().find(|(server, _)| server == name);
            let Some((_, state)) = state else {
                let (backend, server) = (self.backend.clone(), name.clone());
                return Err(RouterError::NoServer { backend, server });
            };
            if state & MAINTENANCE == 0 {
                ready = ready.with(NodeId::new(index));
                is_paused |= state & DRAIN != 0;
            }
        }
        Ok(Routing { ready, is_paused: is_paused || ready.is_empty() })
    }
}

impl Router for HaProxy {
    fn route(&self, routing: Routing) -> Routed<'_, ()> {
        Box::pin(self.set(routing))
    }

    fn routing(&self) -> Routed<'_, Routing> {
        Box::pin(self.look())
    }

    fn sessions(&self) -> Routed<'_, u32> {
        Box::pin(self.count())
    }
}

/// The names of servers and their administrative states: columns 4 and 7 of `show servers state`.
fn parse(answer: &str) -> Vec<(String, u32)> {
    let lines = answer.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            Some(((*columns.get(3)?).to_owned(), columns.get(6)?.parse().ok()?))
        })
        .collect()
}

/// The names of servers and their current sessions: columns 2 and 5 of `show stat`.
fn sessions(answer: &str) -> Vec<(String, u32)> {
    let lines = answer.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let columns: Vec<&str> = line.split(',').collect();
            Some(((*columns.get(1)?).to_owned(), columns.get(4)?.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sessions_of_servers_are_read_from_what_haproxy_writes() {
        let answer = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp\n\
                      orders-proxy,orders-a,0,0,17,18,,2040,1,2,,0\n\
                      orders-proxy,HOLD,0,0,3,9,,12,1,2,,0\n\n";
        assert_eq!(sessions(answer), [("orders-a".to_owned(), 17), ("HOLD".to_owned(), 3)]);
    }

    #[test]
    fn the_states_of_servers_are_read_from_what_haproxy_writes() {
        let answer = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state\n\
                      3 orders-proxy 1 orders-a 127.0.0.1 0 5 1 1 30 1 0 0 0 0 0 0 - 5432\n\
                      3 orders-proxy 2 orders-b 127.0.0.1 2 4 1 1 30 1 0 0 0 0 0 0 - 5433\n\n";
        let read = parse(answer);
        assert_eq!(read, [("orders-a".to_owned(), 5), ("orders-b".to_owned(), 4)]);
        let is_out = |index: usize| read[index].1 & MAINTENANCE != 0;
        assert!(is_out(0) && !is_out(1), "one that was disabled, and one that was and is ready");
    }
}
