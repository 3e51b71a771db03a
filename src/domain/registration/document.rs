//! Clients whose `client_id` is the address of a document that describes them (OAuth Client ID
//! Metadata Document, draft-ietf-oauth-client-id-metadata-document): nobody registers them, and who
//! has the host has the name.
//!
//! Only hosts on a list are asked. What a document says becomes a client like any other, stored so
//! that consents can be of it, and is read anew when it is old.

use super::{draft, invalid_metadata, members, refused, strict};
use crate::domain::audit::Actor;
use crate::domain::clients::management::{self, ClientDraft};
use crate::domain::clients::{self, RegisteredClient};
use crate::domain::digest::digest;
use crate::domain::identity::throttle::Limit;
use crate::domain::outbound::OutboundError;
use crate::domain::provider::Provider;
use crate::protocol::client::{Client, ClientOrigin, ClientPolicy};
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::registrations::{self, Registration};
use quick_cache::sync::Cache;
use serde_json::{Map, Value, json};
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::Mutex;
use url::Url;

/// How many documents are remembered.
const KNOWN: usize = 4096;
/// The largest document.
const MAX_BYTES: usize = 16 * 1024;
/// The longest `client_id`.
const MAX_ID_BYTES: usize = 255;
/// How long a document is taken for good when its host does not say.
const USUALLY: Lifetime = Lifetime::minutes(15);
/// What the host may say.
const AT_LEAST: Lifetime = Lifetime::minutes(1);
const AT_MOST: Lifetime = Lifetime::hours(24);
/// A document that could not be had or used is not asked for again so soon.
const RETRY: Lifetime = Lifetime::minutes(1);
/// How long a document that was good goes on while its host is away.
const WHILE_AWAY: Lifetime = Lifetime::hours(24);
/// How many documents of one host are asked for in a minute, at each instance.
const PER_HOST: Limit = Limit { attempts: 30, window: Lifetime::seconds(60) };
/// How many different documents may be on their way at once.
const TURNS: usize = 16;

/// What is known of documents, in this process.
pub struct Documents {
    known: Cache<String, Known>,
    /// Of many that need one document at once, one fetches it and the others wait.
    turns: [Mutex<()>; TURNS],
}

#[derive(Clone, Copy)]
struct Known {
    /// When it was last fetched and good; never when absent.
    fetched_at: Option<Timestamp>,
    /// Whether the client may go on until `until`.
    is_good: bool,
    until: Timestamp,
}

