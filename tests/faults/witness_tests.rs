//! The witness itself: it finds what was planted, and nothing where all is well.

use super::witness::{Answer, Event, Grant, Witness};
use super::witness_facts::Stored;
use std::time::Duration;
use tokio::time::Instant;

fn given(jti: &str, refresh_token: &str) -> Answer {
    expiring(jti, refresh_token, i64::MAX)
}

fn expiring(jti: &str, refresh_token: &str, expires_at: i64) -> Answer {
    let (jti, refresh_token) = (jti.into(), refresh_token.into());
    Answer::Given(Grant { jti, expires_at, refresh_token, ..Grant::default() })
}

fn redeemed(answer: Answer) -> Event {
    Event::Redeemed { code: "code".into(), answer, at: Instant::now() }
}

fn refreshed(token: &str, answer: Answer) -> Event {
    Event::Refreshed { token: token.into(), user: "ada".into(), answer, at: Instant::now() }
}

fn code() -> Event {
    Event::Code { code: "code".into(), user: "ada".into() }
}

fn blocked(deadline: Instant) -> Event {
    Event::Blocked { user: "ada".into(), deadline }
}

fn accepted(asked: Instant) -> Event {
    Event::Accepted { jti: "j1".into(), user: "ada".into(), by: "userinfo", asked }
}

fn no() -> Answer {
    Answer::Refused("invalid_grant".into())
}

/// A database in which everything is that is seen here.
fn stored() -> Stored {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Stored {
        spent_codes: set(&["code"]),
        refresh_tokens: set(&["r1", "r2", "r3"]),
        spent_refresh_tokens: set(&["r1"]),
        tokens: set(&["j1", "j2", "j3"]),
        blocked: set(&["ada"]),
        ended: set(&["ada"]),
        revoked: set(&["j1"]),
        until: 1000,
        issued_and_audited: Some((3, 3)),
        blocks_audited: Some(1),
    }
}

fn found(events: impl IntoIterator<Item = Event>, stored: &Stored) -> Vec<String> {
    let witness = Witness::default();
    events.into_iter().for_each(|event| witness.saw(event));
    witness.violations(stored)
}

#[track_caller]
fn expect(events: impl IntoIterator<Item = Event>, stored: &Stored, says: &str) {
    let found = found(events, stored);
    assert!(found.len() == 1 && found[0].contains(says), "{found:?}");
}

#[test]
fn where_all_is_well_it_finds_nothing() {
    let now = Instant::now();
    let history = [
        code(),
        redeemed(Answer::Unknown(0)),
        redeemed(given("j1", "r1")),
        refreshed("r1", Answer::Unknown(503)),
        refreshed("r1", given("j2", "r2")),
        refreshed("r1", given("j3", "r2")),
        accepted(now),
        blocked(now + Duration::from_secs(1)),
        refreshed("r2", no()),
        Event::Revoked { jti: "j1".into(), deadline: now + Duration::from_secs(1) },
    ];
    assert_eq!(found(history, &stored()), Vec::<String>::new());
}

#[test]
fn a_code_that_was_exchanged_twice_is_found() {
    let history = [code(), redeemed(given("j1", "")), redeemed(given("j2", ""))];
    expect(history, &stored(), "exchanged 2 times");
}

#[test]
fn a_code_that_nobody_knows_is_found_unless_its_user_is_blocked() {
    expect([code(), redeemed(no())], &stored(), "nobody knows a code");
    let late = Instant::now();
    assert!(found([code(), redeemed(no()), blocked(late)], &stored()).is_empty());
    assert!(found([code(), redeemed(Answer::Unknown(0)), redeemed(no())], &stored()).is_empty());
}

#[test]
fn two_successors_of_a_refresh_token_are_found() {
    let history = [refreshed("r1", given("j1", "r2")), refreshed("r1", given("j2", "r3"))];
    expect(history, &stored(), "two successors");
}

#[test]
fn a_third_answer_to_a_refresh_token_is_found() {
    let history = ["j1", "j2", "j3"].map(|jti| refreshed("r1", given(jti, "r2")));
    expect(history, &stored(), "answered 3 times");
}

#[test]
fn a_refresh_token_that_a_fault_has_lost_is_found() {
    expect([refreshed("r3", no())], &stored(), "good for nothing");
    let history = [refreshed("r3", Answer::Unknown(0)), refreshed("r3", no())];
    expect(history, &stored(), "good for nothing");
    let twice = [Answer::Unknown(0), Answer::Unknown(0), no()];
    assert!(found(twice.map(|answer| refreshed("r3", answer)), &stored()).is_empty());
}

