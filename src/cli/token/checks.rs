//! The checks of a signed token, each told by itself, so that the first that fails does not hide
//! the others.

use super::{Report, header};
use crate::cli::output::{CliError, date};
use crate::config::Config;
use crate::domain::clients::management;
use crate::domain::ground::Ground;
use crate::domain::keys::ALGORITHMS;
use crate::domain::revocation;
use crate::jose::{
    Claims, Expected, JoseError, PublicJwk, TimeCheck, Unverified, VerifyingKey, gate,
};
use crate::protocol::revocation::TokenFacts;
use crate::protocol::time::Timestamp;
use crate::storage::issued_tokens::IssuedToken;
use crate::storage::signing_keys::{self, StoredKey};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// The `typ` of what we sign for others.
const TYPES: [&str; 3] = ["at+jwt", "JWT", "logout+jwt"];

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Pass,
    Fail,
    /// It could not be made, because another one failed.
    Skip,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::Skip => "skip",
        })
    }
}

/// One check.
#[derive(Debug, Serialize)]
pub struct Check {
    #[serde(rename = "check")]
    pub name: &'static str,
    #[serde(rename = "result")]
    pub verdict: Verdict,
    pub says: String,
}

impl Check {
    pub fn pass(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Pass, says: says.into() }
    }

    pub fn fail(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fail, says: says.into() }
    }

    fn skip(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Skip, says: says.into() }
    }

    fn of(name: &'static str, result: Result<String, impl ToString>) -> Self {
        match result {
            Ok(says) => Self::pass(name, says),
            Err(error) => Self::fail(name, error.to_string()),
        }
    }
}

/// Reports on a token of three parts.
pub async fn signed(
    ground: &Ground,
    config: &Config,
    token: &str,
    audience: Option<&str>,
) -> Result<Report, CliError> {
    let header = header(token);
    let typ = header["typ"].as_str().unwrap_or_default().to_owned();
    let is_access_token = typ.to_ascii_lowercase().ends_with("at+jwt");
    let kind = if is_access_token { "access token" } else { "signed token" };
    let mut checks = form(token, &header);
    // With every type and algorithm allowed, what is left to refuse is the form.
    let Ok(unverified) = gate(token, &Expected::new(&[&typ], &ALGORITHMS).or_absent()) else {
        return Ok(Report { kind, header, claims: Value::Null, checks });
    };
    let claims = match unverified.peek_claims() {
        Ok(claims) => claims,
        Err(error) => {
            checks.push(Check::fail("claims", error.to_string()));
            return Ok(Report { kind, header, claims: Value::Null, checks });
        }
    };
    let keys = ground.db.read(signing_keys::list).await?;
    let (signature, is_ours) = signature(&unverified, &keys);
    checks.push(signature);
    checks.push(issuer(&claims, config));
    checks.extend(times(ground, &claims));
    checks.push(audience_check(ground, config, &claims, is_access_token, audience).await?);
    checks.push(match is_ours {
        true => revocation_of_claims(ground, &claims, unverified.kid()).await?,
        false => Check::skip("not revoked", "only our own tokens can be"),
    });
    Ok(Report { kind, header, claims: Value::Object(claims.into_map()), checks })
}

fn form(token: &str, header: &Value) -> Vec<Check> {
    let alg = header["alg"].as_str();
    let typ = header["typ"].as_str();
    let known = |alg: &str| ALGORITHMS.iter().any(|known| known.as_str() == alg);
    let well_formed = match alg.is_some_and(known) {
        true => gate(token, &Expected::new(&[typ.unwrap_or_default()], &ALGORITHMS).or_absent())
            .map(|_| "three parts, a strict header".to_owned())
            .map_err(|error| error.to_string()),
        false if header.is_object() => Ok("the header can be read".to_owned()),
        false => Err("the header cannot be read".to_owned()),
    };
    let typ_is_ours = typ.is_some_and(|typ| {
        TYPES.iter().any(|known| {
            let short = typ.strip_prefix("application/").unwrap_or(typ);
            short.eq_ignore_ascii_case(known)
        })
    });
    vec![
        Check::of("well-formed", well_formed),
        Check::of(
            "alg",
            match alg {
                Some(alg) if known(alg) => Ok(alg.to_owned()),
                Some(alg) => Err(format!("{} is not allowed", short(alg))),
                None => Err("is missing".to_owned()),
            },
        ),
        Check::of(
            "typ",
            match typ {
                Some(typ) if typ_is_ours => Ok(typ.to_owned()),
                Some(typ) => Err(format!("{} is no type of ours", short(typ))),
                None => Err("is missing".to_owned()),
            },
        ),
    ]
}

