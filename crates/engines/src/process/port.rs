//! Who holds a port: the answer that "address already in use" owes its reader.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use super::proc_folder;

/// The kernel's number for a socket that listens.
const LISTEN: &str = "0A";

/// The process that listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHolder {
    pub pid: u32,
    pub command: String,
}

impl fmt::Display for PortHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "pid {} (`{}`)", self.pid, self.command)
    }
}

/// Whether nobody listens on `port` of the loopback address.
pub fn is_port_free(port: u16) -> bool {
    is_port_free_at(Ipv4Addr::LOCALHOST, port)
}

/// Whether nobody listens on `port` of `address`, which must be one of this machine.
pub(crate) fn is_port_free_at(address: Ipv4Addr, port: u16) -> bool {
    match TcpListener::bind((address, port)) {
        Ok(_listener) => true,
        Err(error) => error.kind() != ErrorKind::AddrInUse,
    }
}

/// Who listens on `port`, in the network namespace of this thread. `None` when nobody does, or when
/// it is another user's process and we are not root.
pub fn holder_of_port(port: u16) -> Option<PortHolder> {
    let sockets: HashSet<String> = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_sockets(&table, port))
        .collect();
    if sockets.is_empty() {
        return None;
    }
    let holders = proc_folder::pids().filter(|pid| holds_any(*pid, &sockets));
    // Children that inherited the socket hold it as well; the first process is the one to name.
    let pid = holders.min_by_key(|pid| proc_folder::stat(*pid).map(|stat| stat.start_time))?;
    Some(PortHolder { pid, command: proc_folder::command_line(pid)? })
}

/// The inode numbers of sockets that listen on `port`, out of a table like `/proc/net/tcp`.
fn listening_sockets(table: &str, port: u16) -> Vec<String> {
    let socket = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (_, local_port) = fields.nth(1)?.rsplit_once(':')?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        let matches = state == LISTEN && u16::from_str_radix(local_port, 16) == Ok(port);
        matches.then(|| format!("socket:[{inode}]"))
    };
    table.lines().skip(1).filter_map(socket).collect()
}

fn holds_any(pid: u32, sockets: &HashSet<String>) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    descriptors
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.to_str().is_some_and(|target| sockets.contains(target)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listener_is_told_from_its_connections() {
        let rest = "00000000:00000000 00:00000000 00000000   101        0";
        let table = format!(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A {rest} 4711 1 0 100 0 0 10 0
   1: 0100007F:1538 0100007F:D2F0 01 {rest} 4712 1 0 20 4 30 10 -1
   2: 0100007F:1539 00000000:0000 0A {rest} 4713 1 0 100 0 0 10 0
"
        );
        assert_eq!(listening_sockets(&table, 0x1538), ["socket:[4711]"]);
    }
}
