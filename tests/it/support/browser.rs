//! A headless Chromium with a profile of its own, driven through chromedriver.

use super::{ports, process};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use thirtyfour::common::command::FormatRequestData;
use thirtyfour::{
    By, Capabilities, ChromeCapabilities, ChromiumLikeCapabilities, RequestData, SessionId,
    WebDriver, WebElement,
};

const AXE: &str = include_str!("vendor/axe.min.js");

/// What the accessibility checker runs: WCAG 2.0 to 2.2, A and AA, and its best practices.
const RUN_AXE: &str = "
    const done = arguments[arguments.length - 1];
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const options = { runOnly: { type: 'tag', values: tags }, rules: { 'target-size': { enabled: true } } };
    const told = rule => ({ id: rule.id, help: rule.help, elements: rule.nodes.map(n => n.html) });
    axe.run(document, options).then(r => done(r.violations.map(told)), e => done(String(e)));
";

/// The document and all it fetched: bytes over the wire by the address they came from.
const WEIGH: &str = "
    const of = kind => performance.getEntriesByType(kind);
    return [...of('navigation'), ...of('resource')].map(e => [e.name, e.transferSize]);
";

/// A browser; it is closed, and its profile removed, when this is dropped.
pub struct Browser {
    /// For what the helpers here do not do.
    pub driver: WebDriver,
    service: process::Service,
}

/// One rule of axe-core that the page breaks, and the elements that break it.
#[derive(Debug, Deserialize)]
pub struct Violation {
    pub id: String,
    pub help: String,
    pub elements: Vec<String>,
}

impl Browser {
    /// Opens a browser as a person has it: 1280 by 900, light colours, scripts allowed.
    pub async fn start() -> Self {
        Self::open(true).await
    }

    /// Opens a browser whose owner switched JavaScript off.
    pub async fn without_javascript() -> Self {
        Self::open(false).await
    }

    async fn open(javascript: bool) -> Self {
        let directory = process::directory("browser");
        let path = directory.path().to_owned();
        let port = ports::free_port();
        let command = ["chromedriver".to_owned(), format!("--port={port}")];
        let service = process::Service::start(directory, "TERM", &command);
        process::wait_until("chromedriver", &path, || ports::answers(port));
        let driver = WebDriver::new(
            format!("http://127.0.0.1:{port}"),
            capabilities(&path.join("profile"), javascript),
        );
        Self { driver: driver.await.expect("chromium starts"), service }
    }

    /// The process group of this browser and its driver.
    pub fn process_group(&self) -> u32 {
        self.service.pid
    }

