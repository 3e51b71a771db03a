//! Clocks that are wrong, and clocks that jump. Nothing is issued by a clock that is wrong, nothing that
//! has expired comes back, and what measures spans does not notice.

use super::balancer::Balancer;
use super::faketime::FakeTime;
use super::load::{self, Load};
use super::report::{measured, time};
use super::stage::{Serving, Stage, is_ready, until};
use super::support::{Agent, Code, Reply, Store, WebApp, command, crypto, ports};
use std::time::Duration;
use tokio::time::Instant;

const TEN: Duration = Duration::from_secs(10);
/// Longer than a jump is waited out where there is no other clock.
const MINUTE: Duration = Duration::from_secs(60);
/// Codes for whoever does not wait.
const SHORT_CODES: (&str, &str) = ("COUNTERSIGN_TOKENS__AUTHORIZATION_CODE", "5");

/// A provider whose clock the test holds, and an app of it.
struct Scene {
    clock: FakeTime,
    stage: Stage,
    app: WebApp,
    serving: Serving,
    metrics: String,
}

impl Scene {
    async fn start(store: Store) -> Option<Self> {
        Self::start_with(store, &[]).await
    }

    async fn start_with(store: Store, more: &[(&str, &str)]) -> Option<Self> {
        let clock = FakeTime::new()?;
        let metrics = format!("127.0.0.1:{}", ports::free_port());
        let mut stage = Stage::new(store).with("COUNTERSIGN_METRICS_LISTEN", &metrics);
        stage.people(4).await;
        let app = stage.app().await;
        stage.variables.extend(clock.variables());
        let serving = stage.serve_with(more).await;
        Some(Self { clock, stage, app, serving, metrics: format!("http://{metrics}/metrics") })
    }

    /// What `/readyz` says.
    async fn readiness(&self) -> (u16, String) {
        get(&format!("{}/readyz", self.serving.base)).await
    }

    /// A metric, as a number.
    async fn metric(&self, name: &str) -> f64 {
        let (_, text) = get(&self.metrics).await;
        let line = text.lines().find(|line| line.starts_with(&format!("countersign_{name} ")));
        line.and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect(name)
    }

    /// Waits until it is ready or not.
    async fn until_ready(&self, wanted: bool, within: Duration) -> Duration {
        let http = load::http(Duration::from_secs(2));
        let asked = async || is_ready(&http, &self.serving.base).await == wanted;
        until("it is ready or not", within, asked).await
    }

    /// The audit log is whole, and nothing panicked.
    async fn expect_well(&self) {
        self.stage.expect_well(&[&self.app.secret]).await;
    }
}