/// What a stranger wrote, as far as a line should hold it.
fn short(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(80).collect()
}

/// The check of the signature, and whether one of our keys made it.
fn signature(unverified: &Unverified<'_>, keys: &[StoredKey]) -> (Check, bool) {
    let name = "signature";
    let verifies = |key: &&StoredKey| {
        let public: Option<Value> = serde_json::from_str(&key.public_jwk).ok();
        let jwk = public.and_then(|jwk| PublicJwk::from_value(&jwk).ok());
        let built = jwk.map(|jwk| VerifyingKey::from_jwk(&jwk, unverified.algorithm()));
        matches!(built, Some(Ok(built)) if unverified.verify(&built).is_ok())
    };
    let signing = keys.iter().filter(|key| key.purpose == "sig");
    match signing.into_iter().find(verifies) {
        Some(key) if key.state == "retired" => {
            (Check::fail(name, format!("by our key {}, which is retired", key.kid)), true)
        }
        Some(key) => (Check::pass(name, format!("by our key {} ({})", key.kid, key.state)), true),
        None => (Check::fail(name, "by no key of ours, or the token was changed"), false),
    }
}

fn issuer(claims: &Claims, config: &Config) -> Check {
    let expected = &config.issuer;
    let result = match claims.required_str("iss") {
        Ok(found) if found == expected => Ok(expected.clone()),
        Ok(found) => Err(format!("is {}, and expected is {expected}", short(found))),
        Err(error) => Err(error.to_string()),
    };
    Check::of("issuer", result)
}

fn times(ground: &Ground, claims: &Claims) -> [Check; 2] {
    let check = TimeCheck { now: ground.now(), leeway_seconds: 0 };
    let expiry = check.require_exp(claims).map(|exp| format!("good until {}", date(exp.as_unix())));
    let told = |time: Timestamp| format!("at {}", date(time.as_unix()));
    let begin = check.check_iat(claims).and_then(|iat| {
        check.check_nbf(claims)?;
        iat.map(told).ok_or(JoseError::Claim { name: "iat", problem: "is missing" })
    });
    [Check::of("expiry", expiry), Check::of("issued", begin)]
}

/// An access token is for a resource, any other token for a client of ours.
async fn audience_check(
    ground: &Ground,
    config: &Config,
    claims: &Claims,
    is_access_token: bool,
    audience: Option<&str>,
) -> Result<Check, CliError> {
    let name = "audience";
    let named = match claims.required_audience() {
        Ok(named) => named,
        Err(error) => return Ok(Check::fail(name, error.to_string())),
    };
    let default = config.tokens.default_audience.as_deref().unwrap_or(&config.issuer);
    let wanted = audience.or(is_access_token.then_some(default));
    if let Some(wanted) = wanted {
        let result = match named.iter().any(|one| one == wanted) {
            true => Ok(wanted.to_owned()),
            false => Err(format!("is not {wanted}")),
        };
        return Ok(Check::of(name, result));
    }
    for one in &named {
        if let Some(client) = management::find(ground, one).await? {
            return Ok(Check::pass(name, format!("our client {}", client.name)));
        }
    }
    Ok(Check::fail(name, "is no client of ours"))
}

async fn revocation_of_claims(
    ground: &Ground,
    claims: &Claims,
    kid: Option<&str>,
) -> Result<Check, CliError> {
    let text = |name: &'static str| claims.str(name).ok().flatten().unwrap_or_default().to_owned();
    let issued_at = claims.time("iat").ok().flatten().unwrap_or(Timestamp::from_unix(0));
    let facts = Facts {
        jti: text("jti"),
        subject: text("sub"),
        client_id: text("client_id"),
        sid: Some(text("sid")).filter(|sid| !sid.is_empty()),
        kid: kid.map(str::to_owned),
        issued_at,
    };
    facts.check(ground).await
}

/// The check of a token that only its record tells about.
pub async fn revocation_of_record(
    ground: &Ground,
    record: &IssuedToken,
) -> Result<Check, CliError> {
    let facts = Facts {
        jti: record.jti.clone(),
        subject: record.user_id.clone().unwrap_or_else(|| record.client_id.clone()),
        client_id: record.client_id.clone(),
        sid: record.sid.clone(),
        kid: record.kid.clone(),
        issued_at: Timestamp::from_unix(record.issued_at),
    };
    facts.check(ground).await
}

struct Facts {
    jti: String,
    subject: String,
    client_id: String,
    sid: Option<String>,
    kid: Option<String>,
    issued_at: Timestamp,
}