    pub async fn goto(&self, url: &str) {
        self.driver.goto(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    pub async fn url(&self) -> String {
        self.driver.current_url().await.expect("a page is open").to_string()
    }

    /// Waits, 15 s at most, until the address starts with `prefix`, and gives it whole.
    pub async fn wait_for_url(&self, prefix: &str) -> String {
        for _ in 0..300 {
            let url = self.url().await;
            if url.starts_with(prefix) {
                return url;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the browser did not reach {prefix}; {}", self.situation().await)
    }

    /// The text a person sees.
    pub async fn text(&self) -> String {
        let body = self.element(By::Tag("body"), "body").await;
        body.text().await.expect("the page has text")
    }

    /// Waits, 15 s at most, until the page shows `words`.
    pub async fn wait_for_text(&self, words: &str) {
        for _ in 0..300 {
            // Between two pages there may be no body to read.
            if let Ok(body) = self.driver.find(By::Tag("body")).await
                && body.text().await.is_ok_and(|text| text.contains(words))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the page does not show {words:?}; {}", self.situation().await)
    }

    /// Empties the field of this `name` and types `value`.
    pub async fn fill(&self, name: &str, value: &str) {
        let field = self.element(By::Name(name), name).await;
        field.clear().await.expect("a field can be emptied");
        field.send_keys(value).await.expect("a field takes keys");
    }

    /// Clicks the element with this `id`.
    pub async fn click(&self, id: &str) {
        self.press(By::Id(id), id).await;
    }

    /// Clicks the first element this selector finds.
    pub async fn click_css(&self, selector: &str) {
        self.press(By::Css(selector), selector).await;
    }

    /// Clicks the link with this text.
    pub async fn click_link(&self, text: &str) {
        self.press(By::LinkText(text), text).await;
    }

    async fn press(&self, by: By, what: &str) {
        let element = self.element(by, what).await;
        let clicked = element.click().await;
        clicked.unwrap_or_else(|error| panic!("{what} cannot be clicked: {error}"));
    }

    /// Whether the page has what this selector means, now.
    pub async fn has(&self, selector: &str) -> bool {
        self.driver.find(By::Css(selector)).await.is_ok()
    }

    /// An attribute of the first element this selector finds, as the page was sent.
    pub async fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let element = self.element(By::Css(selector), selector).await;
        element.attr(name).await.expect("the element is on the page")
    }

    /// A property of the first element this selector finds, as it is now (`value`, `checked`).
    pub async fn property(&self, selector: &str, name: &str) -> String {
        let element = self.element(By::Css(selector), selector).await;
        let value = element.prop(name).await.expect("the element is on the page");
        value.unwrap_or_default()
    }

    /// The element, waited for 5 s at most.
    pub async fn element(&self, by: By, what: &str) -> WebElement {
        for _ in 0..100 {
            if let Ok(element) = self.driver.find(by.clone()).await {
                return element;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no {what}; {}", self.situation().await)
    }

    async fn situation(&self) -> String {
        let url = self.driver.current_url().await.map(String::from).unwrap_or_default();
        let source = self.driver.source().await.unwrap_or_default();
        format!("the browser is at {url} with\n{source}")
    }

    /// Sets the size of the page in CSS pixels, for example 320 by 640.
    pub async fn set_viewport(&self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false
        });
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Makes the system prefer dark colours, or light ones.
    pub async fn dark_mode(&self, on: bool) {
        let value = if on { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
    }

    /// Whether the page is wider than the window.
    pub async fn scrolls_sideways(&self) -> bool {
        let script = "const e = document.documentElement; return e.scrollWidth > e.clientWidth;";
        self.script(script).await == json!(true)
    }

    /// What the page cost: the address of each request and its bytes over the wire.
    pub async fn weight(&self) -> Vec<(String, u64)> {
        serde_json::from_value(self.script(WEIGH).await).expect("pairs of text and number")
    }

    /// The console's warnings and errors since the last call; a breach of the page's own content
    /// security policy is among them.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.driver.browser_log().await.expect("chromium keeps a log");
        entries.into_iter().map(|entry| entry.message).collect()
    }

    /// Checks the page for accessibility.
    pub async fn axe(&self) -> Vec<Violation> {
        self.script(AXE).await;
        let answer = self.driver.execute_async(RUN_AXE, Vec::new()).await.expect("axe runs");
        answer.convert().unwrap_or_else(|_| panic!("axe failed: {}", answer.json()))
    }

    /// Writes the whole page, also what is below the window, as a PNG.
    pub async fn screenshot(&self, path: &Path) {
        let answer =
            self.cdp("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        let data = answer["data"].as_str().expect("an image");
        let image = BASE64_STANDARD.decode(data).expect("base64");
        std::fs::write(path, image).expect("the path is writable");
    }

    /// Runs a script in the page and gives what it returns.
    pub async fn script(&self, script: &str) -> Value {
        let answer = self.driver.execute(script, Vec::new()).await.expect("the script runs");
        answer.json().clone()
    }

    /// Sends a command of the Chrome DevTools Protocol.
    pub async fn cdp(&self, command: &'static str, parameters: Value) -> Value {
        let answer = self.driver.cmd(Cdp { command, parameters }).await;
        answer.and_then(|a| a.value()).unwrap_or_else(|error| panic!("{command}: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The whole process group ends with the service: there is no session left to end.
        self.driver.clone().leak().ok();
    }
}

fn capabilities(profile: &Path, javascript: bool) -> Capabilities {
    let mut wanted = ChromeCapabilities::new();
    let profile = format!("--user-data-dir={}", profile.display());
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,900",
        &profile,
    ];
    for argument in arguments {
        wanted.add_arg(argument).expect("an argument is text");
    }
    if !javascript {
        let preferences = json!({ "profile.managed_default_content_settings.javascript": 2 });
        wanted.add_experimental_option("prefs", preferences).expect("it is JSON");
    }
    let mut wanted = Capabilities::from(wanted);
    wanted.set("goog:loggingPrefs", json!({ "browser": "WARNING" })).expect("it is JSON");
    wanted
}

/// A DevTools command as chromedriver takes it.
#[derive(Debug)]
struct Cdp {
    command: &'static str,
    parameters: Value,
}

impl FormatRequestData for Cdp {
    fn format_request(&self, session: &SessionId) -> RequestData {
        let path = format!("/session/{session}/goog/cdp/execute");
        RequestData::new(reqwest::Method::POST, path)
            .add_body(json!({ "cmd": self.command, "params": self.parameters }))
    }
}
