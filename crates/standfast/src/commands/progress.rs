//! What a run tells while it goes on: one line that is rewritten where somebody watches, a line for
//! each step where nobody does.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use standfast_lab::run::{FaultState, Place, Progress, Step};
use standfast_lab::verdict::milliseconds;
use tokio::sync::mpsc;

use crate::output;

/// Shows the stream of one run until it ends. `position` counts it among several.
pub(super) async fn show(mut stream: mpsc::Receiver<Progress>, position: Option<(usize, usize)>) {
    let mut view = View::new(position);
    while let Some(progress) = stream.recv().await {
        view.take(progress);
    }
    view.bar.finish_and_clear();
}

struct View {
    position: String,
    name: String,
    trials: u32,
    /// Faults that are in effect.
    faults: Vec<String>,
    bar: ProgressBar,
    is_watched: bool,
}

impl View {
    fn new(position: Option<(usize, usize)>) -> Self {
        let is_watched = output::is_watched();
        let target =
            if is_watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        let bar = ProgressBar::with_draw_target(None, target)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        let position = position.map_or(String::new(), |(at, of)| format!("[{at}/{of}] "));
        Self { position, name: String::new(), trials: 1, faults: Vec::new(), bar, is_watched }
    }

    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Started { experiment, title, trials, .. } => {
                self.name = experiment;
                self.trials = trials;
                self.line(&format!("{}{}: {title}", self.position, self.name));
            }
            Progress::Trial { place, step } => self.step(place, step),
            Progress::Load { place, at_s, done, failed, recent_p99_us, .. } => {
                #[expect(clippy::cast_precision_loss, reason = "a latency of 2^53 µs is 285 years")]
                let p99 = recent_p99_us.map(|us| milliseconds(us as f64 / 1000.0));
                let p99 = p99.map_or(String::new(), |p99| format!("  p99 {p99}"));
                let faults = match self.faults.is_empty() {
                    true => String::new(),
                    false => format!("  {}", self.faults.join(", ")),
                };
                self.bar.set_message(format!(
                    "{}  {at_s:5.1} s  {done} answered  failed {failed}{p99}{faults}",
                    self.place(place)
                ));
                self.bar.tick();
            }
            Progress::Fault { place, fault, state } => {
                let name = format!("{} {}", fault.kind, fault.target);
                let what = match &state {
                    FaultState::Injecting | FaultState::Healing => return,
                    FaultState::Injected => "in effect",
                    FaultState::Healed => "healed",
                    FaultState::Failed(why) => why,
                };
                self.detail(&format!("{}  {name}: {what}", self.place(place)));
                self.faults.retain(|known| *known != name);
                if state == FaultState::Injected {
                    self.faults.push(name);
                }
            }
            Progress::TrialEnded { place, replaced: Some(replaced), .. } => {
                self.faults.clear();
                let (by, reason) = (replaced.by, replaced.reason);
                self.line(&format!("{}  run again as trial {by}: {reason}", self.place(place)));
            }
            Progress::TrialEnded { place, problems, replaced: None, .. } => {
                self.faults.clear();
                for problem in problems {
                    self.line(&format!("{}  proves nothing: {problem}", self.place(place)));
                }
            }
            Progress::Finished { outcome, .. } => {
                self.line(&format!("{}{}: {outcome}", self.position, self.name));
            }
        }
    }

    fn step(&mut self, place: Place, step: Step) {
        let what = match step {
            Step::Provisioning => "bringing the system up",
            Step::WarmUp => "warming up",
            Step::Measuring => "measuring",
            Step::Draining => "waiting for the last answers",
            Step::Stopping => "taking the system down",
            Step::Checking => "checking",
        };
        self.bar.set_message(format!("{}  {what}", self.place(place)));
        self.bar.tick();
        if step == Step::Provisioning {
            self.detail(&format!("{}  {what}", self.place(place)));
        }
    }

    fn place(&self, place: Place) -> String {
        let trial = match self.trials {
            trials if place.trial > trials => format!(" {} (again)", place.trial),
            1 => String::new(),
            trials => format!(" {}/{trials}", place.trial),
        };
        format!("{}{} {}{trial}", self.position, self.name, place.arm.name())
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| output::note(text));
    }

    /// What the rewritten line shows anyway.
    fn detail(&self, text: &str) {
        if !self.is_watched {
            self.line(text);
        }
    }
}
