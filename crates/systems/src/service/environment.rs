//! Configuration from environment variables, checked before a port is bound.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use crate::serve::ServeError;

type Lookup<'a> = dyn Fn(&str) -> Option<String> + Send + 'a;

/// Reads variables by their names. Tests pass a map, the service the process's environment.
pub(crate) struct Environment<'a> {
    lookup: Box<Lookup<'a>>,
}

impl<'a> Environment<'a> {
    pub(crate) fn of_process() -> Environment<'static> {
        Environment { lookup: Box::new(|name| std::env::var(name).ok()) }
    }

    /// The same with `name` set to `value`.
    pub(crate) fn with(self, name: &'static str, value: String) -> Self {
        let lookup = self.lookup;
        let find =
            move |asked: &str| if asked == name { Some(value.clone()) } else { lookup(asked) };
        Environment { lookup: Box::new(find) }
    }

    #[cfg(test)]
    pub(crate) fn of(pairs: &'a [(&str, &str)]) -> Self {
        let find = |name: &str| pairs.iter().find(|(key, _)| *key == name);
        Environment {
            lookup: Box::new(move |name| find(name).map(|(_, value)| (*value).to_owned())),
        }
    }

    /// What is set, and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// A variable that must be there.
    pub(crate) fn required<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<T, ServeError> {
        self.required_by(name, |value| value.parse())
    }

    /// A variable that must be there, and is read by `parse`.
    pub(crate) fn required_by<T, E: std::fmt::Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, ServeError> {
        let value = self.get(name).ok_or_else(|| ServeError::variable(name, "is not set"))?;
        // The value itself may hold a password, so it is not repeated.
        parse(&value).map_err(|error| ServeError::unusable(name, error))
    }

    /// A variable that may be missing.
    pub(crate) fn optional<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, ServeError> {
        self.get(name).map(|_| self.required(name)).transpose()
    }

    /// What this process is called in its system; `default` when nobody gave it a name.
    pub(crate) fn service_name(&self, default: impl Into<String>) -> String {
        self.get("SERVICE_NAME").unwrap_or_else(|| default.into())
    }

    /// A number, or `default`.
    pub(crate) fn number(&self, name: &str, default: usize) -> Result<usize, ServeError> {
        let Some(value) = self.get(name) else { return Ok(default) };
        match value.parse() {
            Ok(number) if number > 0 => Ok(number),
            Ok(_) | Err(_) => {
                let problem = format!("is `{value}`, which is no whole number above 0");
                Err(ServeError::variable(name, problem))
            }
        }
    }

    /// A duration such as `250ms`, `30s` or `10m`, or `default`.
    pub(crate) fn duration(&self, name: &str, default: Duration) -> Result<Duration, ServeError> {
        let Some(value) = self.get(name) else { return Ok(default) };
        parse_duration(&value).ok_or_else(|| {
            ServeError::variable(name, format!("is `{value}`, which is no duration such as 30s"))
        })
    }

    /// The tactics that are switched off (`STANDFAST_WITHOUT`), each of which must be in `known`.
    pub(crate) fn without(&self, known: &[&str]) -> Result<BTreeSet<String>, ServeError> {
        const NAME: &str = "STANDFAST_WITHOUT";
        let value = self.get(NAME).unwrap_or_default();
        let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
        names
            .map(|name| {
                if known.contains(&name) {
                    Ok(name.to_owned())
                } else {
                    let known = known.join(", ");
                    let problem = format!("names `{name}`, but the tactics are {known}");
                    Err(ServeError::variable(NAME, problem))
                }
            })
            .collect()
    }
}

pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.parse().ok()?;
    let seconds = match unit.trim() {
        "ms" => number / 1000.0,
        "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_a_unit() {
        let environment = Environment::of(&[
            ("A", "250 ms"),
            ("B", "1.5s"),
            ("C", "10m"),
            ("D", "5"),
            ("E", "-1s"),
        ]);
        let default = Duration::from_secs(7);
        let read = |name| environment.duration(name, default);
        assert_eq!(read("A").unwrap(), Duration::from_millis(250));
        assert_eq!(read("B").unwrap(), Duration::from_millis(1500));
        assert_eq!(read("C").unwrap(), Duration::from_secs(600));
        assert_eq!(read("absent").unwrap(), default);
        assert!(read("D").unwrap_err().to_string().contains("`D` is `5`"));
        assert!(read("E").is_err());
    }

    #[test]
    fn a_service_without_a_name_gets_one() {
        let environment = Environment::of(&[("SERVICE_NAME", "orders-2")]);
        assert_eq!(environment.service_name("orders-1"), "orders-2");
        assert_eq!(Environment::of(&[]).service_name("orders-1"), "orders-1");
    }

    #[test]
    fn what_may_be_missing_must_still_be_right() {
        let environment = Environment::of(&[("A", "5"), ("B", "five")]);
        assert_eq!(environment.optional::<u8>("A").unwrap(), Some(5));
        assert_eq!(environment.optional::<u8>("absent").unwrap(), None);
        let error = environment.optional::<u8>("B").unwrap_err().to_string();
        assert!(error.contains("`B` cannot be used"), "{error}");
    }

    #[test]
    fn an_unknown_tactic_is_an_error() {
        let environment = Environment::of(&[("STANDFAST_WITHOUT", "coalescing, bulkheads")]);
        let error = environment.without(&["coalescing", "bulkhead"]).unwrap_err().to_string();
        assert!(error.contains("`bulkheads`") && error.contains("coalescing, bulkhead"), "{error}");
    }

    #[test]
    fn a_wrong_url_does_not_show_its_password() {
        let environment = Environment::of(&[("URL", "secret-word")]);
        let error = environment.required::<std::net::IpAddr>("URL").unwrap_err().to_string();
        assert!(error.contains("`URL`") && !error.contains("secret-word"), "{error}");
    }
}
