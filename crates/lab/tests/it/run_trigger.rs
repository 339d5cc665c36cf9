//! Faults that wait for an event, on a real service that reports its steps.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::time::Duration;

use standfast_history::Event;
use standfast_lab::run::{Arms, Progress, ProgressSink, Step, StoredRun};
use standfast_lab::verdict::{
    Arm, FaultResult, Outcome, Verdict, as_measured, outcome_if_delivered,
};
use tokio::time::Instant;

use crate::report_run::Lab;

/// Reports the step that it is at whenever it is asked, and when it is started again, before it
/// takes connections. It is at the next step when it was started again; without `RESUME` it does
/// nothing any more then.
const WORKER: &str = r#"import http.server, json, os, sys
state, steps = os.environ["STATE"], ["first", "second", "third", "done"]
at = 0
if os.path.exists(state):
    at = int(open(state).read()) + 1
def report():
    open(state, "w").write(str(at))
    print(json.dumps({"event": "step", "target": "work", "phase": steps[min(at, 3)], "n": at}),
          flush=True)
works = at == 0 or os.environ["RESUME"] == "on"
if at > 0 and works: report()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        if self.path == "/work" and works: report()
        self.send_response(503 if self.path == "/work" and not works else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

const SYSTEM: &str = r#"name = "steps"
title = "A worker"
[service.worker]
run = ["python3", "worker.py", "{port}"]
port = 5000
env = { STATE = "{dir}/state", RESUME = "on" }
ready = { http = "/ready" }
[tactic.resume]
title = "Go on after a restart"
without = { worker = { env = { RESUME = "off" } } }
[scenario.work]
service = "worker"
method = "GET"
path = "/work"
"#;

const FILES: &[(&str, &str)] = &[("worker.py", WORKER), ("system.toml", SYSTEM)];

/// `faults` in a run of `duration` that asks the worker ten times a second.
fn experiment(duration: &str, faults: &[&str]) -> String {
    let timeline: String = faults.iter().map(|fault| format!("[[timeline]]\n{fault}\n")).collect();
    format!(
        "title = \"Work goes on\"\ntactic = \"resume\"\nduration = \"{duration}\"\n\
         warm_up = \"500ms\"\nsettle = \"500ms\"\n[[load]]\nscenario = \"work\"\nrate = \"10/s\"\n\
         {timeline}[[claim]]\nthat = \"availability\"\nduring = \"after\"\nat_least = \"90 %\"\n"
    )
}

/// Kills the worker when it reports `phase`.
fn kill_at(phase: &str) -> String {
    format!(
        "at = \"1s\"\nafter = {{ event = \"step\", source = \"worker\", target = \"work\", \
         fields = {{ phase = \"{phase}\" }} }}\nfor = \"200ms\"\n\
         fault = {{ kind = \"kill\", target = \"worker\" }}"
    )
}

/// The events of an arm, and where its measured run began.
fn events(run: &StoredRun, arm: Arm) -> (Vec<Event>, u64) {
    let of_arm = run.events.iter().filter(|tagged| tagged.arm == arm);
    let zero_us = run.result.arm(arm).unwrap().runs[0].zero_us;
    (of_arm.map(|tagged| tagged.record.clone()).collect(), zero_us)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_killed_at_every_step_that_it_reports() {
    // The order is that of the events, not that of the list.
    let kills = ["second", "first", "third"].map(kill_at);
    let faults = kills.each_ref().map(String::as_str);
    let (lab, result) = Lab::until_it_holds("steps", &experiment("9s", &faults), FILES).await;
    let [second, first, third] = result.arms[0].runs[0].faults.as_slice() else {
        panic!("{:#?}", result.arms[0].runs[0].faults);
    };
    assert_eq!(first.after.as_deref(), Some("step of worker about work with phase=first"));
    assert!(first.planned_ms >= 1000.0, "the worker was at its first step all the time");
    for (before, next) in [(first, second), (second, third)] {
        let (healing, injecting) = (before.healing_ms.unwrap(), next.injecting_ms.unwrap());
        assert!(healing <= next.planned_ms, "{healing} {next:#?}");
        assert!(next.planned_ms <= injecting, "{next:#?}");
        assert!(healing - before.injected_ms.unwrap() >= 200.0, "counted from the injection");
    }
    let (events, zero_us) = events(&StoredRun::read(&lab.options.folder).unwrap(), Arm::Treatment);
    let early = |event: &&Event| event.event == "step" && event.at_us < zero_us + 1_000_000;
    assert!(events.iter().filter(early).count() > 5, "which all came too early to count");
    lab.assert_clean();

    // Without the tactic there is no second step at which it could be killed.
    let control = as_measured(&result).arm(Arm::Control).unwrap().clone();
    let came: Vec<bool> = control.runs[0].faults.iter().map(|f| f.injected_ms.is_some()).collect();
    assert_eq!(came, [false, true, false]);
    assert_eq!(control.runs[0].problems, Vec::<String>::new());
    assert_eq!(control.claims[0].verdict, Verdict::Refuted);
    let told = "control trial 1: 2 of 3 faults did not come: kill of worker: no event `step of \
                worker about work with phase=second` came from 1s to 8800ms of the run";
    assert!(result.warnings.iter().any(|it| it.starts_with(told)), "{:#?}", result.warnings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_whose_event_never_comes_leaves_the_verdict_unknown() {
    let never = format!("{}\nwithin = \"500ms\"", kill_at("third"));
    let text = experiment("2s", &[&never]);
    let mut lab = Lab::with("never", &text, FILES);
    lab.options.arms = Arms::Treatment;
    let result = lab.run().await;
    let (outcome, reasons) = outcome_if_delivered(&result);
    assert_eq!(outcome, Outcome::Unknown, "{reasons:#?}");
    let why = "fault not in effect or not healed: kill of worker: no event `step of worker about \
               work with phase=third` came from 1s to 1500ms of the run; ";
    assert!(reasons.iter().any(|reason| reason.contains(why)), "{reasons:#?}");
    assert!(reasons.iter().any(|reason| reason.ends_with("said something else")), "{reasons:#?}");
    let FaultResult { planned_ms, injecting_ms, .. } = result.arms[0].runs[0].faults[0];
    assert_eq!((planned_ms, injecting_ms), (1000.0, None));
    lab.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_interrupted_while_a_fault_waits_ends_at_once_and_heals_nothing() {
    let mut lab = Lab::with("waiting", &experiment("10m", &[&kill_at("third")]), FILES);
    let (progress, mut told) = ProgressSink::channel();
    lab.options.progress = progress;
    let cancellation = lab.options.cancellation.clone();
    let cancel_while_it_waits = async {
        while let Some(step) = told.recv().await {
            // From 1 s on it waits.
            let waits = matches!(step, Progress::Load { at_s, .. } if at_s > 1.0);
            if waits || matches!(step, Progress::Trial { step: Step::Draining, .. }) {
                cancellation.cancel();
                return Instant::now();
            }
        }
        panic!("the run ended by itself");
    };
    let (result, cancelled) = tokio::join!(lab.run(), cancel_while_it_waits);
    assert_eq!(result.outcome, Outcome::Interrupted);
    assert!(cancelled.elapsed() < Duration::from_secs(60), "not to the end of the wait");
    let stored = StoredRun::read(&lab.options.folder).unwrap();
    let of_faults = ["injecting", "injected", "healing", "healed", "exited"];
    let found = stored.events.iter().find(|tagged| of_faults.contains(&&*tagged.record.event));
    assert!(found.is_none(), "{found:?}");
    assert!(stored.events.iter().any(|tagged| tagged.record.event == "step"), "it worked");
    lab.assert_clean();
}
