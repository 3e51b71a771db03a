//! People at work: a closed loop of requests that goes on, whatever happens to the provider.

use super::balancer::Balancer;
use super::people::Person;
use super::stage::Stage;
use super::support::WebApp;
use super::witness::Witness;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// A client for machines: it keeps no cookies and follows nothing.
pub fn http(patience: Duration) -> reqwest::Client {
    builder(patience).build().expect("a client can be made")
}

/// What [`http`] and browsers have in common.
pub fn builder(patience: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(patience)
}

/// People who sign in, exchange codes, refresh, ask and revoke until they are told to stop.
pub struct Load {
    pub witness: Arc<Witness>,
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    people: JoinSet<()>,
}

impl Load {
    /// Starts so many people, signed in, at the instances behind a balancer.
    pub async fn start(app: &WebApp, count: usize, balancer: &Arc<Balancer>) -> Self {
        Self::start_with(app, count, balancer, Duration::from_millis(10)).await
    }

    /// As [`Load::start`], with a pause of each after each round.
    pub async fn start_with(
        app: &WebApp,
        count: usize,
        balancer: &Arc<Balancer>,
        pause: Duration,
    ) -> Self {
        let witness = Arc::<Witness>::default();
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut people = JoinSet::new();
        for number in 0..count {
            let name = format!("ada{number}");
            let person = Person::new(&name, app, balancer.clone(), witness.clone());
            person.come_in().await;
            let (stop, rounds) = (stop.clone(), rounds.clone());
            people.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    person.round(&stop).await;
                    rounds.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                }
            });
        }
        Self { witness, stop, rounds, people }
    }

    /// How many rounds were finished.
    pub fn rounds(&self) -> usize {
        self.rounds.load(Ordering::Relaxed)
    }

    /// Lets everybody finish and go.
    pub async fn stop(self) -> Arc<Witness> {
        self.stop.store(true, Ordering::Relaxed);
        self.people.join_all().await;
        self.witness
    }

    /// As [`Load::stop`]; then what was answered must be what is stored.
    pub async fn expect_no_violation(self, stage: &Stage) -> Arc<Witness> {
        let witness = self.stop().await;
        expect_no_violation(&witness, stage).await;
        witness
    }
}

/// What was answered is what is stored, and nothing contradicts itself.
pub async fn expect_no_violation(witness: &Witness, stage: &Stage) {
    let stored = super::witness_facts::Stored::of(stage, witness).await;
    let found = witness.violations(&stored);
    assert!(found.is_empty(), "{} violations: {:#?}", found.len(), &found[..found.len().min(10)]);
}
