//! The first page of the account, and what keeps it safe.

use super::here::{Answer, Here};
use super::{linked, requests};
use crate::domain::identity::account::{self, Event};
use crate::http::page::{Nav, Page};
use crate::http::views::account::{
    Event as EventLine, Overview, Security, devices_check, email_check, event_words, password_check,
};
use crate::protocol::time::Timestamp;

/// How many events the page shows.
const NEWEST: usize = 3;

/// Shows the page.
pub async fn get(here: Here) -> Answer {
    let provider = here.provider();
    let events = account::newest_events(provider, here.user_id(), NEWEST).await;
    let events = events.map_err(|error| here.fault(&error))?;
    let sessions = account::live_sessions(provider, here.user_id()).await;
    let count = sessions.map_err(|error| here.fault(&error))?.len();
    let (page, user, now) = (here.page(Nav::Overview), &here.signed_in.user, provider.now());
    let waiting = i64::try_from(requests::waiting(&here).await?.len()).unwrap_or(i64::MAX);
    let view = Overview {
        name: user.display_name().to_owned(),
        waiting: (waiting > 0).then(|| page.text.count("requests-waiting", waiting)),
        checks: [
            Some(password_check(&page, user.password_hash.is_some())),
            email_check(&page, user.email_verified),
            Some(devices_check(&page, i64::try_from(count).unwrap_or(i64::MAX))),
        ]
        .into_iter()
        .flatten()
        .collect(),
        events: events.iter().map(|event| line(&page, event, now)).collect(),
        page,
    };
    Ok(here.show(view.respond()))
}

/// Shows the page about the password and the devices.
pub async fn security(here: Here) -> Answer {
    let page = here.page(Nav::Security);
    let user = &here.signed_in.user;
    let changed = user.password_changed_at.unwrap_or(user.created_at);
    let password_changed =
        user.password_hash.as_ref().map(|_| page.text.ago(changed, here.provider().now()));
    let (linked, upstreams) = linked::lines(&here, &page).await?;
    Ok(here.show(Security { page, password_changed, linked, upstreams }.respond()))
}

fn line(page: &Page, event: &Event, now: Timestamp) -> EventLine {
    EventLine {
        what: event_words(page, action_of(event)),
        when: page.text.ago(Timestamp::from_unix(event.at), now),
        detail: event.ip.clone().unwrap_or_default(),
    }
}

/// The action by the name that has words for the person.
fn action_of(event: &Event) -> &str {
    match (event.action.as_str(), event.result.as_str()) {
        ("session.start", "denied") => "session.refused",
        ("consent.withdraw", _) => "consent.revoke",
        (action, _) => action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(action: &str, result: &str) -> String {
        let event = Event {
            seq: 1,
            at: 0,
            actor: "user:1".into(),
            action: action.into(),
            target: None,
            client_id: None,
            user_id: Some("1".into()),
            result: result.into(),
            ip: Some("192.0.2.1".into()),
            request_code: None,
            details: None,
        };
        line(&Page::default(), &event, Timestamp::from_unix(60)).what
    }

    #[test]
    fn what_happened_is_said_in_words() {
        assert_eq!(words("session.start", "ok"), "Signed in");
        assert_eq!(words("session.start", "denied"), "Sign-in refused");
        assert_eq!(words("session.end", "ok"), "Signed out");
        assert_eq!(words("consent.withdraw", "ok"), "App access removed");
        assert_eq!(words("user.set_password", "ok"), "Password changed");
    }
}
