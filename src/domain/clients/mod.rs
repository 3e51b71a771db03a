//! Clients: who they are (registry), how they prove it (authentication), how they are made
//! (management).

pub mod assertion;
pub mod authentication;
pub mod certificate;
pub mod initiate;
pub mod jwks;
pub mod logo;
pub mod management;

use super::provider::Provider;
use super::registration::document;
use crate::jose::{ContentEncryption, KeyManagement, SealingKey, SigningAlgorithm, VerifyingKey};
use crate::protocol::client::Client;
use crate::protocol::error::OAuthError;
use crate::protocol::time::Timestamp;
use crate::storage::client_secrets::{self, ClientSecret};
use crate::storage::clients;
use arc_swap::ArcSwapOption;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use quick_cache::sync::Cache;
use std::collections::HashSet;
use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How many clients are kept in memory.
const CACHED: usize = 1024;
/// How many clients one read takes when all are looked at.
const ORIGINS_PAGE: i64 = 500;

/// A client with everything that a request needs of it, read once and kept until it changes.
pub struct RegisteredClient {
    pub client: Client,
    /// When it was read.
    read_at: Timestamp,
    /// It registered itself, and its first use has not been noted.
    unused: AtomicBool,
    secrets: Vec<ClientSecret>,
    /// The secrets that it signs with, and when each ends (unix seconds).
    secret_keys: Vec<(Option<i64>, VerifyingKey)>,
    /// Keys of `jwks` or `jwks_uri`, built.
    pub keys: Arc<jwks::ClientKeys>,
    /// How its ID tokens are signed.
    pub id_token_alg: SigningAlgorithm,
    /// How its ID tokens are encrypted, if they are.
    pub id_token_encryption: Option<(KeyManagement, ContentEncryption)>,
    /// How its userinfo is signed, if it is.
    pub userinfo_alg: Option<SigningAlgorithm>,
    /// How its userinfo is encrypted, if it is.
    pub userinfo_encryption: Option<(KeyManagement, ContentEncryption)>,
    /// The sector that its pairwise subjects are of; none for public ones.
    pub sector: Option<String>,
    /// How its access tokens are signed.
    pub access_token_alg: SigningAlgorithm,
    /// Whom its encrypted access tokens are for, when not for us.
    pub access_token_key: Option<crate::jose::EncryptionKey>,
}

impl Deref for RegisteredClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl RegisteredClient {
    fn new(
        client: Client,
        secrets: Vec<ClientSecret>,
        keys: Arc<jwks::ClientKeys>,
        seal: &SealingKey,
        read_at: Timestamp,
    ) -> Self {
        let algorithm = |name: &Option<String>| name.as_deref().and_then(|name| name.parse().ok());
        let metadata = &client.metadata;
        let id_token_alg = algorithm(&metadata.id_token_signed_response_alg);
        let access_token_alg = algorithm(&client.policy.access_token_signed_alg);
        let recipient = client.policy.access_token_encryption_jwk.as_ref();
        Self {
            id_token_alg: id_token_alg.unwrap_or(SigningAlgorithm::RS256),
            access_token_alg: access_token_alg.unwrap_or(SigningAlgorithm::ES256),
            access_token_key: recipient.and_then(jwks::recipient),
            id_token_encryption: encryption(
                metadata.id_token_encrypted_response_alg.as_deref(),
                metadata.id_token_encrypted_response_enc.as_deref(),
            ),
            userinfo_alg: algorithm(&metadata.userinfo_signed_response_alg),
            userinfo_encryption: encryption(
                metadata.userinfo_encrypted_response_alg.as_deref(),
                metadata.userinfo_encrypted_response_enc.as_deref(),
            ),
            sector: client.sector(),
            keys,
            secret_keys: secret_keys(&client, &secrets, seal),
            read_at,
            unused: AtomicBool::new(!client.policy.origin.is_administrator()),
            client,
            secrets,
        }
    }

