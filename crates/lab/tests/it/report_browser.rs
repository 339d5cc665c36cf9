//! The report in a real browser: its script runs to the end without any network.

use std::time::Duration;

use standfast_engines::process::{CommandSpec, Guardian, Spawner};
use standfast_engines::{Home, Tool, find};
use standfast_lab::report::report;

use crate::report_fixture::{both_arms, stored_run, write};

/// A cold start of Chromium beside other tests.
const BROWSER_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_chart_of_both_arms_is_drawn() {
    let Ok(chromium) = Home::locate().map(|home| find(Tool::Chromium, &home)).unwrap() else {
        eprintln!("not tested: Chromium is missing; `standfast setup chromium` brings it");
        return;
    };
    let folder = write(&stored_run(&both_arms()), "browser");
    let page = report(&folder).unwrap();
    let profile = folder.root.join("profile");
    let spawner = Spawner::start(Guardian::None).unwrap();
    let browser = CommandSpec::new("chromium", chromium.path).arguments([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
        &format!("--user-data-dir={}", profile.display()),
        "--dump-dom",
        &format!("file://{}", page.display()),
    ]);
    let finished = spawner.run(browser, BROWSER_WITHIN).await.unwrap();
    std::fs::remove_dir_all(&folder.root).unwrap();
    let dom = String::from_utf8_lossy(&finished.stdout).into_owned();
    assert!(dom.contains(r#"data-charts="6""#), "three charts per arm: {}", dom.len());
    assert_eq!(dom.matches("<canvas").count(), 6);
}
