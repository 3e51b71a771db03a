//! Private claims (RFC 7519 §4.3): what tokens say of a person beyond what is registered, by rules
//! and without code. A rule is a name and where the value comes from:
//!
//! | Source | The value |
//! |--------|-----------|
//! | `user.NAME` | a claim or an attribute of the account |
//! | `roles`, `groups` | all of them |
//! | `roles:PREFIX`, `groups:PREFIX` | those that begin so |
//! | `text:WORDS` | these words, for everybody |

use std::collections::BTreeMap;

/// The most rules of one client or resource.
pub const MAX_RULES: usize = 50;
/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// The longest source, in bytes.
const MAX_SOURCE_BYTES: usize = 300;
/// A token that is longer than this, in bytes, is one that servers may refuse as a header.
pub const LARGE_TOKEN_BYTES: usize = 4096;

/// Rules by the name of the claim.
pub type PrivateClaims = BTreeMap<String, String>;

/// Where the value of a claim comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// A claim or attribute of the account.
    User(&'a str),
    /// The roles that begin with this.
    Roles(&'a str),
    /// The groups that begin with this.
    Groups(&'a str),
    /// The same for everybody.
    Text(&'a str),
}

impl<'a> Source<'a> {
    /// Reads a source. `None` when it is none.
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_SOURCE_BYTES || text.chars().any(char::is_control) {
            return None;
        }
        match text {
            "roles" => return Some(Self::Roles("")),
            "groups" => return Some(Self::Groups("")),
            _ => {}
        }
        if let Some(name) = text.strip_prefix("user.") {
            return is_attribute(name).then_some(Self::User(name));
        }
        match text.split_once(':')? {
            ("roles", prefix) if !prefix.is_empty() => Some(Self::Roles(prefix)),
            ("groups", prefix) if !prefix.is_empty() => Some(Self::Groups(prefix)),
            ("text", words) if !words.is_empty() => Some(Self::Text(words)),
            _ => None,
        }
    }
}

/// Whether an account can have an attribute of this name.
pub fn is_attribute(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// What is wrong with a rule, if anything.
pub fn problem(name: &str, source: &str) -> Option<&'static str> {
    let Some(source) = Source::parse(source) else {
        return Some(
            "is from none of user.NAME, roles, groups, roles:PREFIX, groups:PREFIX, text:WORDS",
        );
    };
    if is_collision_resistant(name) {
        return None;
    }
    if !is_attribute(name) {
        return Some("is no name: use letters, digits, _ and -, or an absolute URI");
    }
    // A registered name keeps its meaning.
    let means_the_same = super::claims::is_standard(name) && source == Source::User(name);
    match REGISTERED.contains(&name) && !means_the_same {
        true => Some("has a registered meaning: choose another name, or a URI of your own"),
        false => None,
    }
}

/// A name that nobody else gives (RFC 7519 §2): an absolute URI.
fn is_collision_resistant(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.contains(':')
        && name.bytes().all(|byte| byte.is_ascii_graphic())
        && url::Url::parse(name).is_ok_and(|url| url.has_host() || url.scheme() == "urn")
}

/// The names of the registry of JSON Web Token claims (RFC 7519 §10.1), and those that tokens of ours
/// have beside.
const REGISTERED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
    "azp",
    "nonce",
    "auth_time",
    "at_hash",
    "c_hash",
    "s_hash",
    "acr",
    "amr",
    "sub_jwk",
    "cnf",
    "sip_from_tag",
    "sip_date",
    "sip_callid",
    "sip_cseq_num",
    "sip_via_branch",
    "orig",
    "dest",
    "mky",
    "events",
    "toe",
    "txn",
    "rph",
    "sid",
    "vot",
    "vtm",
    "attest",
    "origid",
    "act",
    "scope",
    "client_id",
    "may_act",
    "jcard",
    "at_use_nbr",
    "div",
    "opt",
    "vc",
    "vp",
    "sph",
    "ace_profile",
    "cnonce",
    "exi",
    "roles",
    "groups",
    "entitlements",
    "token_introspection",
    "eat_nonce",
    "ueid",
    "sueids",
    "oemid",
    "hwmodel",
    "hwversion",
    "oemboot",
    "dbgstat",
    "location",
    "eat_profile",
    "submods",
    "uptime",
    "bootcount",
    "bootseed",
    "dloas",
    "swname",
    "swversion",
    "manifests",
    "measurements",
    "measres",
    "intuse",
    "cdniv",
    "cdnicrit",
    "cdniip",
    "cdniuc",
    "cdniets",
    "cdnistt",
    "cdnistd",
    "sig_val_claims",
    "authorization_details",
    "verified_claims",
    "place_of_birth",
    "nationalities",
    "birth_family_name",
    "birth_given_name",
    "birth_middle_name",
    "salutation",
    "title",
    "msisdn",
    "also_known_as",
    "htm",
    "htu",
    "ath",
    "atc",
    "sub_id",
    "rcd",
    "rcdi",
    "crn",
    "msgi",
    "_claim_names",
    "_claim_sources",
    "rdap_allowed_purposes",
    "rdap_dnt_allowed",
    "geohash",
    "_sd",
    "_sd_alg",
    "sd_hash",
    "consumerPlmnId",
    "consumerSnpnId",
    "producerPlmnId",
    "producerSnpnId",
    "producerSnssaiList",
    "producerNsiList",
    "producerNfSetId",
    "producerNfServiceSetId",
    "sourceNfInstanceId",
    "analyticsIdList",
    "resOwnerId",
    "status",
    "status_list",
    "ttl",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_names_keep_their_meaning() {
        for name in ["iss", "sub", "act", "scope", "roles", "cnf", "client_id", "may_act", "title"]
        {
            assert!(problem(name, "text:x").is_some(), "{name}");
            assert!(problem(name, "roles").is_some(), "{name}");
        }
        assert_eq!(problem("email", "user.email"), None);
        assert!(problem("email", "user.preferred_username").is_some());
        assert!(problem("sub", "user.sub").is_some());
    }

    #[test]
    fn a_name_of_ones_own_is_a_word_or_an_address() {
        for name in ["department", "cost-center", "https://example.com/dept", "urn:example:dept"] {
            assert_eq!(problem(name, "user.department"), None, "{name}");
        }
        for name in ["", "a b", "a.b", "é", "https://", "a\"b", "a:b", &"x".repeat(256)] {
            assert!(problem(name, "user.department").is_some(), "{name}");
        }
    }

    #[test]
    fn a_source_is_one_of_those_there_are() {
        assert_eq!(Source::parse("user.email"), Some(Source::User("email")));
        assert_eq!(Source::parse("roles:shop-"), Some(Source::Roles("shop-")));
        assert_eq!(Source::parse("text:a:b"), Some(Source::Text("a:b")));
        for wrong in ["", "user.", "user.a b", "role", "roles:", "text:", "env:HOME", "text:a\nb"] {
            assert_eq!(Source::parse(wrong), None, "{wrong}");
        }
    }
}