async fn get(url: &str) -> (u16, String) {
    let answer = load::http(TEN).get(url).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

/// Whoever is not served is told to come back, in the words of every 503.
#[track_caller]
fn expect_shed(reply: &Reply) {
    assert_eq!((reply.status, reply.header("retry-after")), (503, "1"), "{}", reply.text);
    assert_eq!(reply.json["error"], "temporarily_unavailable");
    assert_eq!(reply.json["error_description"], "the server is busy, try again shortly");
}

/// A code that has just expired.
async fn expired_code(app: &WebApp) -> Code {
    let code = app.log_in_and_consent("ada0", "openid email").await;
    tokio::time::sleep(Duration::from_millis(6200)).await;
    code
}

#[tokio::test]
async fn t_01_a_clock_that_is_an_hour_ahead_issues_nothing_until_it_is_right() {
    let Some(scene) = Scene::start(Store::Postgres).await else { return };
    let beside = {
        let mut right = Stage::at(&scene.stage.database_url);
        right.port = scene.stage.port;
        right.serve_beside(&[]).await
    };
    let there = WebApp { base: beside.base.clone(), ..scene.app.clone() };
    let tokens = scene.app.tokens("ada0", "openid email").await;
    let skew = scene.metric("clock_skew_seconds").await;
    assert!(skew.abs() < 1.0, "{skew}");
    let root = Agent::at(&scene.serving.base);
    root.sign_in("root").await;
    assert!(!root.open("/admin").await.body.contains("seconds ahead"));

    let began = Instant::now();
    scene.clock.set("+3600");
    scene.until_ready(false, TEN).await;
    measured("T-01", "not ready, after the clock jumped ahead by an hour", time(began.elapsed()));
    assert!(root.open("/admin").await.body.contains("this server is 3600 seconds ahead"));
    let (status, why) = scene.readiness().await;
    assert_eq!(status, 503);
    assert!(why.starts_with("the clock is 3600 s ahead of the database's; nothing"), "{why}");
    expect_shed(&scene.app.refresh(&tokens.refresh_token).await);
    for path in ["/introspect", "/revoke"] {
        expect_shed(&scene.app.call(path, &[("token", &tokens.access_token)]).await);
    }
    expect_shed(&scene.app.userinfo(&tokens.access_token).await);
    let asked = format!("{}/auth/verify?aud=anything", scene.serving.base);
    assert_eq!(get(&asked).await.0, 503);
    expect_shed(&scene.app.call("/par", &[("client_id", &scene.app.id)]).await);
    expect_shed(&scene.app.call("/device_authorization", &[]).await);
    for more in [("prompt", "none"), ("prompt", "login")] {
        let page = scene.app.authorize(&[more]).await;
        assert_eq!((page.status, page.header("retry-after")), (503, "1"));
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let skew = scene.metric("clock_skew_seconds").await;
    assert!((3599.0..3601.0).contains(&skew), "{skew}");

    // Where the clock is right, nothing was used up and nobody is signed out.
    let next = there.refresh(&tokens.refresh_token).await.expect_tokens();
    assert!(there.is_active(&next.access_token).await);

    let began = Instant::now();
    scene.clock.set("+0");
    scene.until_ready(true, TEN).await;
    measured("T-01", "ready, after the clock was set right", time(began.elapsed()));
    let last = scene.app.refresh(&next.refresh_token).await.expect_tokens();
    let iat = crypto::claims(&last.access_token)["iat"].as_i64().expect("a number");
    assert!((iat - now()).abs() < 60, "{iat}");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let log = scene.serving.log();
    assert_eq!(log.matches("nothing is issued until it is right").count(), 1, "{log}");
    assert_eq!(log.matches("the clock is right again").count(), 1, "{log}");
    scene.expect_well().await;
}

fn now() -> i64 {
    use countersign::protocol::time::{Clock, SystemClock};
    SystemClock.now().as_unix()
}

#[tokio::test]
async fn t_01_what_an_instance_with_a_wrong_clock_ends_does_not_hold_up_what_begins_elsewhere() {
    let Some(scene) = Scene::start(Store::Postgres).await else { return };
    let mut right = Stage::at(&scene.stage.database_url);
    right.port = scene.stage.port;
    let beside = right.serve_beside(&[]).await;
    let there = WebApp { base: beside.base.clone(), ..scene.app.clone() };
    let token = scene.app.tokens("ada0", "openid email").await.access_token;
    scene.clock.set("+3600");
    scene.until_ready(false, TEN).await;
    // To end tokens works always, and the mark up to where they are refused is not an hour away.
    let mut variables = scene.clock.variables();
    variables.push(("COUNTERSIGN_DATABASE_URL".into(), scene.stage.database_url.clone()));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    let ended = command::run(&variables, &["token", "revoke-all", "--yes"]).await;
    ended.expect_done();
    assert!(ended.stderr.contains("the clock is 3600 s ahead of the database's"), "{ended:?}");
    assert!(!there.is_active(&token).await);
    let there = WebApp { agent: Agent::at(&beside.base), ..there };
    let fresh = there.tokens("ada0", "openid email").await.access_token;
    let iat = crypto::claims(&fresh)["iat"].as_i64().expect("a number");
    assert!((iat - now()).abs() < 60, "{iat}");
    assert!(there.is_active(&fresh).await);
}

#[tokio::test]
async fn t_01_a_start_with_a_wrong_clock_is_noticed_before_anything_is_issued() {
    let Some(clock) = FakeTime::new() else { return };
    let mut stage = Stage::new(Store::Postgres);
    stage.people(1).await;
    let app = stage.app().await;
    stage.variables.extend(clock.variables());
    for wrong in ["+3600", "-3600"] {
        clock.set(wrong);
        let mut serving = stage.spawn(stage.port, &[]);
        let http = load::http(TEN);
        let answers = async || http.get(format!("{}/livez", serving.base)).send().await.is_ok();
        until("it answers", Duration::from_secs(30), answers).await;
        assert!(!is_ready(&http, &serving.base).await);
        expect_shed(&app.refresh("any").await);
        clock.set("+0");
        serving.ready(TEN).await;
        assert_eq!(app.refresh("any").await.status, 400);
    }
}

#[tokio::test]
async fn t_02_a_clock_that_goes_back_revives_nothing() {
    let Some(scene) = Scene::start_with(Store::Postgres, &[SHORT_CODES]).await else { return };
    let code = expired_code(&scene.app).await;
    // So little is not wrong enough to stop, and enough to make the code young again.
    scene.clock.set("-4");
    scene.app.redeem(&code).await.expect(400, "invalid_grant");
    assert_eq!(scene.readiness().await.0, 200);

    scene.clock.set("-3600");
    expect_shed(&scene.app.redeem(&code).await);
    let (_, why) = scene.readiness().await;
    assert!(why.starts_with("the clock is 3600 s behind the database's; nothing"), "{why}");

    scene.clock.set("+0");
    scene.until_ready(true, TEN).await;
    scene.app.redeem(&code).await.expect(400, "invalid_grant");
    scene.expect_well().await;
}

#[tokio::test]
async fn t_02_without_another_clock_a_jump_is_waited_out_and_revives_nothing() {
    let Some(scene) = Scene::start_with(Store::Sqlite, &[SHORT_CODES]).await else { return };
    let code = expired_code(&scene.app).await;
    scene.clock.set("-3600");
    expect_shed(&scene.app.redeem(&code).await);
    let (_, why) = scene.readiness().await;
    assert!(why.starts_with("the clock went back by 3600 s; nothing"), "{why}");

    let took = scene.until_ready(true, MINUTE).await;
    measured("T-02", "SQLite: ready again, an hour behind, after", time(took));
    scene.app.redeem(&code).await.expect(400, "invalid_grant");
    // An hour earlier, the time goes on: who signs in now gets tokens of now that are good.
    let app = WebApp { base: scene.serving.base.clone(), ..scene.app.in_another_browser() };
    let tokens = app.tokens("ada1", "openid email").await;
    let iat = crypto::claims(&tokens.access_token)["iat"].as_i64().expect("a number");
    assert!((iat - (now() - 3600)).abs() < 60, "{iat}");
    assert!(app.is_active(&tokens.access_token).await);
    scene.expect_well().await;
}

#[tokio::test]
async fn t_01_without_another_clock_a_jump_ahead_is_waited_out_too() {
    let Some(scene) = Scene::start(Store::Sqlite).await else { return };
    let tokens = scene.app.tokens("ada0", "openid email").await;
    scene.clock.set("+3600");
    expect_shed(&scene.app.refresh(&tokens.refresh_token).await);
    let (_, why) = scene.readiness().await;
    assert!(why.starts_with("the clock jumped ahead by 3600 s; nothing"), "{why}");
    let took = scene.until_ready(true, MINUTE).await;
    measured("T-01", "SQLite: ready again, an hour ahead, after", time(took));
    let next = scene.app.refresh(&tokens.refresh_token).await.expect_tokens();
    assert!(scene.app.is_active(&next.access_token).await);
    assert!(!scene.app.is_active(&tokens.access_token).await, "it lived for five minutes");
    scene.expect_well().await;
}

#[tokio::test]
async fn t_02_a_start_with_a_clock_of_before_does_not_go_back() {
    let Some(mut scene) = Scene::start_with(Store::Sqlite, &[SHORT_CODES]).await else { return };
    let code = expired_code(&scene.app).await;
    scene.serving.kill();
    scene.clock.set("-3600");
    scene.serving = scene.stage.spawn(scene.stage.port, &[SHORT_CODES]);
    let http = load::http(TEN);
    let answers = async || http.get(format!("{}/livez", scene.serving.base)).send().await.is_ok();
    until("it answers", Duration::from_secs(30), answers).await;
    expect_shed(&scene.app.redeem(&code).await);
    scene.clock.set("+0");
    scene.until_ready(true, MINUTE).await;
    scene.app.redeem(&code).await.expect(400, "invalid_grant");
}

/// People work while the clock is set to and fro.
async fn jumps(store: Store) {
    let Some(scene) = Scene::start(store).await else { return };
    let load = Load::start(&scene.app, 4, &Balancer::over(&[&scene.stage.base()])).await;
    // A leap second, and what a time server does in small steps, nobody notices.
    for small in ["+1", "+0", "-1", "-0.4", "+0.4", "+0"] {
        scene.clock.set(small);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(load.witness.failures(), [], "{}", scene.stage.log());
    for jump in ["+3600", "-3600", "+31536000", "-31536000", "+20", "-20"] {
        for to in [jump, "+0"] {
            scene.clock.set(to);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    let began = Instant::now();
    scene.until_ready(true, TEN).await;
    let before = load.rounds();
    until("work goes on", TEN, async || load.rounds() > before + 8).await;
    measured("T-03", "work goes on after a dozen jumps", time(began.elapsed()));
    let witness = load.expect_no_violation(&scene.stage).await;
    assert!(witness.failures().iter().all(|(status, _)| *status == 503), "a request hung");
    scene.expect_well().await;
}

#[tokio::test]
async fn t_03_a_clock_that_jumps_under_load_hangs_nothing_on_sqlite() {
    jumps(Store::Sqlite).await;
}

#[tokio::test]
async fn t_03_a_clock_that_jumps_under_load_hangs_nothing_on_postgres() {
    jumps(Store::Postgres).await;
}

#[tokio::test]
async fn t_03_it_stops_in_time_whatever_the_clock_says() {
    let Some(mut scene) = Scene::start(Store::Sqlite).await else { return };
    scene.serving.signal("TERM");
    scene.clock.set("-31536000");
    let status = scene.serving.end(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(0), "{}", scene.serving.log());
}

#[tokio::test]
async fn t_05_it_starts_and_works_after_2038_and_after_2106() {
    for (year, date) in [(2040, "@2040-02-29 12:00:00"), (2107, "@2107-03-01 00:00:00")] {
        let Some(clock) = FakeTime::new() else { return };
        let mut stage = Stage::new(Store::Sqlite);
        stage.people(4).await;
        let app = stage.app().await;
        stage.variables.extend(clock.from(date));
        // The file was made today, and the clock has jumped since then.
        let mut serving = stage.spawn(stage.port, &[]);
        serving.ready(MINUTE).await;
        let load = Load::start(&app, 4, &Balancer::over(&[&stage.base()])).await;
        until("people work", TEN, async || load.rounds() > 8).await;
        let tokens = app.tokens("ada0", "openid email").await;
        let claims = crypto::claims(&tokens.access_token);
        let seconds_a_year = 31_556_952;
        let found = 1970 + claims["iat"].as_i64().expect("a number") / seconds_a_year;
        assert_eq!(found, year, "{claims}");
        assert!(app.is_active(&tokens.access_token).await);
        assert_eq!(app.revoke(&tokens.access_token).await.status, 200);
        assert!(!app.is_active(&tokens.access_token).await);
        let witness = load.expect_no_violation(&stage).await;
        assert_eq!(witness.failures(), [], "{}", stage.log());
        stage.expect_well(&[&app.secret]).await;
    }
}
