//! Where a request goes, and what is promised about it: one line for each path, as data.

use std::time::Duration;

use hyper::Method;

/// The services behind the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Search,
    Reservations,
    Inventory,
    Monitor,
    Web,
}

impl Target {
    pub(super) const ALL: [Self; 5] =
        [Self::Search, Self::Reservations, Self::Inventory, Self::Monitor, Self::Web];

    /// As in `system.toml`: what events are about.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Reservations => "reservations",
            Self::Inventory => "inventory",
            Self::Monitor => "monitor",
            Self::Web => "web",
        }
    }

    /// What is slow for it. It has to be less than an attempt may take, or nothing ever is.
    pub(super) fn slow_after(self) -> Duration {
        match self {
            Self::Search | Self::Inventory | Self::Monitor | Self::Web => READ_TIME / 2,
            // A payment waits for a vote, and for the slowest of its replicas.
            Self::Reservations => SECOND * 3 / 4,
        }
    }
}

/// What goes first when not all can be done; the dearest come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Payment,
    Reservation,
    Read,
    Search,
}

/// What comes of a request that its service does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fallback {
    /// The last good answer to the same question, or an object in which this list is empty.
    List(&'static str),
    /// The last good answer, or an object that only says that it is degraded.
    Object,
    /// The last good page, or a plain one that says what is going on.
    Page,
    /// The last good file, or 404.
    File,
    /// It is written down, and delivered later.
    Store,
}

/// How much a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intake {
    None,
    /// All of it is held, so that it can be sent again and written down.
    Whole {
        bytes_max: u64,
    },
    /// It is passed on piece by piece, once.
    Streamed {
        bytes_max: u64,
    },
}

/// One kind of requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    method: Verb,
    /// `*` stands for one segment, `**` for all that follow.
    path: &'static str,
    pub(super) target: Target,
    pub(super) class: Class,
    /// For all attempts together.
    pub(super) budget: Duration,
    /// For each of them.
    pub(super) attempt: Duration,
    pub(super) intake: Intake,
    pub(super) fallback: Option<Fallback>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    /// GET and HEAD.
    Read,
    Post,
}

/// What is before all paths of services that only the gateway shows.
const PREFIX: &str = "/api";

/// A reservation is some hundred bytes.
const WHOLE: Intake = Intake::Whole { bytes_max: 16 * 1024 };

const SECOND: Duration = Duration::from_secs(1);

/// A read that takes longer is better answered by what is known already.
const READ_TIME: Duration = Duration::from_millis(400);

const fn read(path: &'static str, target: Target, class: Class, fallback: Fallback) -> Route {
    let (budget, attempt, fallback) = (SECOND, READ_TIME, Some(fallback));
    let (method, intake) = (Verb::Read, Intake::None);
    Route { method, path, target, class, budget, attempt, intake, fallback }
}

const fn write(path: &'static str, class: Class, [budget, attempt]: [Duration; 2]) -> Route {
    let (method, target) = (Verb::Post, Target::Reservations);
    let (intake, fallback) = (WHOLE, Some(Fallback::Store));
    Route { method, path, target, class, budget, attempt, intake, fallback }
}

/// For all attempts together, and for each.
const RESERVE_TIME: [Duration; 2] = [Duration::from_secs(2), SECOND];
const PAY_TIME: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(2)];

/// The first that fits counts.
const ROUTES: &[Route] = &[
    read("/api/offers", Target::Search, Class::Search, Fallback::List("offers")),
    read("/api/offers/*", Target::Search, Class::Search, Fallback::Object),
    read("/api/availability/*", Target::Inventory, Class::Read, Fallback::Object),
    write("/api/reservations", Class::Reservation, RESERVE_TIME),
    write("/api/reservations/*/payment", Class::Payment, PAY_TIME),
    write("/api/reservations/*/cancel", Class::Reservation, PAY_TIME),
    read("/api/reservations", Target::Reservations, Class::Read, Fallback::List("reservations")),
    read("/api/reservations/*", Target::Reservations, Class::Read, Fallback::Object),
    read("/api/status", Target::Monitor, Class::Read, Fallback::Object),
    read("/", Target::Web, Class::Read, Fallback::Page),
    read("/assets/**", Target::Web, Class::Read, Fallback::File),
    // Whatever else the storefront has, in sizes that are nobody's business here.
    Route {
        method: Verb::Post,
        path: "/assets/**",
        target: Target::Web,
        class: Class::Read,
        budget: Duration::from_secs(60),
        attempt: Duration::from_secs(60),
        intake: Intake::Streamed { bytes_max: 256 << 20 },
        fallback: None,
    },
];