    /// The client, when a use has to be noted with what is written anyway: once for each time it is
    /// read, and only of clients that registered themselves.
    pub fn first_use(&self) -> Option<String> {
        self.unused.load(Ordering::Relaxed).then(|| self.id.clone())
    }

    /// Its use was noted.
    pub fn used(&self) {
        self.unused.store(false, Ordering::Relaxed);
    }

    /// The secrets that are good now, for a client that signs with them.
    pub fn live_secret_keys(&self, now: Timestamp) -> impl Iterator<Item = &VerifyingKey> {
        let live = move |expires_at: &Option<i64>| expires_at.is_none_or(|at| at > now.as_unix());
        self.secret_keys.iter().filter(move |(expires_at, _)| live(expires_at)).map(|(_, key)| key)
    }

    /// The hashes of the secrets that are good now.
    pub fn live_secret_hashes(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        self.secrets
            .iter()
            .filter(move |secret| secret.expires_at.is_none_or(|at| at > now.as_unix()))
            .map(|secret| secret.secret_hash.as_str())
    }
}

/// Opens the secrets of a client that signs with them.
fn secret_keys(
    client: &Client,
    secrets: &[ClientSecret],
    seal: &SealingKey,
) -> Vec<(Option<i64>, VerifyingKey)> {
    if !client.metadata.token_endpoint_auth_method.reads_secret() {
        return Vec::new();
    }
    let open = |secret: &ClientSecret| {
        let opened = seal.open(secret.sealed.as_deref()?, client.id.as_bytes());
        if opened.is_none() {
            tracing::error!(client.id = %client.id, "a secret is sealed under another master key");
        }
        Some((secret.expires_at, VerifyingKey::from_secret(&opened?).ok()?))
    };
    secrets.iter().filter_map(open).collect()
}

/// A registered pair of algorithms; registration saw to it that both are known.
pub fn encryption(
    alg: Option<&str>,
    enc: Option<&str>,
) -> Option<(KeyManagement, ContentEncryption)> {
    let enc = enc.and_then(|enc| enc.parse().ok()).unwrap_or(ContentEncryption::A256Gcm);
    Some((alg?.parse().ok()?, enc))
}

/// A `client_id` as one segment of a path: an address is none by itself.
pub fn segment(client_id: &str) -> String {
    match document::is_address(client_id) {
        true => format!("~{}", BASE64_URL_SAFE_NO_PAD.encode(client_id)),
        false => client_id.to_owned(),
    }
}

/// The `client_id` of a segment of a path.
pub fn of_segment(segment: &str) -> String {
    let coded = segment.strip_prefix('~').and_then(|code| BASE64_URL_SAFE_NO_PAD.decode(code).ok());
    let address = coded.and_then(|bytes| String::from_utf8(bytes).ok());
    address.filter(|id| document::is_address(id)).unwrap_or_else(|| segment.to_owned())
}

/// The clients, by `client_id`.
pub struct ClientRegistry {
    cache: Cache<String, Arc<RegisteredClient>>,
    /// The keys that were fetched, by client and address. They outlive a change to a client: how
    /// often they are fetched is for the client's unknown keys to say, not for whoever changes one.
    fetched: Cache<(String, String), Arc<jwks::ClientKeys>>,
    /// The origins of all redirect URIs, for browsers that ask before they call.
    origins: ArcSwapOption<HashSet<String>>,
}

impl Default for ClientRegistry {
    fn default() -> Self {
        Self {
            cache: Cache::new(CACHED),
            fetched: Cache::new(CACHED),
            origins: ArcSwapOption::empty(),
        }
    }
}

impl ClientRegistry {
    /// Forgets what is cached of the database; the next request reads it anew.
    pub fn forget(&self) {
        self.cache.clear();
        self.origins.store(None);
    }

