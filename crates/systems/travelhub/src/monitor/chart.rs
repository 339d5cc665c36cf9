//! The trade-off as a picture: how long a death goes unnoticed, against how often a well service is
//! taken for dead.

use std::fmt::Write;
use std::time::Duration;

use super::tradeoff::{FAMILIES, Point};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;

/// Told apart also by those who see no colours: each has a shape of its own.
const COLOURS: [&str; 4] = ["#8a3ffc", "#b45309", "#0f766e", "#1d4ed8"];

/// What is drawn besides the points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// The longest that pings take: a line to compare with.
    pub(super) ping_bound: Option<Duration>,
    pub(super) clock_scale: f64,
    /// Beats that were replayed.
    pub(super) beats: usize,
}

/// The picture of `points`.
pub(super) fn svg(points: &[Point], frame: Frame) -> String {
    let longest = points.iter().map(|one| one.detection_mean).chain(frame.ping_bound).max();
    let seconds_max = nice(longest.map_or(1.0, |longest| longest.as_secs_f64()));
    let mistakes = points.iter().map(|one| one.mistakes_per_hour).fold(0.0, f64::max);
    let mistakes_max = nice(mistakes.max(1.0));
    let x = |seconds: f64| LEFT + seconds / seconds_max * (WIDTH - LEFT - RIGHT);
    let y = |mistakes: f64| HEIGHT - BOTTOM - mistakes / mistakes_max * (HEIGHT - TOP - BOTTOM);
    let mut out = head(frame);
    axes(&mut out, (seconds_max, mistakes_max), &x, &y);
    if let Some(bound) = frame.ping_bound {
        for (share, text) in [(0.5, "ping/echo, mean"), (1.0, "ping/echo, longest")] {
            let at = x(bound.as_secs_f64() * share);
            let (top, bottom) = (TOP, HEIGHT - BOTTOM);
            // Writing to a string cannot fail, here and below.
            let _ = write!(
                out,
                "<line x1='{at:.1}' y1='{top}' x2='{at:.1}' y2='{bottom}' stroke='{}' \
                 stroke-dasharray='5 4'/><text x='{:.1}' y='{:.1}' text-anchor='end' \
                 fill='{}'>{text}</text>",
                COLOURS[0],
                at - 5.0,
                top + 14.0 + 16.0 * (1.0 - share),
                COLOURS[0],
            );
        }
    }
    for point in points {
        let family = FAMILIES.iter().position(|family| *family == point.family).unwrap_or(0);
        let (x, y) = (x(point.detection_mean.as_secs_f64()), y(point.mistakes_per_hour));
        let _ = write!(
            out,
            "<g fill='{}'><title>{}, {}: {:.1} s, {:.2} mistakes per hour</title>{}</g>",
            COLOURS[family],
            point.family,
            point.setting,
            point.detection_mean.as_secs_f64(),
            point.mistakes_per_hour,
            shape(family, x, y),
        );
    }
    legend(&mut out);
    out.push_str("</svg>\n");
    out
}

fn head(frame: Frame) -> String {
    let Frame { clock_scale, beats, .. } = frame;
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' role='img' \
         aria-labelledby='t d' font-family='sans-serif' font-size='12'>\
         <title id='t'>How soon a detector finds a death, and how often it is wrong</title>\
         <desc id='d'>{beats} recorded heartbeats, replayed through several settings; clock \
         scaled by {clock_scale}, times as on a clock that is not.</desc>\
         <rect width='{WIDTH}' height='{HEIGHT}' fill='#fff'/>\
         <text x='{LEFT}' y='22' font-size='15'>Time to detect against mistakes: {beats} beats \
         replayed, clock scaled by {clock_scale}</text>"
    )
}

