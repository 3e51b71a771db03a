//! The helpers themselves: that they start, do what they say, and leave nothing behind.

use crate::support::{browser::Browser, ports, postgres, process, redis::Redis};
use diesel::{Connection, PgConnection, RunQueryDsl, sql_query};
use std::path::Path;
use std::time::Duration;

#[test]
fn free_ports_are_given_once() {
    assert_ne!(ports::free_port(), ports::free_port());
}

#[test]
fn a_dropped_service_ends_and_its_directory_goes() {
    let directory = process::directory("selftest");
    let path = directory.path().to_owned();
    let service = process::Service::start(directory, "TERM", &["sleep", "600"]);
    let process = format!("/proc/{}", service.pid);
    assert!(Path::new(&process).exists());

    drop(service);

    assert!(!Path::new(&process).exists());
    assert!(!path.exists());
}

#[test]
fn redis_stops_comes_back_empty_and_can_hang() {
    let mut redis = Redis::start();
    assert_eq!(redis.call("SET key value"), "+OK");
    redis.flush();
    assert_eq!(redis.call("EXISTS key"), ":0");

    redis.call("SET key value");
    redis.hang();
    redis.resume();
    assert_eq!(redis.call("EXISTS key"), ":1");

    redis.stop();
    let port = redis.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    assert!(!ports::answers(port));
    redis.restart_empty();
    assert_eq!(redis.call("EXISTS key"), ":0");
}

#[test]
fn each_fresh_database_is_another_one() {
    let (first, second) = (postgres::fresh_database(), postgres::fresh_database());
    for url in [first, second] {
        let mut conn = PgConnection::establish(&url).expect("the database is there");
        sql_query("CREATE TABLE once (id BIGINT)").execute(&mut conn).expect("it is empty");
    }
}

/// A page with a script, a field, something to click that works without scripts, and an image
/// that lacks its description.
const PAGE: &str = "data:text/html,<!doctype html><html lang=en><title>T</title><main><h1>Hello</h1>\
    <label>Name <input name=who></label><details><summary id=go>Go</summary>opened</details>\
    <p id=js></p><img src='data:image/gif,x'></main>\
    <script>document.getElementById('js').textContent='scripted'</script>";

#[tokio::test]
async fn a_browser_fills_clicks_and_sees() {
    let browser = Browser::start().await;
    browser.goto(PAGE).await;
    assert!(browser.text().await.contains("scripted"));
    browser.set_viewport(320, 640).await;
    assert_eq!(browser.script("return innerWidth").await, 320);
    assert!(!browser.scrolls_sideways().await);
    browser.dark_mode(true).await;
    let dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
    assert_eq!(browser.script(dark).await, true);

    let violations = browser.axe().await;
    assert!(violations.iter().any(|violation| violation.id == "image-alt"), "{violations:?}");

    browser.fill("who", "Eve").await;
    browser.fill("who", "Ada").await;
    assert_eq!(browser.property("[name=who]", "value").await, "Ada");
    browser.click("go").await;
    browser.wait_for_text("opened").await;
}

#[tokio::test]
async fn a_browser_without_javascript_runs_no_script() {
    let browser = Browser::without_javascript().await;
    browser.goto(PAGE).await;
    let text = browser.text().await;
    assert!(text.contains("Hello") && !text.contains("scripted"), "{text}");
    browser.fill("who", "Ada").await;
    browser.click("go").await;
    browser.wait_for_text("opened").await;
}

#[tokio::test]
async fn a_screenshot_is_a_picture_and_a_closed_browser_is_gone() {
    let file = tempfile::Builder::new().suffix(".png").tempfile().expect("a file");
    let browser = Browser::start().await;
    browser.goto(PAGE).await;
    browser.screenshot(file.path()).await;
    assert!(std::fs::read(file.path()).expect("it is there").starts_with(b"\x89PNG"));
    let weight = browser.weight().await;
    assert!(!weight.is_empty());

    let group = browser.process_group();
    drop(browser);
    for _ in 0..100 {
        if processes_of(group) == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the browser outlives its owner");
}

/// How many processes of this process group live; one that waits to be reaped does not.
fn processes_of(group: u32) -> usize {
    let all = std::fs::read_dir("/proc").expect("Linux has /proc").flatten();
    let stats = all.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter(|stat| group_in(stat) == Some(group)).count()
}

/// State and group are the third and fifth field of `/proc/PID/stat`; a name in parentheses
/// comes before them.
fn group_in(stat: &str) -> Option<u32> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let alive = fields.next()? != "Z";
    fields.nth(1)?.parse().ok().filter(|_| alive)
}
