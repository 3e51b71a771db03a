//! A witness: remembers every answer that a client got, and finds those that contradict each other or
//! the database.
//!
//! - A code is exchanged once (I1). A refresh token has one successor; the answer may be repeated once,
//!   for a client that lost it.
//! - What was given is known afterwards (I2, I4).
//! - What was blocked or revoked is accepted by nobody after its deadline (I3).

use super::witness_facts::Stored;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// What a client heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Given(Grant),
    /// A clear no: the error of the answer.
    Refused(String),
    /// No answer, or one that says nothing about what was done: a 5xx, a 429.
    Unknown(u16),
}

/// The tokens of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    pub jti: String,
    /// `sub`, `client_id` and `iat` of the access token.
    pub subject: String,
    pub client: String,
    pub issued_at: i64,
    pub expires_at: i64,
    /// Empty when none came.
    pub refresh_token: String,
}

/// What a client saw.
#[derive(Debug, Clone)]
pub enum Event {
    /// A code came back from an authorization request.
    Code { code: String, user: String },
    /// A code was exchanged.
    Redeemed { code: String, answer: Answer, at: Instant },
    /// A refresh token of a user was used.
    Refreshed { token: String, user: String, answer: Answer, at: Instant },
    /// Somebody who was asked at `asked` took a token for good.
    Accepted { jti: String, user: String, by: &'static str, asked: Instant },
    /// Somebody who was asked said that a token is not good.
    Denied { jti: String, user: String, by: &'static str },
    /// A browser that was signed in is not any more.
    SignedOut { user: String },
    /// It was answered that a user is blocked; from the deadline on everybody must know.
    Blocked { user: String, deadline: Instant },
    /// It was answered that a user's tokens are over, by a new password or a consent that was withdrawn;
    /// `keys` are those of the list, of which one must be there.
    Ended { user: String, keys: [String; 2], deadline: Instant },
    /// Somebody asked to revoke a token, or to block a user; it may have happened without an answer.
    Ending { what: String },
    /// It was answered that a token is revoked; from the deadline on everybody must know.
    Revoked { jti: String, deadline: Instant },
    /// A request that had nothing to be remembered for, by its status; 0 without an answer.
    Asked { status: u16, at: Instant },
}

/// How long a lost answer to a refresh is given again.
const RETRY: Duration = Duration::from_secs(29);

/// Remembers.
#[derive(Default)]
pub struct Witness {
    events: Mutex<Vec<Event>>,
}

impl Witness {
    /// Remembers something.
    pub fn saw(&self, event: Event) {
        self.events.lock().expect("no one panics with the lock").push(event);
    }

    /// Everything so far.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().expect("no one panics with the lock").clone()
    }

    /// The tokens that were given to people whose tokens are over: by whom, what, and since when they are over.
    pub fn ended_with_their_user(&self) -> Vec<(String, Grant, Instant)> {
        let events = self.events();
        let codes = events.iter().filter_map(|event| match event {
            Event::Code { code, user } => Some((code.as_str(), user.as_str())),
            _ => None,
        });
        let (codes, ends): (BTreeMap<_, _>, _) = (codes.collect(), ends(&events));
        let ended = events.iter().filter_map(|event| {
            let (user, Answer::Given(grant)) = (match event {
                Event::Redeemed { code, answer, .. } => (*codes.get(code.as_str())?, answer),
                Event::Refreshed { user, answer, .. } => (user.as_str(), answer),
                _ => return None,
            }) else {
                return None;
            };
            Some((user.to_owned(), grant.clone(), *ends.get(user)?))
        });
        ended.collect()
    }

    /// How many people were blocked.
    pub fn blocks(&self) -> usize {
        blocked(&self.events()).len()
    }

    /// How many grants were given.
    pub fn given(&self) -> usize {
        let events = self.events();
        let given = |event: &&Event| matches!(answer(event), Some(Answer::Given(_)));
        events.iter().filter(given).count()
    }

    /// The statuses of 5xx and silence, with their times.
    pub fn failures(&self) -> Vec<(u16, Instant)> {
        let failure = |event: &Event| match event {
            Event::Redeemed { answer: Answer::Unknown(status), at, .. }
            | Event::Refreshed { answer: Answer::Unknown(status), at, .. } => Some((*status, *at)),
            Event::Asked { status, at } if *status == 0 || *status >= 500 => Some((*status, *at)),
            _ => None,
        };
        self.events().iter().filter_map(failure).collect()
    }

    /// How long after `from` the last failure was.
    pub fn outage_since(&self, from: Instant) -> Duration {
        let last = self.failures().into_iter().map(|(_, at)| at).max();
        last.map_or(Duration::ZERO, |last| last.saturating_duration_since(from))
    }

    /// Everything that must not be.
    pub fn violations(&self, stored: &Stored) -> Vec<String> {
        let events = self.events();
        let mut found = codes(&events);
        found.extend(refresh_tokens(&events));
        found.extend(accepted_too_late(&events));
        found.extend(ended_without_reason(&events));
        found.extend(lost(&events, stored));
        found
    }
}

fn answer(event: &Event) -> Option<&Answer> {
    match event {
        Event::Redeemed { answer, .. } | Event::Refreshed { answer, .. } => Some(answer),
        _ => None,
    }
}

fn blocked(events: &[Event]) -> BTreeSet<&str> {
    let user = events.iter().filter_map(|event| match event {
        Event::Blocked { user, .. } => Some(user.as_str()),
        _ => None,
    });
    user.collect()
}

/// Those whose tokens are over, for whatever reason.
fn ended(events: &[Event]) -> BTreeSet<&str> {
    let user = events.iter().filter_map(|event| match event {
        Event::Blocked { user, .. } | Event::Ended { user, .. } => Some(user.as_str()),
        _ => None,
    });
    user.collect()
}

/// Codes that were exchanged twice, or that nobody knew.
fn codes(events: &[Event]) -> Vec<String> {
    let mut users = BTreeMap::new();
    let mut answers: BTreeMap<&str, Vec<&Answer>> = BTreeMap::new();
    for event in events {
        match event {
            Event::Code { code, user } => drop(users.insert(code.as_str(), user.as_str())),
            Event::Redeemed { code, answer, .. } => answers.entry(code).or_default().push(answer),
            _ => {}
        }
    }
    let blocked = ended(events);
    let judge = |(code, answers): (&str, Vec<&Answer>)| {
        let given = answers.iter().filter(|answer| matches!(answer, Answer::Given(_))).count();
        let is_blocked = users.get(code).is_some_and(|user| blocked.contains(user));
        match given {
            0 if !is_blocked && answers.iter().all(|one| matches!(one, Answer::Refused(_))) => {
                Some(format!("nobody knows a code that was given: {answers:?}"))
            }
            0 | 1 => None,
            times => Some(format!("a code was exchanged {times} times")),
        }
    };
    answers.into_iter().filter_map(judge).collect()
}

/// Refresh tokens with two successors, with too many answers, or that were lost by a fault.
fn refresh_tokens(events: &[Event]) -> Vec<String> {
    let blocked = ended(events);
    let mut uses: BTreeMap<&str, Vec<(&Answer, Instant, &str)>> = BTreeMap::new();
    for event in events {
        if let Event::Refreshed { token, user, answer, at } = event {
            uses.entry(token).or_default().push((answer, *at, user));
        }
    }
    let mut found = Vec::new();
    for uses in uses.into_values() {
        let given = uses.iter().filter_map(|(answer, ..)| match answer {
            Answer::Given(grant) => Some(grant.refresh_token.as_str()),
            _ => None,
        });
        let given: Vec<&str> = given.collect();
        if given.iter().collect::<BTreeSet<_>>().len() > 1 {
            found.push("a refresh token has two successors".to_owned());
        }
        if given.len() > 2 {
            found.push(format!("a refresh token was answered {} times", given.len()));
        }
        let is_blocked = uses.iter().any(|(.., user)| blocked.contains(user));
        if given.is_empty() && !is_blocked && is_lost(&uses) {
            found.push(format!("a refresh token is good for nothing: {uses:?}"));
        }
    }
    found
}

/// Whether a use was refused although at most one answer was lost, and only just before.
fn is_lost(uses: &[(&Answer, Instant, &str)]) -> bool {
    let unknown = uses.iter().filter(|(answer, ..)| matches!(answer, Answer::Unknown(_)));
    let unknown: Vec<Instant> = unknown.map(|(_, at, _)| *at).collect();
    uses.iter().any(|(answer, at, _)| {
        let soon = unknown.iter().all(|lost| at.saturating_duration_since(*lost) < RETRY);
        matches!(answer, Answer::Refused(_)) && unknown.len() <= 1 && soon
    })
}

/// The first deadline of everybody whose tokens are over and everything that was revoked.
fn ends(events: &[Event]) -> BTreeMap<&str, Instant> {
    let mut ends: BTreeMap<&str, Instant> = BTreeMap::new();
    for event in events {
        if let Event::Blocked { user: name, deadline }
        | Event::Ended { user: name, deadline, .. }
        | Event::Revoked { jti: name, deadline } = event
        {
            let end = ends.entry(name).or_insert(*deadline);
            *end = (*end).min(*deadline);
        }
    }
    ends
}

/// What was taken for good after the deadline of its end.
fn accepted_too_late(events: &[Event]) -> Vec<String> {
    let ends = ends(events);
    let late = |event: &Event| {
        let Event::Accepted { jti, user, by, asked } = event else { return None };
        let deadline = [ends.get(&**jti), ends.get(&**user)].into_iter().flatten().min()?;
        let after = asked.checked_duration_since(*deadline).filter(|after| !after.is_zero())?;
        Some(format!("{by} accepted {jti} of {user} {after:?} after the deadline"))
    };
    events.iter().filter_map(late).collect()
}

/// Tokens and sessions that are not good although nobody ended them (I4).
fn ended_without_reason(events: &[Event]) -> Vec<String> {
    let blocked = ended(events);
    let ending = events.iter().filter_map(|event| match event {
        Event::Ending { what } | Event::Revoked { jti: what, .. } => Some(what.as_str()),
        _ => None,
    });
    let ending: BTreeSet<&str> = ending.collect();
    let is_ended = |name: &String| blocked.contains(&**name) || ending.contains(&**name);
    let found = |event: &Event| match event {
        Event::Denied { jti, user, by } if !is_ended(user) && !is_ended(jti) => {
            Some(format!("{by} does not know {jti} of {user}"))
        }
        Event::SignedOut { user } if !is_ended(user) => Some(format!("{user} was signed out")),
        _ => None,
    };
    events.iter().filter_map(found).collect()
}

/// The tokens that were given, and when they expire.
fn expiries(events: &[Event]) -> BTreeMap<&str, i64> {
    let given = events.iter().filter_map(|event| match answer(event) {
        Some(Answer::Given(grant)) => Some((grant.jti.as_str(), grant.expires_at)),
        _ => None,
    });
    given.collect()
}

/// What was answered and is not in the database. What has expired may be gone.
fn lost(events: &[Event], stored: &Stored) -> Vec<String> {
    let mut found = Vec::new();
    let expiries = expiries(events);
    let lives = |jti: &str| expiries.get(jti).is_none_or(|expiry| *expiry > stored.until);
    for event in events {
        if let Some(Answer::Given(grant)) = answer(event) {
            if lives(&grant.jti) && !stored.tokens.contains(&grant.jti) {
                found.push(format!("the token {} was given and is not recorded", grant.jti));
            }
            let refresh = &grant.refresh_token;
            if !refresh.is_empty() && !stored.refresh_tokens.contains(refresh) {
                found.push("a refresh token was given and is not stored".to_owned());
            }
        }
        match event {
            Event::Redeemed { code, answer: Answer::Given(_), .. }
                if !stored.spent_codes.contains(code) =>
            {
                found.push("a code was exchanged and is not spent".to_owned());
            }
            Event::Refreshed { token, answer: Answer::Given(_), .. }
                if !stored.spent_refresh_tokens.contains(token) =>
            {
                found.push("a refresh token was used and is not spent".to_owned());
            }
            Event::Blocked { user, .. } if !stored.blocked.contains(user) => {
                found.push(format!("{user} was blocked and is not"));
            }
            Event::Ended { user, .. } if !stored.ended.contains(user) => {
                found.push(format!("the tokens of {user} were ended and are not"));
            }
            Event::Revoked { jti, .. } if lives(jti) && !stored.revoked.contains(jti) => {
                found.push(format!("{jti} was revoked and is not"));
            }
            _ => {}
        }
    }
    let blocks = blocked(events).len();
    if let Some(audited) = stored.blocks_audited.filter(|audited| *audited < blocks) {
        found.push(format!("{blocks} people were blocked, and {audited} blocks are in the log"));
    }
    if let Some((issued, audited)) = stored.issued_and_audited {
        let (all_live, given) = (expiries.keys().all(|jti| lives(jti)), expiries.len());
        if (all_live && issued != audited) || issued.max(given) > audited {
            found.push(format!(
                "{given} tokens were given, {issued} are recorded, and {audited} are in the log"
            ));
        }
    }
    found
}