    /// A client that was read before. What was read before its tokens were ended is forgotten: it may
    /// have been switched off.
    fn kept(&self, provider: &Provider, client_id: &str) -> Option<Arc<RegisteredClient>> {
        let kept = self.cache.get(client_id)?;
        if provider.revocation.has_ended_client(client_id, kept.read_at) {
            self.cache.remove(client_id);
            return None;
        }
        Some(kept)
    }

    /// The keys of a client: those that were fetched before from the same address, if any were.
    fn keys_of(&self, client: &Client) -> Arc<jwks::ClientKeys> {
        let keys = jwks::ClientKeys::of(&client.metadata);
        let Some(uri) = keys.uri() else { return Arc::new(keys) };
        let name = (client.id.clone(), uri.to_owned());
        let kept = self.fetched.get_or_insert_with(&name, || Ok::<_, Infallible>(Arc::new(keys)));
        kept.unwrap_or_else(|never| match never {})
    }
}

/// Finds a client that is not disabled. Unknown and disabled read the same.
///
/// # Errors
///
/// Those of the database.
pub async fn find(
    provider: &Provider,
    client_id: &str,
) -> Result<Option<Arc<RegisteredClient>>, OAuthError> {
    match provider.clients.kept(provider, client_id) {
        Some(kept) if document::may_stay(provider, &kept) => Ok(Some(kept)),
        _ if document::is_address(client_id) => document::find(provider, client_id).await,
        _ => load(provider, client_id).await,
    }
}

/// As [`find`], as it is in the database now.
///
/// # Errors
///
/// Those of the database.
pub async fn find_anew(
    provider: &Provider,
    client_id: &str,
) -> Result<Option<Arc<RegisteredClient>>, OAuthError> {
    provider.clients.cache.remove(client_id);
    find(provider, client_id).await
}

/// Reads a client that is stored, whatever a document says of it meanwhile.
///
/// # Errors
///
/// Those of the database.
pub(super) async fn load(
    provider: &Provider,
    client_id: &str,
) -> Result<Option<Arc<RegisteredClient>>, OAuthError> {
    if let Some(kept) = provider.clients.kept(provider, client_id) {
        return Ok(Some(kept));
    }
    let read_at = provider.now();
    if client_id.len() > 255 || client_id.contains('\0') {
        return Ok(None);
    }
    let id = client_id.to_owned();
    let found = provider
        .db
        .read_by_key(move |conn| match clients::find(conn, &id)? {
            Some(client) => Ok(Some((client_secrets::list(conn, &id)?, client))),
            None => Ok(None),
        })
        .await?;
    let Some((secrets, client)) = found.filter(|(_, client)| !client.disabled) else {
        return Ok(None);
    };
    let seal = &provider.client_secrets;
    let keys = provider.clients.keys_of(&client);
    let registered = Arc::new(RegisteredClient::new(client, secrets, keys, seal, read_at));
    provider.clients.cache.insert(client_id.to_owned(), registered.clone());
    Ok(Some(registered))
}

/// The origins of the redirect URIs of all clients, read once and kept until a client changes.
///
/// # Errors
///
/// Those of the database.
pub async fn redirect_origins(provider: &Provider) -> Result<Arc<HashSet<String>>, OAuthError> {
    if let Some(known) = provider.clients.origins.load_full() {
        return Ok(known);
    }
    let all = provider
        .db
        .read(|conn| {
            let mut all = HashSet::new();
            let mut after = None;
            loop {
                let page = clients::list(conn, None, after, ORIGINS_PAGE)?;
                let uris = page.iter().flat_map(|client| &client.metadata.redirect_uris);
                let origins = uris.filter_map(|uri| url::Url::parse(uri).ok());
                all.extend(origins.map(|url| url.origin().ascii_serialization()));
                match page.last() {
                    Some(last) if page.len() as i64 == ORIGINS_PAGE => {
                        after = Some((last.created_at, last.id.clone()));
                    }
                    _ => return Ok(all),
                }
            }
        })
        .await?;
    let all = Arc::new(all);
    provider.clients.origins.store(Some(all.clone()));
    Ok(all)
}
