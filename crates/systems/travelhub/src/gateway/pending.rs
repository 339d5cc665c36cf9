//! `/api/pending/{key}`: what became of a request that was written down.

use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::admin::json_response;
use super::assembly::Gateway;
use super::journal::Known;
use super::upstream::Reply;
use crate::service::problem::Problem;

/// What is before the key.
pub(super) const PREFIX: &str = "/api/pending/";

/// Where the request with this key can be asked for.
pub(super) fn location(key: &str) -> String {
    let mut location = PREFIX.to_owned();
    for byte in key.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'~' => {
                location.push(byte.into());
            }
            _ => location.push_str(&format!("%{byte:02X}")),
        }
    }
    location
}

/// Answers a request for `path`, which begins with [`PREFIX`].
pub(super) fn answer(gateway: &Gateway, path: &str) -> Result<Response<Reply>, Problem> {
    let key = path.strip_prefix(PREFIX).and_then(decode);
    let known = key.as_deref().and_then(|key| gateway.shelf()?.known(key));
    let known = known
        .ok_or_else(|| Problem::not_found("nothing waits, or has waited lately, under this key"))?;
    let (Known::Waits(stored) | Known::Settled(stored, _)) = &known;
    let mut body = json!({
        "idempotency_key": stored.key,
        "path": format!("/api{}", stored.path),
        "taken_at": stored.taken_at.format(&Rfc3339).ok(),
        "state": "waiting",
    });
    if let Known::Settled(_, answer) = &known {
        body["state"] = json!("done");
        body["status"] = json!(answer.status);
        body["done_at"] = json!(answer.at.format(&Rfc3339).ok());
        body["body"] = serde_json::from_str::<Value>(&answer.body).unwrap_or_default();
    }
    Ok(json_response(StatusCode::OK, &body))
}

fn decode(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_at_its_location_whatever_is_in_it() {
        for key in ["018f-a_b~c", "two words", "a/b?c#d%e", "\"quoted\".json"] {
            let location = location(key);
            assert!(!location[PREFIX.len()..].contains(['/', '?', '#', ' ', '"']), "{location}");
            assert_eq!(decode(&location[PREFIX.len()..]).unwrap(), key);
        }
    }
}
