//! An administrator at work: people who are signed in are blocked one after the other, whatever happens to the
//! provider meanwhile, and go on trying with what they have.

use super::balancer::Balancer;
use super::load;
use super::people::{PATIENCE, Person};
use super::report::percentile;
use super::stage::Stage;
use super::support::WebApp;
use super::support::test_server::PASSWORD;
use super::witness::{Event, Grant, Witness};
use countersign::protocol::revocation::subject_at_client;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

/// How many sign in at once.
const TOGETHER: usize = 4;
/// How long after the block they try again.
const AGAIN: Duration = Duration::from_secs(1);

/// An administrator who is signed in, and those who are to be blocked.
pub struct Administrator {
    browser: reqwest::Client,
    csrf: String,
    balancer: Arc<Balancer>,
    witness: Arc<Witness>,
    victims: Vec<Victim>,
}

/// How somebody's tokens end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Block,
    /// They change their password.
    Password,
    /// They take the access away from the app.
    Consent,
}

/// Somebody with tokens that are good.
struct Victim {
    id: String,
    end: End,
    person: Person,
    token: String,
    grant: Grant,
}

impl Administrator {
    /// Signs in, as so many people do who have done nothing yet.
    pub async fn with(
        stage: &Stage,
        app: &WebApp,
        balancer: &Arc<Balancer>,
        witness: &Arc<Witness>,
        count: usize,
    ) -> Self {
        let mut waiting = stage.more_people("victim", count).await.into_iter();
        let (mut under_way, mut victims) = (JoinSet::new(), Vec::new());
        loop {
            while under_way.len() < TOGETHER
                && let Some((name, id)) = waiting.next()
            {
                let person = Person::new(&name, app, balancer.clone(), witness.clone());
                under_way.spawn(signed_in(id, person));
            }
            match under_way.join_next().await {
                Some(victim) => victims.push(victim.expect("no panic")),
                None => break,
            }
        }
        let browser = load::builder(PATIENCE).cookie_store(true).build();
        let browser = browser.expect("a browser can be made");
        let csrf = sign_in(&browser, balancer).await;
        Self { browser, csrf, balancer: balancer.clone(), witness: witness.clone(), victims }
    }

    /// Lets two of ten end their tokens by themselves, by a new password and by taking the consent back.
    /// Nobody insists on those: it is for faults that fail no request.
    pub fn beside_people_who_end_theirs(mut self) -> Self {
        for (number, victim) in self.victims.iter_mut().enumerate() {
            victim.end = match number % 10 {
                3 => End::Password,
                6 => End::Consent,
                _ => End::Block,
            };
        }
        self
    }

    /// Blocks one after the other, one in each `pace` or as fast as it is answered.
    pub fn start(self, pace: Duration) -> Blocks {
        Blocks(tokio::spawn(async move {
            let mut turns = tokio::time::interval(pace);
            let (mut blocks, mut trying) = (Vec::new(), JoinSet::new());
            let Self { browser, csrf, balancer, witness, victims } = self;
            for victim in victims {
                turns.tick().await;
                let order = Order { browser: &browser, csrf: &csrf, balancer: &balancer };
                if victim.end == End::Block {
                    let began = Instant::now();
                    order.block(&victim, &witness).await;
                    blocks.push(Block { began, took: began.elapsed() });
                } else {
                    victim.end_by_themselves(&witness).await;
                }
                trying.spawn(async move {
                    victim.try_all().await;
                    tokio::time::sleep(AGAIN).await;
                    victim.try_all().await;
                    victim
                });
            }
            Blocked { blocks, victims: trying.join_all().await }
        }))
    }
}

/// Somebody who has signed in, and uses what they got.
async fn signed_in(id: String, person: Person) -> Victim {
    person.come_in().await;
    let tokens = async {
        // Nothing is broken yet, but the machine may be busy.
        loop {
            if let Some(tokens) = person.tokens().await {
                return tokens;
            }
        }
    };
    let (token, grant) = timeout(PATIENCE * 10, tokens).await.expect("tokens");
    person.question(&token, &grant).await;
    Victim { id, end: End::Block, person, token, grant }
}

