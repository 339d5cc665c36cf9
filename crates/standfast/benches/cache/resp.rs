//! As much of Valkey's protocol as asking a few commands takes.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};

use crate::wire::Wire;

/// A command as it goes over the wire.
pub(crate) fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

/// Where the reply at the start of `bytes` ends; `None` while it is incomplete.
pub(crate) fn length_of(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let line = std::str::from_utf8(&bytes[..end])?;
    let mut length = end + 2;
    let (kind, rest) = line.split_at_checked(1).context("an empty reply")?;
    match kind {
        "+" | ":" => {}
        "-" => bail!("the server refuses: {rest}"),
        "$" => {
            if let Ok(bulk) = rest.parse::<usize>() {
                length += bulk + 2;
            }
        }
        "*" => {
            for _ in 0..rest.parse::<usize>().unwrap_or(0) {
                let Some(part) = bytes.get(length..).filter(|rest| !rest.is_empty()) else {
                    return Ok(None);
                };
                let Some(part) = length_of(part)? else { return Ok(None) };
                length += part;
            }
        }
        other => bail!("`{other}` begins no reply"),
    }
    Ok((length <= bytes.len()).then_some(length))
}

/// An authenticated connection to the server of `redis://:PASSWORD@ADDRESS`.
pub(crate) fn connect(url: &str) -> Result<Wire> {
    let (password, address) = url
        .strip_prefix("redis://:")
        .and_then(|rest| rest.rsplit_once('@'))
        .context("the URL of the cache has another form")?;
    let mut wire = Wire::connect(address.parse::<SocketAddr>()?)?;
    wire.exchange(&command(&["AUTH", password]), length_of)?;
    Ok(wire)
}

/// The strings of an array of bulk strings.
pub(crate) fn strings(mut reply: &[u8]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let header = length_of_line(reply)?;
    reply = &reply[header..];
    while !reply.is_empty() {
        let (head, whole) = (length_of_line(reply)?, length_of(reply)?.context("a part is cut")?);
        found.push(String::from_utf8(reply[head..whole - 2].to_vec())?);
        reply = &reply[whole..];
    }
    Ok(found)
}

fn length_of_line(reply: &[u8]) -> Result<usize> {
    let end = reply.windows(2).position(|pair| pair == b"\r\n");
    end.map(|end| end + 2).context("a reply without a line")
}