impl Facts {
    async fn check(self, ground: &Ground) -> Result<Check, CliError> {
        let now = ground.now();
        let ask = move |conn: &mut crate::storage::DbConnection| {
            let facts = TokenFacts {
                jti: &self.jti,
                subject: &self.subject,
                client_id: &self.client_id,
                sid: self.sid.as_deref(),
                kid: self.kid.as_deref(),
                issued_at: self.issued_at,
            };
            revocation::is_revoked(conn, &facts, now)
        };
        let revoked = ground.db.read(ask).await?;
        Ok(match revoked {
            true => Check::fail("not revoked", "it was revoked"),
            false => Check::pass("not revoked", "as the database says"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::Actor;
    use crate::domain::ground::testing;
    use crate::domain::identity::users::{NewUser, create, revoke_tokens};
    use crate::jose::{SigningAlgorithm, SigningKey, Typ};
    use serde_json::json;

    /// Puts the public half of a key among ours and gives the key.
    async fn our_key(ground: &Ground, state: &'static str) -> SigningKey {
        let key = SigningKey::generate(SigningAlgorithm::ES256).unwrap();
        let stored = StoredKey {
            kid: key.kid().to_owned(),
            algorithm: "ES256".into(),
            purpose: "sig".into(),
            public_jwk: key.public_jwk().to_string(),
            sealed_private: String::new(),
            state: state.into(),
            created_at: 0,
            activate_at: 0,
            activated_at: None,
            retiring_at: None,
            retire_at: None,
        };
        ground.db.write(move |conn| signing_keys::insert(conn, &stored)).await.unwrap();
        key
    }

    fn claims(ground: &Ground, sub: &str) -> Value {
        let now = ground.now().as_unix();
        let issuer = Config::default().issuer;
        json!({
            "iss": issuer, "aud": issuer, "sub": sub, "client_id": "app", "jti": "t1",
            "iat": now, "exp": now + 300,
        })
    }

    async fn failed(ground: &Ground, token: &str) -> Vec<&'static str> {
        let report = signed(ground, &Config::default(), token, None).await.unwrap();
        let failed = report.checks.iter().filter(|check| check.verdict == Verdict::Fail);
        failed.map(|check| check.name).collect()
    }

    #[tokio::test]
    async fn a_good_token_passes_and_each_fault_is_named() {
        let test = testing::ground();
        let ground = &test.ground;
        let key = our_key(ground, "active").await;
        let good = claims(ground, "ada");
        let sign = |claims: &Value| key.sign(Typ::AccessToken, claims).unwrap();
        assert!(failed(ground, &sign(&good)).await.is_empty());
        for (member, value, check) in [
            ("iss", json!("https://evil.example"), "issuer"),
            ("aud", json!("https://other.example"), "audience"),
            ("exp", json!(1), "expiry"),
            ("iat", json!(4_000_000_000_u32), "issued"),
        ] {
            let mut bad = good.clone();
            bad[member] = value;
            assert_eq!(failed(ground, &sign(&bad)).await, [check]);
        }
        let stranger = SigningKey::generate(SigningAlgorithm::ES256).unwrap();
        let forged = stranger.sign(Typ::AccessToken, &good).unwrap();
        assert_eq!(failed(ground, &forged).await, ["signature"]);
        let retired = our_key(ground, "retired").await;
        let late = retired.sign(Typ::AccessToken, &good).unwrap();
        assert_eq!(failed(ground, &late).await, ["signature"]);
    }

    #[test]
    fn of_another_issuer_both_are_named() {
        let says = |claims: &[u8]| {
            let claims = Claims::parse(claims).unwrap();
            issuer(&claims, &Config::default()).says
        };
        let expected = "is https://other.example, and expected is http://localhost:8080";
        assert_eq!(says(br#"{"iss":"https://other.example"}"#), expected);
        assert!(says(b"{}").contains("missing"), "{}", says(b"{}"));
    }

    #[tokio::test]
    async fn a_revoked_token_is_told_as_such() {
        let test = testing::ground();
        let ground = &test.ground;
        let key = our_key(ground, "active").await;
        let new = NewUser { email: "ada@example.com".into(), ..NewUser::default() };
        let ada = create(ground, new, &Actor::cli()).await.unwrap().user.id;
        let token = key.sign(Typ::AccessToken, &claims(ground, &ada)).unwrap();
        revoke_tokens(ground, &ada, &Actor::cli()).await.unwrap();
        assert_eq!(failed(ground, &token).await, ["not revoked"]);
    }
}
