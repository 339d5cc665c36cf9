//! Whole experiments on real processes: small Python services that are killed, stopped and frozen.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use standfast_engines::Home;
use standfast_engines::process::{Guardian, Spawner};
use standfast_history::{MachineSample, read_jsonl};
use standfast_lab::run::{
    Arms, Cancellation, FaultState, Progress, ProgressSink, RunFolder, RunOptions, Step, StoredRun,
    Tagged, run_experiment,
};
use standfast_lab::spec::{Experiment, ExperimentSource};
use standfast_lab::verdict::{
    Arm, ExperimentResult, Outcome, Verdict, as_measured, outcome_if_delivered,
};

/// Two services: `web` answers itself, or asks `back` when it has no fallback. It finds a stopped
/// `back` by its refusals, so it need not be impatient: 200 ms were at times too few on a busy
/// machine.
const WEB: &str = r#"import http.server, json, os, sys, urllib.request
back = os.environ.get("BACK")
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        status, source = 200, "own"
        if back and self.path != "/ready":
            try:
                urllib.request.urlopen(back, timeout=5).read()
                source = "back"
            except Exception:
                print(json.dumps({"event": "detected", "target": "back"}), flush=True)
                fallback = os.environ.get("FALLBACK") == "on"
                status, source = (200, "fallback") if fallback else (503, "none")
        body = b"hello"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Source", source)
        if source == "fallback": self.send_header("X-Stale", "true")
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer.request_queue_size = 128
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

const SYSTEM: &str = r#"name = "pair"
title = "Two services"
[service.back]
run = ["python3", "web.py", "{port}"]
port = 5001
ready = { http = "/ready" }
[service.web]
run = ["python3", "web.py", "{port}"]
port = 5000
needs = ["back"]
env = { BACK = "{back.url}", FALLBACK = "on" }
ready = { http = "/ready" }
[tactic.fallback]
title = "Answer without the other service"
without = { web = { env = { FALLBACK = "off" } } }
[scenario.page]
service = "web"
method = "GET"
path = "/"
# Answered without the other service.
[scenario.alone]
service = "web"
method = "GET"
path = "/ready"
"#;

const STOP: &str = r#"title = "Pages are served without the other service"
tactic = "fallback"
duration = "3s"
warm_up = "500ms"
settle = "500ms"
[[load]]
scenario = "page"
rate = "40/s"
[[timeline]]
at = "1s"
fault = { kind = "stop", target = "back" }
for = "1s"
[[claim]]
that = "availability"
during = "fault"
at_least = "100 %"
[[claim]]
that = "source"
is = "fallback"
during = "fault"
at_least = "100 %"
[[claim]]
that = "ttd"
at_most = "900 ms"
"#;

/// How often an experiment may be run that should hold.
const RUNS_MAX: u32 = 3;

const FILES: &[(&str, &str)] = &[("web.py", WEB), ("system.toml", SYSTEM)];

pub(crate) struct Lab {
    root: PathBuf,
    experiment: Experiment,
    pub(crate) options: RunOptions,
}

impl Lab {
    fn new(name: &str, experiment: &str) -> Self {
        Self::with(name, experiment, FILES)
    }

    /// The pair of services without a fault, and with more in its experiment.
    pub(crate) fn plain(name: &str, more: &str) -> Self {
        let start = STOP.find("[[timeline]]").unwrap();
        let claim = "[[claim]]\nthat = \"availability\"\nat_least = \"50 %\"\n";
        Self::new(name, &format!("{}{more}{claim}", &STOP[..start]))
    }

    /// A lab on a system of these files.
    pub(crate) fn with(name: &str, experiment: &str, files: &[(&str, &str)]) -> Self {
        let root =
            std::env::temp_dir().join(format!("standfast-run-{}-{name}", std::process::id()));
        let system = root.join("system");
        std::fs::create_dir_all(&system).unwrap();
        for (file, text) in files {
            std::fs::write(system.join(file), text).unwrap();
        }
        let file = system.join(format!("{name}.toml"));
        std::fs::write(&file, experiment).unwrap();
        let experiment = ExperimentSource::from_file(&file).unwrap().load(&[]).unwrap();
        let folder = RunFolder::create(&root.join("runs"), name).unwrap();
        let options = RunOptions {
            home: Home::at(root.join("home")),
            spawner: Spawner::start(Guardian::None).unwrap(),
            serve_binary: PathBuf::from("standfast"),
            folder,
            arms: Arms::Both,
            without: Vec::new(),
            trials: None,
            // What these tests count they count once, on machines that are busy.
            replacements_max: 0,
            seed: 7,
            command: format!("standfast run {name} --seed 7"),
            external: BTreeMap::new(),
            watches_machine: false,
            keep: false,
            progress: ProgressSink::ignored(),
            cancellation: Cancellation::new(),
        };
        Self { root, experiment, options }
    }