#[test]
fn what_is_accepted_after_the_deadline_is_found() {
    let now = Instant::now();
    let later = now + Duration::from_millis(1);
    expect([blocked(now), accepted(later)], &stored(), "after the deadline");
    let revoked = Event::Revoked { jti: "j1".into(), deadline: now };
    expect([revoked, accepted(later)], &stored(), "userinfo accepted j1");
    assert!(found([blocked(later), accepted(now)], &stored()).is_empty());
}

#[test]
fn a_block_ends_every_token_that_somebody_was_given() {
    let now = Instant::now();
    let witness = Witness::default();
    let other = Event::Refreshed {
        token: "r3".into(),
        user: "grace".into(),
        answer: given("j3", ""),
        at: now,
    };
    let mine = [code(), redeemed(given("j1", "r1")), refreshed("r1", given("j2", "r2"))];
    mine.into_iter().chain([other, blocked(now)]).for_each(|event| witness.saw(event));
    let ended: Vec<_> = witness.ended_with_their_user();
    let ended: Vec<_> = ended.iter().map(|(user, grant, at)| (&**user, &*grant.jti, *at)).collect();
    assert_eq!(ended, [("ada", "j1", now), ("ada", "j2", now)]);
    assert_eq!(witness.blocks(), 1);
}

#[test]
fn what_ended_without_a_reason_is_found() {
    let denied = || Event::Denied { jti: "j2".into(), user: "ada".into(), by: "introspection" };
    expect([denied()], &stored(), "does not know j2");
    let signed_out = || Event::SignedOut { user: "ada".into() };
    expect([signed_out()], &stored(), "ada was signed out");
    let blocked = blocked(Instant::now());
    assert!(found([denied(), signed_out(), blocked], &stored()).is_empty());
    assert!(found([Event::Ending { what: "j2".into() }, denied()], &stored()).is_empty());
}

#[test]
fn what_was_answered_and_is_not_stored_is_found() {
    let now = Instant::now();
    let history = || [code(), redeemed(given("j1", "r1")), blocked(now)];
    assert!(found(history(), &stored()).is_empty());
    let without = |change: fn(&mut Stored)| {
        let mut stored = stored();
        change(&mut stored);
        stored
    };
    type Loss = fn(&mut Stored);
    let cases: [(Loss, &str); 6] = [
        (|stored| stored.tokens.clear(), "is not recorded"),
        (|stored| stored.refresh_tokens.clear(), "is not stored"),
        (|stored| stored.spent_codes.clear(), "code was exchanged and is not spent"),
        (|stored| stored.blocked.clear(), "was blocked and is not"),
        (|stored| stored.issued_and_audited = Some((3, 2)), "3 are recorded"),
        (|stored| stored.blocks_audited = Some(0), "0 blocks are in the log"),
    ];
    for (change, says) in cases {
        expect(history(), &without(change), says);
    }
    let used = [refreshed("r1", given("j2", "r2"))];
    expect(used, &without(|stored| stored.spent_refresh_tokens.clear()), "is not spent");
    let revoked = [Event::Revoked { jti: "j1".into(), deadline: now }];
    expect(revoked, &without(|stored| stored.revoked.clear()), "was revoked and is not");
    let over = || Event::Ended { user: "ada".into(), keys: Default::default(), deadline: now };
    expect([over()], &without(|stored| stored.ended.clear()), "were ended and are not");
    let late = accepted(now + Duration::from_millis(1));
    expect([over(), late], &stored(), "after the deadline");
}

#[test]
fn what_has_expired_may_be_gone_but_not_from_the_log() {
    let mut stored = stored();
    stored.tokens.clear();
    stored.revoked.clear();
    stored.issued_and_audited = Some((0, 1));
    let revoked = Event::Revoked { jti: "j1".into(), deadline: Instant::now() };
    let history = || [code(), redeemed(expiring("j1", "r1", 1000)), revoked.clone()];
    assert!(found(history(), &stored).is_empty());
    let still = [code(), redeemed(expiring("j1", "r1", 1001))];
    expect(still, &Stored { issued_and_audited: None, ..stored.clone() }, "is not recorded");
    stored.issued_and_audited = Some((0, 0));
    expect(history(), &stored, "1 tokens were given");
}

#[test]
fn an_outage_lasts_until_the_last_failure() {
    let witness = Witness::default();
    let start = Instant::now();
    let ms = Duration::from_millis;
    for (status, after) in [(503, 10), (0, 30), (200, 50)] {
        witness.saw(Event::Asked { status, at: start + ms(after) });
    }
    witness.saw(redeemed(given("j1", "")));
    assert_eq!(witness.outage_since(start), ms(30));
    assert_eq!(witness.failures().len(), 2);
    assert_eq!(witness.given(), 1);
}