fn axes(
    out: &mut String,
    (seconds_max, mistakes_max): (f64, f64),
    x: &impl Fn(f64) -> f64,
    y: &impl Fn(f64) -> f64,
) {
    for step in 0..=5 {
        let share = f64::from(step) / 5.0;
        let (seconds, mistakes) = (seconds_max * share, mistakes_max * share);
        let (at_x, at_y) = (x(seconds), y(mistakes));
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let _ = write!(
            out,
            "<line x1='{LEFT}' y1='{at_y:.1}' x2='{right}' y2='{at_y:.1}' stroke='#ddd'/>\
             <text x='{:.1}' y='{:.1}' text-anchor='end'>{mistakes:.1}</text>\
             <text x='{at_x:.1}' y='{:.1}' text-anchor='middle'>{seconds:.0}</text>",
            LEFT - 8.0,
            at_y + 4.0,
            bottom + 18.0,
        );
    }
    let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
    let _ = write!(
        out,
        "<text x='{middle}' y='{:.1}' text-anchor='middle'>mean time to detect a death, s</text>\
         <text x='{LEFT}' y='{:.1}' text-anchor='middle'>mistakes per hour</text>",
        HEIGHT - BOTTOM + 36.0,
        TOP - 10.0,
    );
}

fn legend(out: &mut String) {
    for (family, name) in FAMILIES.iter().enumerate() {
        let at = LEFT + 10.0 + [0.0, 110.0, 220.0, 480.0][family];
        let y = HEIGHT - 12.0;
        let _ = write!(
            out,
            "<g fill='{}'>{}</g><text x='{:.1}' y='{:.1}'>{name}</text>",
            COLOURS[family],
            shape(family, at, y - 4.0),
            at + 10.0,
            y,
        );
    }
}

fn shape(family: usize, x: f64, y: f64) -> String {
    match family {
        0 => format!("<rect x='{:.1}' y='{:.1}' width='3' height='12'/>", x - 1.5, y - 6.0),
        1 => format!("<rect x='{:.1}' y='{:.1}' width='9' height='9'/>", x - 4.5, y - 4.5),
        2 => format!("<path d='M{x:.1} {:.1}l6 10h-12z'/>", y - 6.0),
        _ => format!("<circle cx='{x:.1}' cy='{y:.1}' r='5'/>"),
    }
}

/// The next round number, so that the steps of an axis are round as well.
fn nice(value: f64) -> f64 {
    let magnitude = 10.0_f64.powf(value.max(1e-9).log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    let step = steps.into_iter().find(|step| step * magnitude >= value).unwrap_or(10.0);
    step * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_a_point_with_its_words_and_the_text_is_well_formed() {
        let point = |family, seconds, mistakes_per_hour| Point {
            family,
            setting: "down at 8".to_owned(),
            detection_mean: Duration::from_secs(seconds),
            detection_max: Duration::from_secs(seconds),
            mistakes: 0,
            mistakes_per_hour,
            mistake_duration: None,
            accuracy: 1.0,
        };
        let points = [point(FAMILIES[1], 75, 0.0), point(FAMILIES[3], 31, 12.5)];
        let frame =
            Frame { ping_bound: Some(Duration::from_secs(300)), clock_scale: 60.0, beats: 100 };
        let text = svg(&points, frame);
        assert!(text.contains("phi, down at 8: 31.0 s, 12.50 mistakes per hour"), "{text}");
        assert!(text.contains("100 recorded heartbeats"));
        for name in ["g", "text", "svg", "title"] {
            let opened = text.matches(&format!("<{name} ")).count()
                + text.matches(&format!("<{name}>")).count();
            assert_eq!(opened, text.matches(&format!("</{name}>")).count(), "{name}");
        }
        assert!(svg(&[], frame).contains("</svg>"), "without a point, the frame is left");
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, expected) in [(300.0, 500.0), (1.0, 1.0), (75.1, 100.0), (0.03, 0.05)] {
            assert!((nice(value) - expected).abs() < 1e-9, "{value}: {}", nice(value));
        }
    }
}
