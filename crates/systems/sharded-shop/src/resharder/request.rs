//! What may be asked for: `{"add": "shard-5"}`, `{"remove": "shard-5"}`, or
//! `{"slots": "1-9", "to": "shard-2"}`.

use serde::Deserialize;
use standfast_reshard::catalog::Request;
use standfast_reshard::coordinator::Fleet;
use standfast_reshard::core::SlotSet;

use crate::service::problem::Problem;

#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Body {
    Add { add: String },
    Remove { remove: String },
    Move { slots: SlotSet, to: String },
}

/// The request in `body`, of shards that there are.
pub(super) fn parse(body: &[u8], fleet: &Fleet) -> Result<Request, Problem> {
    let body = serde_json::from_slice(body).map_err(|_| {
        let forms = r#"{"add": SHARD}, {"remove": SHARD} or {"slots": "1-9", "to": SHARD}"#;
        Problem::bad_request(format!("a body is {forms}"))
    })?;
    let request = match body {
        Body::Add { add } => Request::Add { shard: add },
        Body::Remove { remove } => Request::Remove { shard: remove },
        Body::Move { slots, .. } if slots.is_empty() => {
            return Err(Problem::unprocessable("`slots` names no slot".to_owned()));
        }
        Body::Move { slots, to } => Request::Move { slots, target: to },
    };
    let name = request.shard();
    if fleet.address(name).is_err() {
        let known: Vec<&str> = fleet.shards.iter().map(|shard| shard.name.as_str()).collect();
        let detail = format!("no shard is called `{name}`; known are {}", known.join(", "));
        return Err(Problem::unprocessable(detail));
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use standfast_reshard::core::Options;
    use standfast_reshard::shard::ShardAddress;

    use super::*;

    fn check(body: &str) -> Result<Request, u16> {
        let shard = |name: &str| ShardAddress {
            name: name.to_owned(),
            url: String::new(),
            peer_url: String::new(),
        };
        let fleet = Fleet {
            catalog_url: String::new(),
            shards: vec![shard("a"), shard("b")],
            tables: Vec::new(),
            slots: 16,
            options: Options::default(),
        };
        parse(body.as_bytes(), &fleet).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn a_request_names_a_shard_that_there_is() {
        assert_eq!(check(r#"{"add":"b"}"#), Ok(Request::Add { shard: "b".to_owned() }));
        assert_eq!(check(r#"{"remove":"a"}"#), Ok(Request::Remove { shard: "a".to_owned() }));
        let moved = Request::Move { slots: SlotSet::of(1..=3), target: "b".to_owned() };
        assert_eq!(check(r#"{"slots":"1-3","to":"b"}"#), Ok(moved));
        assert_eq!(check(r#"{"add":"c"}"#), Err(422));
        assert_eq!(check(r#"{"slots":"","to":"b"}"#), Err(422));
        for wrong in ["", r#"{"add":1}"#, r#"{"slots":"3-1","to":"b"}"#, r#"{"add":"a","to":"b"}"#]
        {
            assert_eq!(check(wrong), Err(400), "{wrong}");
        }
    }
}
