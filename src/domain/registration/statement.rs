//! Software statements (RFC 7591 §2.3): what a publisher says of its software, signed. It counts for
//! more than what the client says itself.

use crate::domain::clients::jwks::{self, ClientKeys};
use crate::domain::provider::Provider;
use crate::jose::{Claims, Expected, JoseError, SigningAlgorithm, TimeCheck, gate};
use crate::protocol::client::ClientMetadata;
use crate::protocol::error::{ErrorCode, OAuthError};
use serde_json::{Map, Value};

/// The member that holds one.
const MEMBER: &str = "software_statement";
/// What publishers may sign with: no secret that is shared with us.
const ALGORITHMS: [SigningAlgorithm; 4] = [
    SigningAlgorithm::RS256,
    SigningAlgorithm::PS256,
    SigningAlgorithm::ES256,
    SigningAlgorithm::EdDSA,
];
const EXPECTED: Expected<'static> =
    Expected::new(&["JWT", "software-statement+jwt"], &ALGORITHMS).or_absent();
/// How far a publisher's clock may be off, in seconds.
const LEEWAY_SECONDS: u32 = 60;
/// Claims about the statement, and members that nobody but us gives out.
const NOT_METADATA: [&str; 10] =
    ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", MEMBER, "client_id", "client_secret"];

/// Those whose statements count.
#[derive(Default)]
pub struct Publishers(Vec<Publisher>);

struct Publisher {
    issuer: String,
    keys: ClientKeys,
}

impl Publishers {
    /// Reads `registration.software_publishers`, and the files that they name.
    ///
    /// # Errors
    ///
    /// Says which entry cannot be used, and why.
    pub fn open(settings: &[String]) -> Result<Self, String> {
        let all: Result<_, _> = settings.iter().map(|entry| Publisher::open(entry)).collect();
        all.map(Self)
    }
}

impl Publisher {
    fn open(entry: &str) -> Result<Self, String> {
        let (issuer, place) =
            entry.split_once('=').ok_or_else(|| format!("{entry}: write ISSUER=KEYS"))?;
        let mut metadata = ClientMetadata::default();
        if place.starts_with("https://") || place.starts_with("http://") {
            metadata.jwks_uri = Some(place.to_owned());
        } else {
            let text = std::fs::read(place).map_err(|error| format!("{place}: {error}"))?;
            let set = crate::jose::JwkSet::parse_strict(&text);
            let set = set.map_err(|error| format!("{place}: {error}"))?;
            metadata.jwks = Some(set.to_json());
        }
        Ok(Self { issuer: issuer.to_owned(), keys: ClientKeys::of(&metadata) })
    }
}

/// Takes the statement of a request, if there is one, and writes what it says over the rest.
///
/// # Errors
///
/// `invalid_software_statement` when it is not good, or is missing where one is needed;
/// `unapproved_software_statement` when its publisher is not one that counts here.
pub async fn merge(
    provider: &Provider,
    members: &mut Map<String, Value>,
) -> Result<Option<String>, OAuthError> {
    let statement = match members.remove(MEMBER) {
        None if provider.registration.require_software_statement => {
            return Err(invalid("a software statement is needed here"));
        }
        None => return Ok(None),
        Some(Value::String(statement)) => statement,
        Some(_) => return Err(invalid("software_statement: must be a string")),
    };
    let claims = verify(provider, &statement).await?;
    let said = claims.into_map().into_iter();
    members.extend(
        said.filter(|(name, value)| !NOT_METADATA.contains(&name.as_str()) && !value.is_null()),
    );
    Ok(Some(statement))
}

async fn verify(provider: &Provider, statement: &str) -> Result<Claims, OAuthError> {
    let token = gate(statement, &EXPECTED).map_err(refused)?;
    let claimed = token.peek_claims().map_err(refused)?;
    let issuer = claimed.required_str("iss").map_err(refused)?;
    let publisher = provider.publishers.0.iter().find(|one| one.issuer == issuer);
    let publisher = publisher.ok_or_else(|| {
        let says = "the publisher of the software statement is not one that counts here";
        OAuthError::new(ErrorCode::UnapprovedSoftwareStatement, says)
    })?;
    let (kid, alg) = (token.kid(), token.algorithm());
    let keys = jwks::matching(provider, &publisher.keys, &publisher.issuer, kid, alg).await;
    let claims = token.verify_with_any(keys.iter().map(AsRef::as_ref)).map_err(refused)?;
    check_claims(provider, &claims).map_err(refused)?;
    Ok(claims)
}

fn check_claims(provider: &Provider, claims: &Claims) -> Result<(), JoseError> {
    let time = TimeCheck { now: provider.now(), leeway_seconds: LEEWAY_SECONDS };
    if claims.get("exp").is_some() {
        time.require_exp(claims)?;
    }
    time.check_nbf(claims)?;
    time.check_iat(claims)?;
    if claims.get("aud").is_some() && !claims.required_audience()?.contains(&provider.issuer) {
        return Err(JoseError::Claim { name: "aud", problem: "is not this server" });
    }
    Ok(())
}

fn refused(cause: JoseError) -> OAuthError {
    tracing::debug!(%cause, "software statement refused");
    OAuthError { source: Some(Box::new(cause)), ..invalid("the software statement is not good") }
}

/// `invalid_software_statement`.
pub(super) fn invalid(says: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidSoftwareStatement, says)
}
