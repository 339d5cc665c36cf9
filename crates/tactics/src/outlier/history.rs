//! A replica against its own past: the control chart of a moving average (Roberts 1959).

/// The numbers of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chart {
    /// The weight of a new sample in the moving average; small is slow and sure.
    pub weight: f64,
    /// How many deviations of the moving average are too many.
    pub sigmas: f64,
    /// Before this many samples there is no past to compare with.
    pub samples_min: u32,
    /// The past reaches back about this many samples.
    pub memory: u32,
    /// A moving average that is not above this is fine, whatever the past was.
    pub floor: f64,
}

impl Default for Chart {
    fn default() -> Self {
        Self { weight: 0.2, sigmas: 2.0, samples_min: 30, memory: 500, floor: 0.3 }
    }
}

/// What a replica usually does, and what it has done lately.
#[derive(Clone, Debug)]
pub struct History {
    chart: Chart,
    samples: u32,
    mean: f64,
    variance: f64,
    recent: f64,
}

impl History {
    /// A past without samples.
    pub fn new(chart: Chart) -> Self {
        Self { chart, samples: 0, mean: 0.0, variance: 0.0, recent: 0.0 }
    }

    /// Takes a sample, and answers whether the recent ones are above what the past allows.
    pub fn record(&mut self, sample: f64) -> bool {
        if self.samples == 0 {
            self.recent = sample.min(self.chart.floor);
        } else {
            self.recent += self.chart.weight * (sample - self.recent);
        }
        let is_beyond = self.is_beyond();
        // What is beyond the limits is not learned, or a lasting fault would become the norm.
        if !is_beyond {
            self.learn(sample);
        }
        is_beyond
    }

    /// Whether the recent samples are above what the past allows.
    pub fn is_beyond(&self) -> bool {
        self.samples >= self.chart.samples_min
            && self.recent > self.limit()
            && self.recent > self.chart.floor
    }

    /// The moving average of the recent samples.
    pub fn recent(&self) -> f64 {
        self.recent
    }

    /// What the moving average may reach: its own deviation is smaller than that of a sample.
    pub fn limit(&self) -> f64 {
        let weight = self.chart.weight;
        self.mean + self.chart.sigmas * (self.variance * weight / (2.0 - weight)).sqrt()
    }

    /// How many samples the past consists of.
    pub fn samples(&self) -> u32 {
        self.samples
    }

    /// Forgets what was recent, and keeps the past: a new start.
    pub fn forgive(&mut self) {
        self.recent = self.mean.min(self.chart.floor);
    }

    fn learn(&mut self, sample: f64) {
        self.samples = self.samples.saturating_add(1);
        // A plain mean at first, and an exponentially fading one once the memory is full.
        let share = 1.0 / f64::from(self.samples.min(self.chart.memory.max(1)));
        let away = sample - self.mean;
        self.mean += share * away;
        self.variance = (1.0 - share) * (self.variance + share * away * away);
    }
}
