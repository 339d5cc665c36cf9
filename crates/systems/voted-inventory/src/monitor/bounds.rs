//! How long the detection of each kind of fault takes at most: in theory, to be held beside what is
//! measured.
//!
//! With the defaults, and 50 queries per second of the product that is wrong:
//!
//! | fault | what finds it | bound |
//! |---|---|---|
//! | crash, every answer an error | three checks | 3 · 200 ms + round trip |
//! | hang, cut, slower than 300 ms | three checks that are overdue | 3 · 200 ms + 300 ms |
//! | wrong stock | one query; two votes on probation | 20 ms + 2 · 100 ms + report |
//! | intermittent errors | twenty calls, of whoever | 20 calls + report, if enough of them fail |
//! | frozen in the log | a second without progress | 1 s + 50 ms + a check |
//!
//! A timeout of 1 s would make 600 ms impossible for a hang. But nothing that comes after 300 ms
//! counts as well, so that nothing is gained by waiting for it any longer.

use std::time::Duration;

use standfast_tactics::detect::Symptom;

use super::case::Cause;
use super::settings::Settings;

/// How often replicas are asked, and how soon the monitor hears of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Between two queries that show the fault.
    pub(super) query_period: Duration,
    /// Between two votes on a product that somebody was wrong about.
    pub(super) probation_period: Duration,
    /// From a vote to its report, at most.
    pub(super) report_delay: Duration,
    pub(super) round_trip: Duration,
}

impl Default for Pace {
    /// The voter's own defaults at 50 queries per second.
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            query_period: ms(20),
            probation_period: ms(100),
            report_delay: ms(100),
            round_trip: ms(5),
        }
    }
}

/// The longest that a lasting fault of the kind that `cause` finds can go unnoticed.
///
/// There is no bound for refusals: they come when somebody orders what is refused.
pub(super) fn bound(settings: &Settings, cause: Cause, pace: Pace) -> Option<Duration> {
    let case = &settings.case;
    let times = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    match cause {
        Cause::CrashCheck => settings.echo.bound(Symptom::Fails, pace.round_trip),
        Cause::Slow => settings.echo.bound(Symptom::Silent, pace.round_trip),
        Cause::Share => Some(pace.query_period * times(case.share.calls_min) + pace.report_delay),
        Cause::Vote => {
            let further = times(case.dissents_to_off.saturating_sub(1));
            let votes = pace.query_period + (pace.probation_period + pace.round_trip) * further;
            Some(votes + pace.report_delay + pace.round_trip)
        }
        Cause::Heartbeat => Some(case.heartbeat.bound() + settings.echo.period),
        Cause::Errors => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::serve::ServeOptions;
    use crate::service::environment::Environment;

    #[test]
    fn with_the_defaults_every_kind_but_refusals_is_found_within_about_a_second() {
        let urls = [("INVENTORY_URLS", "http://a:1,http://b:2,http://c:3")];
        let options = ServeOptions {
            bind: Ipv4Addr::LOCALHOST,
            port: 0,
            instance: "1".to_owned(),
            clock_scale: None,
        };
        let settings = Settings::read(&Environment::of(&urls), &options).unwrap();
        let ms = |cause| bound(&settings, cause, Pace::default()).map(|bound| bound.as_millis());
        assert_eq!(ms(Cause::CrashCheck), Some(605));
        assert_eq!(ms(Cause::Slow), Some(900));
        assert_eq!(ms(Cause::Vote), Some(335));
        assert_eq!(ms(Cause::Share), Some(500));
        assert_eq!(ms(Cause::Heartbeat), Some(1250));
        assert_eq!(ms(Cause::Errors), None);
    }
}
