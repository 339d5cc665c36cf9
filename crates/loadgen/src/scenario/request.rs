//! The bytes of each request of a scenario to one target, and what is known of it afterwards.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::Scenario;
use super::answered::{Answered, NOTHING_YET};
use super::observe::Observed;
use super::template::{Template, Values};
use crate::draw::Stream;
use crate::http::{Answer, Expectation};

/// The requests of one plan: the scenario, bound to a target and a seed.
#[derive(Debug)]
pub(crate) struct Requests {
    scenario: Scenario,
    /// Everything up to the body, and the body too when it is the same for all.
    head: Template,
    /// The body, when it differs from request to request.
    body: Option<Template>,
    streams: Vec<Stream>,
    /// Where a body is rendered first: its length stands before it.
    scratch: Vec<u8>,
    /// Where its variables that are `answered` come from.
    source: Option<Answered>,
    /// What each attempt took from there.
    given: HashMap<u64, String>,
    /// Who needs the ids that it is answered.
    offers: Option<Answered>,
}

impl Requests {
    pub(crate) fn new(scenario: Scenario, target: SocketAddr, seed: u64) -> Self {
        let parts = scenario.parts();
        let mut head = Template::default();
        head.push_literal(format!("{} ", parts.method).as_bytes());
        head.push_template(&parts.path);
        head.push_literal(b" HTTP/1.1\r\n");
        let has = |name: &str| parts.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        if !has("host") {
            head.push_literal(format!("Host: {target}\r\n").as_bytes());
        }
        for (name, value) in &parts.headers {
            head.push_literal(format!("{name}: ").as_bytes());
            head.push_template(value);
            head.push_literal(b"\r\n");
        }
        let mut body = None;
        if let Some(template) = &parts.body {
            if !has("content-type") {
                head.push_literal(b"Content-Type: application/json\r\n");
            }
            head.push_literal(b"Content-Length: ");
            if let Some(literal) = template.as_literal() {
                head.push_literal(format!("{}\r\n\r\n", literal.len()).as_bytes());
                head.push_literal(literal);
            } else {
                head.push_body_length();
                head.push_literal(b"\r\n\r\n");
                body = Some(template.clone());
            }
        } else if matches!(parts.method.as_str(), "POST" | "PUT" | "PATCH") {
            // RFC 9110, 8.6: a method that expects content says that there is none.
            head.push_literal(b"Content-Length: 0\r\n\r\n");
        } else {
            head.push_literal(b"\r\n");
        }
        let streams = parts.names.iter().map(|name| Stream::new(seed, name)).collect();
        Self {
            scenario,
            head,
            body,
            streams,
            scratch: Vec::new(),
            source: None,
            given: HashMap::new(),
            offers: None,
        }
    }

    /// Takes what it needs from `source`.
    pub(crate) fn take_from(&mut self, source: Answered) {
        self.source = Some(source);
    }

    /// Hands the ids that it is answered on to `others`.
    pub(crate) fn offer_to(&mut self, others: Answered) {
        self.offers = Some(others);
    }

    /// Hands an id on, when somebody needs it.
    pub(crate) fn offer(&self, id: &str) {
        if let Some(others) = &self.offers {
            others.offer(id);
        }
    }

    /// What attempt `index` was given by another scenario's answers.
    fn given(&self, index: u64) -> &str {
        self.given.get(&index).map_or(NOTHING_YET, String::as_str)
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// What is known of every answer in advance.
    pub(crate) fn expectation(&self) -> Expectation {
        let parts = self.scenario.parts();
        Expectation {
            bodiless: parts.method == "HEAD",
            headers: parts.observe.headers.clone(),
            keep_body: parts.observe.needs_body(),
        }
    }

    /// Replaces `out` by the request of attempt `index`, which has `left` until its deadline.
    pub(crate) fn render(&mut self, index: u64, left: Duration, out: &mut Vec<u8>) {
        out.clear();
        self.scratch.clear();
        if let Some(given) = self.source.as_ref().and_then(Answered::take) {
            self.given.insert(index, given);
        }
        let mut values = Values {
            variables: &self.scenario.parts().variables,
            streams: &self.streams,
            index,
            given: self.given.get(&index).map_or(NOTHING_YET, String::as_str),
            deadline_ms: left.as_millis(),
            body_length: 0,
        };
        if let Some(body) = &self.body {
            body.render(values, &mut self.scratch);
            values.body_length = self.scratch.len();
        }
        self.head.render(values, out);
        out.extend_from_slice(&self.scratch);
    }

    /// What the history keeps of attempt `index`, which got `answer` or none.
    pub(crate) fn observe(&self, index: u64, answer: Option<&Answer>) -> Observed {
        let parts = self.scenario.parts();
        parts.observe.collect(answer, |template| {
            let values = Values {
                variables: &parts.variables,
                streams: &self.streams,
                index,
                given: self.given(index),
                deadline_ms: 0,
                body_length: 0,
            };
            let mut text = Vec::new();
            template.render(values, &mut text);
            String::from_utf8(text).expect("literals and values are text")
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Requests;
    use crate::scenario::{Scenario, ScenarioSpec, VariableSpec};

    fn check(spec: &ScenarioSpec, expected: &str) {
        let scenario = Scenario::compile("s", spec).unwrap();
        let mut requests = Requests::new(scenario, "127.0.0.1:5000".parse().unwrap(), 7);
        let mut out = b"what was here before".to_vec();
        requests.render(3, Duration::from_micros(249_900), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    fn spec(method: &str) -> ScenarioSpec {
        let variables = [("id".to_owned(), VariableSpec::Sequence { from: 9 })];
        ScenarioSpec {
            service: "offers".to_owned(),
            method: method.to_owned(),
            path: "/offers/{id}".to_owned(),
            headers: Default::default(),
            body: None,
            variables: variables.into(),
            success: Vec::new(),
            uncertain: None,
            observe: Default::default(),
            write: None,
        }
    }

    #[test]
    fn a_request_has_the_headers_that_its_kind_needs() {
        check(&spec("GET"), "GET /offers/12 HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\n");
        check(
            &spec("POST"),
            "POST /offers/12 HTTP/1.1\r\nHost: 127.0.0.1:5000\r\nContent-Length: 0\r\n\r\n",
        );
        let deadline = ("X-Deadline-Ms".to_owned(), "{deadline_ms}".to_owned());
        check(
            &ScenarioSpec { headers: [deadline].into(), ..spec("GET") },
            "GET /offers/12 HTTP/1.1\r\nHost: 127.0.0.1:5000\r\nX-Deadline-Ms: 249\r\n\r\n",
        );
    }

    #[test]
    fn the_length_is_that_of_the_rendered_body() {
        for (body, rendered, length) in
            [(r#"{"id":{id}}"#, r#"{"id":12}"#, 9), ("{}", "{}", 2), ("", "", 0)]
        {
            check(
                &ScenarioSpec { body: Some(body.to_owned()), ..spec("PUT") },
                &format!(
                    "PUT /offers/12 HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\
                     Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{rendered}"
                ),
            );
        }
    }
}
