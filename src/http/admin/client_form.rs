//! What the pages of clients have in common: kinds, snippets, drafts.

use super::guard::Admin;
use super::list;
use super::version;
use crate::domain::clients::management::{self, ClientDraft};
use crate::http::text::Text;
use crate::http::views::admin::ClientKind as Shown;
use crate::http::views::snippet::{Registration, Snippet};
use crate::protocol::client::{
    ApplicationType, AuthMethod, Client, ClientKind, ClientMetadata, ClientPolicy, GrantType,
};

/// The kind of a client as pages name it.
pub const fn shown(kind: ClientKind) -> Shown {
    match kind {
        ClientKind::Web => Shown::Web,
        ClientKind::SinglePage => Shown::SinglePage,
        ClientKind::Native => Shown::Native,
        ClientKind::Machine => Shown::Machine,
    }
}

/// What a new client of a kind starts with, before its own addresses and scopes.
pub fn draft(kind: Shown) -> ClientDraft {
    let policy_kind = match kind {
        Shown::Web => ClientKind::Web,
        Shown::SinglePage => ClientKind::SinglePage,
        Shown::Native => ClientKind::Native,
        Shown::Machine => ClientKind::Machine,
    };
    let with_people = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    ClientDraft {
        metadata: ClientMetadata {
            token_endpoint_auth_method: match kind.has_secret() {
                true => AuthMethod::ClientSecretBasic,
                false => AuthMethod::None,
            },
            grant_types: match kind.has_people() {
                true => with_people,
                false => vec![GrantType::ClientCredentials],
            },
            application_type: match kind {
                Shown::Native => ApplicationType::Native,
                _ => ApplicationType::Web,
            },
            ..ClientMetadata::default()
        },
        policy: ClientPolicy { kind: policy_kind, ..ClientPolicy::default() },
        ..ClientDraft::default()
    }
}

/// A client as a draft of itself.
pub fn draft_of(client: &Client) -> ClientDraft {
    ClientDraft {
        id: None,
        name: client.name.clone(),
        metadata: client.metadata.clone(),
        policy: client.policy.clone(),
    }
}

/// A mark of what a form shows of a client: another one when somebody has saved something else there.
pub fn version(client: &Client, is_shown: impl Fn(&str) -> bool) -> String {
    let mut shown = management::members(client);
    shown.retain(|member, _| is_shown(member));
    version::of(&shown)
}

/// What a developer copies.
pub fn snippets(admin: &Admin, text: Text, client: &Client, secret: Option<&str>) -> Vec<Snippet> {
    let scope = client.metadata.scope.to_string();
    let registration = Registration {
        kind: shown(client.policy.kind),
        issuer: &admin.provider().issuer,
        client_id: &client.id,
        client_secret: secret,
        auth_method: client.metadata.token_endpoint_auth_method,
        redirect_uri: client.metadata.redirect_uris.first().map(String::as_str),
        scope: &scope,
    };
    registration.snippets(text)
}

/// An authorization request as this client would send it. What comes of it goes to the client's own
/// address, which has not asked for it: that the request gets there is what the try shows. None for
/// a client whose requests cannot be made here, because it pushes or signs them.
pub fn test_url(admin: &Admin, client: &Client) -> Option<String> {
    let redirect_uri = client.metadata.redirect_uris.first()?;
    let (server, own) = (&admin.provider().requests, &client.metadata.requests);
    let takes_a_plain_one = !server.require_pushed
        && !server.require_signed
        && !own.require_pushed_authorization_requests
        && !own.require_signed_request_object
        && !client.policy.profile.is_fapi();
    if client.disabled || !client.may_use(GrantType::AuthorizationCode) || !takes_a_plain_one {
        return None;
    }
    let random = &admin.provider().random;
    let scope = if client.metadata.scope.contains("openid") { "openid" } else { "" };
    let pairs = [
        ("client_id", client.id.as_str()),
        ("redirect_uri", redirect_uri),
        ("response_type", "code"),
        ("scope", scope),
        ("state", &random.id()),
        ("nonce", &random.id()),
        ("code_challenge", &random.secret()),
        ("code_challenge_method", "S256"),
    ];
    Some(list::address("/authorize", &pairs))
}
