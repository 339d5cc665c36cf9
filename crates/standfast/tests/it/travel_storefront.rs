//! travelhub's storefront in a real browser, through the real gateway: a room is found, reserved,
//! paid and cancelled, also while the service that does it is away, and the page says so.
//!
//! axe looks at each view: on a phone, on a phone at night, and on a desk.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

mod browser;

use standfast_engines::{Home, Tool, find};
use standfast_lab::fault::{Fault, FaultKind, Hold, Injected};
use standfast_lab::instance::{Clock, Data, Instance, Network};

use self::browser::{Browser, Look};
use crate::place::Place;
use crate::processes;
use crate::program::Running;
use crate::system::{Wanted, bring_up};

/// What a page and its first answer may take, on whatever phone.
const BYTES_MAX: u64 = 100_000;

const PHONE: Look = Look { width: 390, scheme: "light" };
const NIGHT: Look = Look { width: 390, scheme: "dark" };
const DESK: Look = Look { width: 1280, scheme: "light" };

struct Visit {
    instance: Instance,
    browser: Browser,
    place: Place,
}

impl Visit {
    async fn begin() -> Self {
        let place = Place::alone().await;
        let home = Home::locate().unwrap();
        let tool = |tool| find(tool, &home).unwrap_or_else(|missing| panic!("{missing}")).path;
        let axe = tool(Tool::AxeCore);
        let axe = Running::of(&mut place.command(axe.to_str().unwrap())).end().await.exits(0);
        let wanted =
            Wanted { system: "travelhub", environment: [].into(), network: Network::Direct };
        let (instance, _events) = bring_up(&place, wanted, &Clock::started()).await;
        let browser = Browser::start(&place, &tool(Tool::Chromium), &axe.stdout).await;
        let port = instance.endpoint("gateway").unwrap().port();
        browser.open(&format!("http://127.0.0.1:{port}/")).await;
        browser.look(PHONE).await;
        Self { instance, browser, place }
    }

    /// The view that is shown has all that it says within the screen, and axe finds nothing.
    async fn suits_everybody(&self, view: &str) {
        for look in [NIGHT, DESK, PHONE] {
            self.browser.look(look).await;
            let is_cut_off = self.browser.visitor("isCutOff", []).await;
            assert_eq!(is_cut_off, false, "{view} at {look:?} is wider than the screen");
            let violations = self.browser.visitor("violations", []).await;
            assert_eq!(violations.as_array(), Some(&Vec::new()), "{view} at {look:?}");
        }
    }

    async fn stop(&self, service: &str) -> Injected {
        let stop = Fault::new(FaultKind::Stop, service);
        self.instance.inject(&stop, Hold::UntilHealed).await.unwrap()
    }

    async fn heal(&self, stopped: Injected) {
        self.instance.heal(stopped).await.unwrap();
    }

    async fn search(&self) {
        self.browser.press("header", "Search").await;
        self.browser.is_at("Find a place to stay").await;
        self.browser.press("main form", "Search").await;
    }

    /// From the list of places to the description of one.
    async fn choose(&self) {
        self.browser.press("main", "Choose").await;
        self.browser.reads("Per night").await;
    }

    async fn end(self) {
        let exceptions = self.browser.close().await;
        assert!(exceptions.is_empty(), "{exceptions:#?}");
        self.instance.shutdown(Data::Delete).await.unwrap();
        processes::wait_until_none(&self.place).await;
    }
}

/// All services are there.
async fn book_and_cancel(visit: &Visit) {
    let browser = &visit.browser;
    browser.is_at("Find a place to stay").await;
    visit.search().await;
    browser.reads(" in Bad Alderford").await;
    let loaded = browser.visitor("loaded", []).await;
    assert_eq!(loaded["foreign"].as_array(), Some(&Vec::new()), "from other hosts");
    assert!(loaded["bytes"].as_u64().is_some_and(|bytes| bytes < BYTES_MAX), "{loaded}");
    visit.suits_everybody("the results").await;

    visit.choose().await;
    visit.suits_everybody("an offer").await;
    browser.fill("customer", "Ada Lovelace").await;
    browser.press("main", "Reserve").await;
    browser.reads("Held for you").await;
    visit.suits_everybody("a held room").await;

    browser.fill("card", "declined-1").await;
    browser.press("main", "Pay").await;
    browser.reads("The card was refused").await;
    visit.suits_everybody("a refused card").await;
    browser.fill("card", "card-1").await;
    browser.press("main", "Pay").await;
    browser.reads("Confirmed and paid").await;
    visit.suits_everybody("a paid room").await;

    browser.press("main", "Cancel the reservation").await;
    browser.press("main", "Yes, cancel it").await;
    browser.reads("Cancelled").await;
    browser.press("header", "My reservations").await;
    browser.reads("Open").await;
    visit.suits_everybody("my reservations").await;
}

/// What is taken meanwhile is done when `reservations` and `cashier` are back.
async fn book_while_services_are_away(visit: &Visit) {
    let browser = &visit.browser;
    visit.search().await;
    browser.reads(" in Bad Alderford").await;
    visit.choose().await;
    let reservations = visit.stop("reservations").await;
    browser.press("main", "Reserve").await;
    browser.is_at("Your reservation is noted for later").await;
    visit.suits_everybody("a reservation that waits").await;
    browser.press("header", "My reservations").await;
    browser.reads("Still to be done").await;
    visit.suits_everybody("my reservations with one that waits").await;
    browser.press("main", "Your reservation").await;
    browser.is_at("Your reservation is noted for later").await;
    visit.heal(reservations).await;
    browser.reads("Held for you").await;

    let cashier = visit.stop("cashier").await;
    browser.press("main", "Pay").await;
    browser.reads("Payment under way").await;
    visit.suits_everybody("a payment that waits").await;
    visit.heal(cashier).await;
    browser.reads("Confirmed and paid").await;
}

/// What is shown is from before, or less than was asked for.
async fn search_while_search_is_away(visit: &Visit) {
    let browser = &visit.browser;
    let search = visit.stop("search").await;
    visit.search().await;
    browser.reads("Not up to date").await;
    visit.suits_everybody("old results").await;
    // Where nobody has looked yet.
    browser.fill("city", "61").await;
    browser.press("main form", "Search").await;
    browser.reads("Limited at present").await;
    visit.suits_everybody("no results").await;
    visit.heal(search).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_books_whatever_service_is_away_and_every_view_suits_everybody() {
    let visit = Visit::begin().await;
    book_and_cancel(&visit).await;
    book_while_services_are_away(&visit).await;
    search_while_search_is_away(&visit).await;
    visit.end().await;
}
