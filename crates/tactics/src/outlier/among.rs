//! Who differs among the few answers of one vote.

/// The least deviation that means anything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// In the unit of the answers.
    pub absolute: f64,
    /// As a share of what the answer is compared with.
    pub relative: f64,
}

impl Floor {
    fn around(self, centre: f64) -> f64 {
        self.absolute.max(self.relative * centre.abs())
    }
}

/// How an answer is compared with the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Among {
    /// Against mean and standard deviation of the others. Sharp with one bad answer; two bad ones
    /// hide each other, since each is among the others of the other.
    LeaveOneOut {
        /// How many standard deviations are too many; usually 2.
        sigmas: f64,
    },
    /// Against the median, in units of the median absolute deviation (Iglewicz and Hoaglin 1993).
    /// Stands almost half of bad answers.
    Median {
        /// How many of those units are too many; usually 3.5.
        deviations: f64,
    },
}

/// Makes the median absolute deviation of a normal distribution its standard deviation.
const MEDIAN_DEVIATION_TO_SIGMA: f64 = 1.4826;

impl Among {
    /// The indices of the outliers in `answers`. What is no finite number always is one; with less
    /// than three numbers nothing can be said of the others.
    pub fn find(self, answers: &[f64], floor: Floor) -> Vec<usize> {
        let numbers: Vec<f64> =
            answers.iter().copied().filter(|number| number.is_finite()).collect();
        let is_outlier = |answer: f64| {
            if !answer.is_finite() {
                return true;
            }
            if numbers.len() < 3 {
                return false;
            }
            let (centre, limit) = match self {
                Self::LeaveOneOut { sigmas } => {
                    let (mean, deviation) = without(&numbers, answer);
                    (mean, sigmas * deviation)
                }
                Self::Median { deviations } => {
                    let middle = median(numbers.clone());
                    let away = numbers.iter().map(|number| (number - middle).abs()).collect();
                    (middle, deviations * MEDIAN_DEVIATION_TO_SIGMA * median(away))
                }
            };
            (answer - centre).abs() > limit.max(floor.around(centre))
        };
        let indexed = answers.iter().enumerate();
        indexed.filter(|(_, answer)| is_outlier(**answer)).map(|(index, _)| index).collect()
    }
}

/// Mean and sample deviation of all numbers but one that equals `left_out`.
fn without(numbers: &[f64], left_out: f64) -> (f64, f64) {
    let position = numbers.iter().position(|number| *number == left_out);
    let others = || {
        let indexed = numbers.iter().enumerate();
        indexed.filter(move |(index, _)| Some(*index) != position).map(|(_, number)| *number)
    };
    let count = others().count() as f64;
    let mean = others().sum::<f64>() / count;
    let squares: f64 = others().map(|number| (number - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 {
        numbers[middle]
    } else {
        f64::midpoint(numbers[middle - 1], numbers[middle])
    }
}
