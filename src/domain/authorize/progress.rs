//! How far an interaction has come in this browser.

use super::interaction::Interaction;
use super::step::{self, Progress, Step};
use crate::domain::clients::RegisteredClient;
use crate::domain::digest::digest;
use crate::domain::identity::sessions::{self, SignedIn};
use crate::domain::provider::Provider;
use crate::domain::resources::details;
use crate::domain::subject;
use crate::protocol::authorization_request::{AuthorizationRequest, Prompt};
use crate::protocol::claims;
use crate::protocol::error::OAuthError;
use crate::protocol::scope::Scope;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::consents::{self, Consent};

/// What is true at this moment, and what follows from it.
pub struct Situation {
    pub signed_in: Option<SignedIn>,
    /// What the person has allowed the client before.
    pub allowed_before: Scope,
    pub step: Step,
}

/// Looks at the session and the consent, and chooses the next step.
///
/// # Errors
///
/// Those of the database.
pub async fn assess(
    provider: &Provider,
    client: &RegisteredClient,
    interaction: &Interaction,
    cookie: Option<&str>,
) -> Result<Situation, OAuthError> {
    let now = provider.now();
    let (idle, client_id) = (provider.sessions.idle, client.id.clone());
    let (signed_in, consent) = match cookie.map(digest) {
        None => (None, None),
        Some(id_hash) => {
            let read = provider.db.read_by_key(move |conn| {
                let Some(signed_in) = sessions::find_live(conn, &id_hash, now, idle)? else {
                    return Ok((None, None));
                };
                let consent = consents::find(conn, &signed_in.user.id, &client_id)?;
                Ok((Some(signed_in), consent))
            });
            read.await?
        }
    };
    let progress =
        progress(provider, client, interaction, signed_in.as_ref(), consent.as_ref(), now);
    let allowed_before = consent.map(|consent| consent.scope).unwrap_or_default();
    Ok(Situation { signed_in, allowed_before, step: step::next(progress) })
}

/// By how much the clock of another provider may be behind ours.
const CLOCKS_DIFFER: Lifetime = Lifetime::seconds(60);

fn progress(
    provider: &Provider,
    client: &RegisteredClient,
    interaction: &Interaction,
    signed_in: Option<&SignedIn>,
    consent: Option<&Consent>,
    now: Timestamp,
) -> Progress {
    let request = &interaction.request;
    let sid = signed_in.map(|signed_in| signed_in.session.sid.as_str());
    let is_of_this_interaction = sid.is_some() && sid == interaction.authenticated_sid.as_deref();
    let age = signed_in.map_or(0, |signed_in| now.seconds_since(signed_in.auth_time()));
    let is_too_old = request.max_age.is_some_and(|max_age| age > i64::from(max_age))
        || request.max_age == Some(0);
    // Another provider may have been asked for a fresh sign-in and have given an old one.
    let has_proved_anew = is_of_this_interaction
        && signed_in.is_some_and(|of| of.auth_time() + CLOCKS_DIFFER >= interaction.started_at);
    // As the client calls them.
    let is_named = |subject: &str| {
        signed_in.is_some_and(|of| subject::of(provider, client, &of.user.id) == subject)
    };
    let named = [request.hinted_subject.as_deref(), request.claims.subject()];
    Progress {
        signed_in: signed_in.is_some(),
        is_expected_user: named.into_iter().flatten().all(is_named),
        must_sign_in_again: !has_proved_anew && (is_too_old || request.prompts(Prompt::Login)),
        must_select: request.prompts(Prompt::SelectAccount)
            && !is_of_this_interaction
            && sid != interaction.selected_sid.as_deref(),
        consented: client.policy.skip_consent
            || consent.is_some_and(|consent| {
                consent.covers(&wanted(request), &details::hashes(&request.details))
            }),
        // Whoever sends a link with a code in it must not get an account by one click (RFC 8628
        // §5.4): what another device asks for is decided anew, each time.
        must_ask_consent: (request.prompts(Prompt::Consent) && !client.policy.skip_consent)
            || request.elsewhere.is_some(),
        silent: request.prompts(Prompt::None),
        is_sure_enough: signed_in.is_none_or(|person| request.acr.are_met_by(person.level())),
        must_sign_up: request.prompts(Prompt::Create) && !is_of_this_interaction,
        has_just_signed_in: is_of_this_interaction,
    }
}

/// What stands before the name of a claim that is asked for by itself.
pub const CLAIM: &str = "claim:";

/// What a person is asked to allow: the scopes, and each claim that is asked for by itself, as
/// `claim:NAME`.
pub fn wanted(request: &AuthorizationRequest) -> Scope {
    let by_scope: Vec<_> = claims::of_scope(&request.scope).collect();
    let single = request.claims.userinfo.keys().chain(request.claims.id_token.keys());
    let single = single
        .filter(|name| claims::is_standard(name) && !by_scope.contains(&name.as_str()))
        .map(|name| format!("{CLAIM}{name}"))
        .collect::<Vec<_>>()
        .join(" ");
    // Claim names are of our own list, so the text always parses.
    request.scope.union(&single.parse().unwrap_or_default())
}