/// Signs the administrator in, and finds what forms must bring with them.
async fn sign_in(browser: &reqwest::Client, balancer: &Balancer) -> String {
    let page = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.expect("nothing is broken yet");
        answer.text().await.expect("text")
    };
    let login = page(browser.get(format!("{}/login", balancer.next()))).await;
    let (csrf, txn) = (hidden(&login, "csrf"), hidden(&login, "txn"));
    let form = [("csrf", &*csrf), ("txn", &txn), ("username", "root"), ("password", PASSWORD)];
    page(browser.post(format!("{}/login", balancer.next())).form(&form)).await;
    let users = page(browser.get(format!("{}/admin/users", balancer.next()))).await;
    let csrf = hidden(&users, "csrf");
    assert!(!csrf.is_empty(), "the administrator is not signed in: {users}");
    csrf
}

fn hidden(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let rest = page.split_once(&start).and_then(|(_, rest)| rest.split('"').next());
    rest.unwrap_or_default().to_owned()
}

/// What a block is ordered with.
struct Order<'a> {
    browser: &'a reqwest::Client,
    csrf: &'a str,
    balancer: &'a Balancer,
}

impl Order<'_> {
    /// Insists until it is answered that somebody is blocked.
    async fn block(&self, victim: &Victim, witness: &Witness) {
        let user = victim.person.name().to_owned();
        witness.saw(Event::Ending { what: user.clone() });
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            let url = format!("{}/admin/users/{}/block", self.balancer.next(), victim.id);
            let form = [("csrf", self.csrf), ("reason", "left")];
            let answer = self.browser.post(url).form(&form).send().await;
            let (status, at) =
                (answer.as_ref().map_or(0, |answer| answer.status().as_u16()), Instant::now());
            witness.saw(Event::Asked { status, at });
            if matches!(status, 0 | 503) {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            let answer = answer.expect("there is a status");
            let location = answer.headers().get("location").and_then(|to| to.to_str().ok());
            let person = format!("/admin/users/{}", victim.id);
            let is_back = location.is_some_and(|to| to.starts_with(&person));
            assert!(status == 303 && is_back, "{status} {location:?}");
            witness.saw(Event::Blocked { user, deadline: at });
            return;
        }
        panic!("{user} cannot be blocked");
    }
}

impl Victim {
    async fn end_by_themselves(&self, witness: &Witness) {
        let user = self.person.name().to_owned();
        witness.saw(Event::Ending { what: user.clone() });
        let (answer, then) = match self.end {
            End::Password => (self.person.change_password().await, "/account/security"),
            _ => (self.person.withdraw().await, "/account/apps"),
        };
        let deadline = Instant::now();
        let page = answer.expect("nothing fails here");
        assert_eq!((page.status, page.location()), (303, Some(then)), "{}", page.body);
        let Grant { subject, client, .. } = &self.grant;
        let keys = [subject.clone(), subject_at_client(subject, client)];
        witness.saw(Event::Ended { user, keys, deadline });
    }

    async fn try_all(&self) {
        let by_session = self.end == End::Block;
        self.person.try_all(&self.token, &self.grant, by_session).await;
    }
}

/// Blocks that go on.
pub struct Blocks(JoinHandle<Blocked>);

impl Blocks {
    /// Waits for the last of them; then everybody who was blocked tries once more.
    pub async fn finish(self) -> Vec<Block> {
        let Blocked { blocks, victims } = self.0.await.expect("no panic");
        for victim in victims {
            victim.try_all().await;
        }
        blocks
    }
}

struct Blocked {
    blocks: Vec<Block>,
    victims: Vec<Victim>,
}

/// One block: when it was ordered first, and how long it took until it was answered.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    pub began: Instant,
    pub took: Duration,
}

/// How long half of those blocks took that were ordered in a span.
pub fn median(blocks: &[Block], span: std::ops::Range<Instant>) -> Duration {
    let within = blocks.iter().filter(|block| span.contains(&block.began));
    let mut took: Vec<Duration> = within.map(|block| block.took).collect();
    took.sort_unstable();
    percentile(&took, 50)
}