/// What fits a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    Route(&'static Route),
    /// The path is known, for other methods: these.
    OtherMethod(&'static str),
    Nothing,
}

/// The route of a request.
pub(super) fn find(method: &Method, path: &str) -> Found {
    let mut allowed = Found::Nothing;
    for route in ROUTES {
        if !fits(route.path, path) {
            continue;
        }
        match route.method {
            Verb::Read if *method == Method::GET || *method == Method::HEAD => {}
            Verb::Post if *method == Method::POST => {}
            Verb::Read => {
                allowed = Found::OtherMethod("GET, HEAD");
                continue;
            }
            Verb::Post => {
                allowed = Found::OtherMethod("POST");
                continue;
            }
        }
        return Found::Route(route);
    }
    allowed
}

impl Route {
    /// The path as the service knows it.
    pub(super) fn inner<'a>(&self, path_and_query: &'a str) -> &'a str {
        path_and_query.strip_prefix(PREFIX).unwrap_or(path_and_query)
    }

    /// Whether it may be done twice without harm and without a key.
    pub(super) fn is_read(&self) -> bool {
        self.method == Verb::Read
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let Some(star) = pattern.find('*') else { return pattern == path };
    let Some(rest) = path.strip_prefix(&pattern[..star]) else { return false };
    if pattern[star..].starts_with("**") {
        return !rest.is_empty();
    }
    let end = rest.find('/').unwrap_or(rest.len());
    end > 0 && rest[end..] == pattern[star + 1..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(method: &str, path: &str) -> Option<(Target, Class)> {
        match find(&method.parse().unwrap(), path) {
            Found::Route(route) => Some((route.target, route.class)),
            Found::OtherMethod(_) | Found::Nothing => None,
        }
    }

    #[test]
    fn every_path_of_the_public_api_has_its_route() {
        for (method, path, expected) in [
            ("GET", "/api/offers", (Target::Search, Class::Search)),
            ("GET", "/api/offers/7", (Target::Search, Class::Search)),
            ("GET", "/api/availability/7", (Target::Inventory, Class::Read)),
            ("POST", "/api/reservations", (Target::Reservations, Class::Reservation)),
            ("POST", "/api/reservations/7/payment", (Target::Reservations, Class::Payment)),
            ("POST", "/api/reservations/7/cancel", (Target::Reservations, Class::Reservation)),
            ("GET", "/api/reservations", (Target::Reservations, Class::Read)),
            ("HEAD", "/api/reservations/7", (Target::Reservations, Class::Read)),
            ("GET", "/api/status", (Target::Monitor, Class::Read)),
            ("GET", "/", (Target::Web, Class::Read)),
            ("GET", "/assets/app.js", (Target::Web, Class::Read)),
        ] {
            assert_eq!(target(method, path), Some(expected), "{method} {path}");
        }
    }

    #[test]
    fn what_no_route_fits_goes_nowhere() {
        for (method, path) in [
            ("GET", "/api"),
            ("GET", "/api/offers/"),
            ("GET", "/api/offers/7/rooms"),
            ("POST", "/api/reservations/7/refund"),
            ("POST", "/api/reservations//payment"),
            ("GET", "/assets/"),
            ("GET", "/events"),
            ("DELETE", "/api/offers"),
            ("POST", "/api/offers"),
        ] {
            assert_eq!(target(method, path), None, "{method} {path}");
        }
        let found = find(&Method::DELETE, "/api/offers");
        assert!(matches!(found, Found::OtherMethod("GET, HEAD")), "{found:?}");
    }

    #[test]
    fn services_do_not_know_the_prefix() {
        let Found::Route(route) = find(&Method::GET, "/api/offers") else { panic!("no route") };
        assert_eq!(route.inner("/api/offers?city=Lima"), "/offers?city=Lima");
        assert_eq!(route.inner("/assets/api.js"), "/assets/api.js");
    }
}