impl Default for Documents {
    fn default() -> Self {
        Self { known: Cache::new(KNOWN), turns: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Documents {
    /// What is known of a document, while that counts.
    fn verdict(&self, client_id: &str, now: Timestamp) -> Option<bool> {
        self.known.get(client_id).filter(|known| known.until > now).map(|known| known.is_good)
    }

    fn keep(&self, client_id: &str, known: Known) {
        self.known.insert(client_id.to_owned(), known);
    }

    fn turn(&self, client_id: &str) -> &Mutex<()> {
        let sum =
            client_id.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        &self.turns[sum % TURNS]
    }
}

/// Whether a `client_id` is an address at all. No other client has one that begins like that.
pub fn is_address(client_id: &str) -> bool {
    client_id.starts_with("https://")
}

/// Whether a client that is in memory may go on without a look at its document.
pub fn may_stay(provider: &Provider, client: &RegisteredClient) -> bool {
    client.policy.origin != ClientOrigin::Document
        || provider.documents.verdict(&client.id, provider.now()) == Some(true)
}

/// Finds the client that a document describes. None when its host is not on the list, or the
/// document is not there or not good; the log says why.
///
/// # Errors
///
/// Those of the database.
pub async fn find(
    provider: &Provider,
    client_id: &str,
) -> Result<Option<Arc<RegisteredClient>>, OAuthError> {
    let Some(host) = host_of(provider, client_id) else { return Ok(None) };
    let documents = &provider.documents;
    if let ControlFlow::Break(found) = known(provider, client_id).await? {
        return Ok(found);
    }
    let _turn = documents.turn(client_id).lock().await;
    if let ControlFlow::Break(found) = known(provider, client_id).await? {
        return Ok(found);
    }
    let now = provider.now();
    let before = documents.known.get(client_id).and_then(|known| known.fetched_at);
    let known = match read(provider, client_id, &host).await {
        Ok(fresh) => Known { fetched_at: Some(now), is_good: true, until: now + fresh },
        // A fault of ours says nothing of the document.
        Err(Trouble::Metadata(error)) if is_fault(&error) => return Err(error),
        Err(trouble) => {
            tracing::info!(client.id = client_id, %trouble, "no client by its document");
            let goes_on = trouble.is_passing() && before.is_some_and(|at| now < at + WHILE_AWAY);
            Known { fetched_at: before.filter(|_| goes_on), is_good: goes_on, until: now + RETRY }
        }
    };
    documents.keep(client_id, known);
    match known.is_good {
        true => clients::load(provider, client_id).await,
        false => Ok(None),
    }
}

fn is_fault(error: &OAuthError) -> bool {
    matches!(error.code, ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable)
}

/// What is known without a look at the document.
async fn known(
    provider: &Provider,
    client_id: &str,
) -> Result<ControlFlow<Option<Arc<RegisteredClient>>>, OAuthError> {
    match provider.documents.verdict(client_id, provider.now()) {
        None => return Ok(ControlFlow::Continue(())),
        Some(false) => return Ok(ControlFlow::Break(None)),
        Some(true) => {}
    }
    if let Some(client) = clients::load(provider, client_id).await? {
        return Ok(ControlFlow::Break(Some(client)));
    }
    // Switched off; or removed meanwhile, because it was never used.
    let is_stored = management::find(&provider.ground(), client_id).await?.is_some();
    Ok(if is_stored { ControlFlow::Break(None) } else { ControlFlow::Continue(()) })
}

/// The host of an address that may be asked: in its simplest form, with a path, and on the list.
fn host_of(provider: &Provider, client_id: &str) -> Option<String> {
    if client_id.len() > MAX_ID_BYTES || client_id.contains(['?', '#', '@', '%', '\\']) {
        return None;
    }
    let url = Url::parse(client_id).ok()?;
    let host = url.host_str()?.to_owned();
    let is_plain = url.as_str() == client_id && url.scheme() == "https" && url.path() != "/";
    let listed = provider.registration.document_hosts.iter().any(|entry| covers(entry, &host));
    (is_plain && listed).then_some(host)
}

/// Whether an entry of the list means a host: that host, `*.` for every one below, `*` for all.
fn covers(entry: &str, host: &str) -> bool {
    match entry.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
        None => entry == "*" || entry == host,
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the document cannot be had: {0}")]
    Outbound(#[from] OutboundError),
    #[error("the document is not good: {0}")]
    Metadata(OAuthError),
    #[error("too many documents of this host are asked for")]
    TooMany,
}

impl Trouble {
    /// Whether it is the host's, and may be over soon.
    fn is_passing(&self) -> bool {
        match self {
            Self::Outbound(OutboundError::Status(status)) => *status >= 500,
            Self::Outbound(OutboundError::Failed(_)) | Self::TooMany => true,
            Self::Outbound(_) | Self::Metadata(_) => false,
        }
    }
}

impl From<OAuthError> for Trouble {
    fn from(error: OAuthError) -> Self {
        Self::Metadata(error)
    }
}

/// Fetches a document and stores what it describes. Gives how long that is good.
async fn read(provider: &Provider, client_id: &str, host: &str) -> Result<Lifetime, Trouble> {
    let taken = provider.throttle.take(&format!("document {host}"), PER_HOST).await;
    taken.map_err(|_| Trouble::TooMany)?;
    let (body, max_age) = provider.outbound.get_with_age(client_id, MAX_BYTES).await?;
    let draft = described(provider, client_id, &body).await?;
    store(provider, client_id, draft).await?;
    let said = max_age.map_or(USUALLY, Lifetime::seconds);
    Ok(said.clamp(AT_LEAST, AT_MOST))
}

/// What a document describes, by the rules for clients that register themselves.
async fn described(
    provider: &Provider,
    client_id: &str,
    body: &[u8],
) -> Result<ClientDraft, OAuthError> {
    let mut members = members(body)?;
    check_members(client_id, &members)?;
    members.entry("token_endpoint_auth_method").or_insert_with(|| json!("none"));
    let mut draft = draft::read(provider, members, ClientOrigin::Document)?;
    if draft.metadata.token_endpoint_auth_method.uses_secret() {
        return Err(invalid_metadata("token_endpoint_auth_method: what is public has no secret"));
    }
    strict::check(provider, &draft).await?;
    draft.policy.require_pkce = true;
    draft.checked().map_err(refused)
}

/// The document says where it is, and keeps no secret: everybody can read it.
fn check_members(client_id: &str, members: &Map<String, Value>) -> Result<(), OAuthError> {
    if members.get("client_id").and_then(Value::as_str) != Some(client_id) {
        return Err(invalid_metadata("client_id: must be the address of the document"));
    }
    for secret in ["client_secret", "client_secret_expires_at"] {
        if members.contains_key(secret) {
            return Err(invalid_metadata(format!("{secret}: must not be in a document")));
        }
    }
    Ok(())
}

/// Writes the client, when it is new or has changed.
async fn store(provider: &Provider, client_id: &str, draft: ClientDraft) -> Result<(), OAuthError> {
    let (ground, actor) = (provider.ground(), Actor::client(client_id));
    let Some(before) = management::find(&ground, client_id).await? else {
        return insert(provider, client_id, draft, &actor).await;
    };
    if before.name == draft.name && before.metadata == draft.metadata {
        return Ok(());
    }
    let kind = draft.policy.kind;
    // What the house has decided is not for the document to change, nor what it decides meanwhile.
    let of_the_house = move |house: ClientPolicy| ClientPolicy { kind, ..house };
    let draft = ClientDraft { policy: of_the_house(before.policy), ..draft };
    let updated =
        management::update_as(&ground, client_id, draft, &actor, move |_, stored, draft| {
            draft.policy = of_the_house(stored.policy.clone());
            Ok(())
        });
    updated.await.map_err(refused)?;
    provider.forget();
    provider.revocation.committed(&provider.db).await
}

async fn insert(
    provider: &Provider,
    client_id: &str,
    draft: ClientDraft,
    actor: &Actor,
) -> Result<(), OAuthError> {
    let ground = provider.ground();
    let prepared = management::prepare(&ground, draft, actor).await.map_err(refused)?;
    let prepared = prepared.called(client_id);
    let registration = Registration {
        client_id: client_id.to_owned(),
        // Nobody has this token: the document is the registration.
        token_hash: digest(&provider.random.secret()),
        initial_token_id: None,
        software_statement: None,
        created_at: provider.now().as_unix(),
        used_at: None,
    };
    let most = i64::from(provider.registration.max_unused);
    let written = ground.transact(move |conn| {
        if registrations::count_unused(conn)? >= most {
            return Err(super::Refusal::Full);
        }
        let created = management::insert(conn, prepared).map_err(super::Refusal::Client)?;
        registrations::insert(conn, &registration)?;
        Ok::<Client, super::Refusal>(created.client)
    });
    match written.await {
        Ok(_) => Ok(()),
        // Another instance was faster.
        Err(super::Refusal::Client(management::ClientError::Taken)) => Ok(()),
        Err(refusal) => Err(refusal.into_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_means_a_host_those_below_it_or_all() {
        assert!(covers("app.example", "app.example"));
        assert!(covers("*.example", "app.example") && covers("*.example", "a.b.example"));
        assert!(covers("*", "anything.example"));
        for (entry, host) in [
            ("app.example", "other.example"),
            ("app.example", "app.example.evil.example"),
            ("app.example", "evilapp.example"),
            ("*.example", "example"),
            ("*.app.example", "evilapp.example"),
            ("*.app.example", "app.example"),
            ("", "app.example"),
        ] {
            assert!(!covers(entry, host), "{entry} {host}");
        }
    }
}