    /// Runs it until it holds, on a machine that may starve what it runs; what is wrong with the
    /// lab or the system is so in every run.
    pub(crate) async fn until_it_holds(
        name: &str,
        experiment: &str,
        files: &[(&str, &str)],
    ) -> (Self, ExperimentResult) {
        let mut attempt = 1;
        loop {
            let lab = Self::with(&format!("{name}-{attempt}"), experiment, files);
            let result = lab.run().await;
            let (outcome, reasons) = outcome_if_delivered(&result);
            if outcome == Outcome::Holds {
                return (lab, result);
            }
            assert!(attempt < RUNS_MAX, "{outcome}: {reasons:#?}");
            attempt += 1;
        }
    }

    pub(crate) async fn run(&self) -> ExperimentResult {
        run_experiment(&self.experiment, &self.options).await.unwrap()
    }

    /// Nothing may be left of any instance.
    pub(crate) fn assert_clean(&self) {
        let instances = self.options.home.instances();
        let left: Vec<_> = std::fs::read_dir(&instances).into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::fs::remove_dir_all(&self.root).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fallback_holds_and_its_control_arm_does_not() {
    let (lab, result) = Lab::until_it_holds("stop", STOP, FILES).await;
    let measured = as_measured(&result);
    let control = measured.arm(Arm::Control).unwrap();
    assert_eq!(control.claims[0].verdict, Verdict::Refuted);
    let fault = &result.arm(Arm::Treatment).unwrap().runs[0].faults[0];
    let (injected, healing) = (fault.injected_ms.unwrap(), fault.healing_ms.unwrap());
    assert!(injected >= 1000.0 && healing >= 2000.0 && fault.healed_ms.unwrap() > healing);
    lab.assert_clean();

    let stored = StoredRun::read(&lab.options.folder).unwrap();
    assert_eq!(stored.result, result);
    // 3.5 s at 40/s in two arms: every intended attempt is in the history.
    assert_eq!(stored.operations.len(), 280);
    let injected = stored.events.iter().filter(|tagged| tagged.record.event == "injected");
    assert_eq!(injected.count(), 2);
    let files = ["report.html", "junit.xml", "environment.json", "logs/treatment-1/web.log"];
    for file in files.into_iter().chain(["latency.control.fault.hgrm"]) {
        assert!(lab.options.folder.root.join(file).is_file(), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_link_is_survived_by_the_fallback_and_detected() {
    let cut =
        STOP.replace("kind = \"stop\", target = \"back\"", "kind = \"cut\", target = \"back\"");
    // Whoever still waits when the link is whole again gets the other service's answer.
    let is = "is = \"fallback\"\nduring = \"fault\"\nat_least = ";
    let cut = cut.replace(&format!("{is}\"100 %\""), &format!("{is}\"50 %\""));
    // Nothing refuses over a cut link, so who asks has to give up in time.
    let hasty = WEB.replace("timeout=5", "timeout=0.4");
    let files = [("web.py", hasty.as_str()), ("system.toml", SYSTEM)];
    let (lab, result) = Lab::until_it_holds("cut", &cut, &files).await;
    let measured = as_measured(&result);
    assert_eq!(measured.arm(Arm::Control).unwrap().claims[0].verdict, Verdict::Refuted);
    for arm in &result.arms {
        let fault = &arm.runs[0].faults[0];
        assert!(fault.evidence.as_ref().is_some_and(|text| text.starts_with("1 link cut")));
        let hit = fault.hit.unwrap();
        assert!(hit.attempts > 0, "{hit:?}");
        assert!(fault.healed_ms > fault.healing_ms && fault.detected_after_ms.is_some());
    }
    lab.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_to_which_nothing_came_proves_nothing() {
    let cut = STOP
        .replace("kind = \"stop\", target = \"back\"", "kind = \"cut\", target = \"web:back\"")
        .replace("scenario = \"page\"", "scenario = \"alone\"")
        .replace("tactic = \"fallback\"\n", "");
    let lab = Lab::new("unfelt", &cut);
    let result = lab.run().await;
    let (outcome, reasons) = outcome_if_delivered(&result);
    assert_eq!(outcome, Outcome::Unknown, "{reasons:#?}");
    let expected = "cut of `web:back` had no effect: nothing was sent on its links";
    assert!(reasons.iter().any(|reason| reason.contains(expected)), "{reasons:#?}");
    assert!(result.arms[0].runs[0].faults[0].healed_ms.is_some(), "healed it is");
    lab.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_without_the_tactic_is_refuted_by_the_claim_that_needs_it() {
    let mut lab = Lab::new("without", STOP);
    lab.options.without = vec!["fallback".to_owned()];
    let result = lab.run().await;
    let (outcome, reasons) = outcome_if_delivered(&result);
    assert_eq!(outcome, Outcome::Refuted, "{reasons:#?}");
    assert!(reasons[0].contains("availability during the fault"), "{reasons:?}");
    assert!(result.arm(Arm::Control).is_none(), "there is nothing to compare with");
    lab.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_heals_stops_and_reports() {
    let mut lab = Lab::new("interrupted", STOP);
    let (progress, mut told) = ProgressSink::channel();
    lab.options.progress = progress;
    let cancellation = lab.options.cancellation.clone();
    let cancel_in_the_fault = async {
        while let Some(step) = told.recv().await {
            if matches!(step, Progress::Fault { state: FaultState::Injected, .. }) {
                cancellation.cancel();
                return;
            }
        }
    };
    let (result, ()) = tokio::join!(lab.run(), cancel_in_the_fault);
    assert_eq!(result.outcome, Outcome::Interrupted);
    assert_eq!(result.outcome.exit_code(), 130);
    assert!(lab.options.folder.report().is_file(), "what is known is reported");
    lab.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_does_not_come_up_is_an_environment_problem() {
    let lab = Lab::new("broken", STOP);
    std::fs::write(lab.root.join("system/web.py"), "raise SystemExit('no such luck')").unwrap();
    let result = tokio::time::timeout(Duration::from_secs(60), lab.run()).await.unwrap();
    assert_eq!(result.outcome, Outcome::Environment);
    assert_eq!(result.outcome.exit_code(), 3);
    assert!(result.reasons[0].contains("no such luck"), "{:?}", result.reasons);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_is_back_and_the_time_it_took_is_measured() {
    let kill = STOP
        .replace(
            "kind = \"stop\", target = \"back\" }\nfor = \"1s\"",
            "kind = \"kill\", target = \"web\" }",
        )
        .replace("tactic = \"fallback\"\n", "")
        // Python may take seconds to start while other tests have the machine.
        .replace("duration = \"3s\"", "duration = \"8s\"");
    let claims = kill.find("[[claim]]").unwrap();
    let kill = format!("{}[[claim]]\nthat = \"ttr\"\nat_most = \"6 s\"\n", &kill[..claims]);
    let mut lab = Lab::new("kill", &kill);
    // Nothing that is claimed could be excused by it.
    lab.options.watches_machine = true;
    let result = lab.run().await;
    let (outcome, reasons) = outcome_if_delivered(&result);
    assert_eq!(outcome, Outcome::Holds, "{reasons:#?}");
    let ttr = &result.arms[0].claims[0];
    assert!(ttr.measured.is_some_and(|ms| ms > 50.0), "a killed service is gone for a while");
    let trial = &result.arms[0].runs[0];
    assert!(trial.faults[0].healed_ms.is_some());
    assert!(trial.machine.is_some_and(|machine| machine.own > 0.0), "the run used a processor");
    let spans: Vec<Tagged<MachineSample>> = read_jsonl(&lab.options.folder.machine()).unwrap();
    assert!(spans.iter().any(|span| span.record.from_us > trial.zero_us), "{spans:?}");
    lab.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_tells_every_step_of_a_trial() {
    let mut lab = Lab::new("progress", STOP);
    let (progress, mut told) = ProgressSink::channel();
    lab.options.progress = progress;
    lab.options.arms = Arms::Treatment;
    let result = lab.run().await;
    lab.options.progress = ProgressSink::ignored();
    let mut steps = Vec::new();
    let mut loads = 0;
    while let Some(progress) = told.recv().await {
        match progress {
            Progress::Trial { step, .. } => steps.push(step),
            Progress::Load { .. } => loads += 1,
            Progress::Finished { outcome, .. } => assert_eq!(outcome, result.outcome),
            Progress::Started { .. } | Progress::Fault { .. } | Progress::TrialEnded { .. } => {}
        }
    }
    use Step::{Checking, Draining, Measuring, Provisioning, Stopping, WarmUp};
    assert_eq!(steps, [Provisioning, WarmUp, Measuring, Draining, Stopping, Checking]);
    assert!(loads >= 10, "several times a second, not {loads} times in 3.5 s");
}
