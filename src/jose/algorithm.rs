//! The algorithms that Countersign speaks (RFC 7518, RFC 8037). What is not here does not exist.

use super::error::JoseError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The `alg` of a signed token (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every client library knows.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// ECDSA on P-256 with SHA-256: the cheapest to sign.
    ES256,
    /// Ed25519.
    EdDSA,
    /// HMAC with SHA-256, for a secret that two parties share.
    HS256,
}

impl SigningAlgorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 5] = [Self::RS256, Self::PS256, Self::ES256, Self::EdDSA, Self::HS256];

    /// The value as it goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
            Self::HS256 => "HS256",
        }
    }

    /// Whether a public key is enough to verify.
    pub const fn is_asymmetric(self) -> bool {
        !matches!(self, Self::HS256)
    }
}

/// The `alg` of an encrypted token: how its content key reaches the recipient (RFC 7518 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyManagement {
    /// Key agreement on an elliptic curve; the agreed key encrypts the content.
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
    /// Key agreement on an elliptic curve; the agreed key wraps a content key.
    #[serde(rename = "ECDH-ES+A256KW")]
    EcdhEsA256Kw,
    /// RSA-OAEP with SHA-256.
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
    /// The shared secret encrypts the content.
    #[serde(rename = "dir")]
    Dir,
    /// The shared secret wraps a content key.
    #[serde(rename = "A256KW")]
    A256Kw,
}

impl KeyManagement {
    /// Every algorithm there is.
    pub const ALL: [Self; 5] =
        [Self::EcdhEs, Self::EcdhEsA256Kw, Self::RsaOaep256, Self::Dir, Self::A256Kw];
    /// Those for which the sender needs only the recipient's public key.
    pub const PUBLIC: [Self; 3] = [Self::EcdhEs, Self::EcdhEsA256Kw, Self::RsaOaep256];

    /// The value as it goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::Dir => "dir",
            Self::A256Kw => "A256KW",
        }
    }

    /// Whether a public key is enough to encrypt.
    pub const fn is_asymmetric(self) -> bool {
        !matches!(self, Self::Dir | Self::A256Kw)
    }
}

/// The `enc` of an encrypted token (RFC 7518 §5.1). CBC with HMAC is left out: josekit decrypts
/// it before it checks the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ContentEncryption {
    /// AES-128 in GCM.
    #[serde(rename = "A128GCM")]
    A128Gcm,
    /// AES-256 in GCM.
    #[serde(rename = "A256GCM")]
    A256Gcm,
}

impl ContentEncryption {
    /// Every algorithm there is.
    pub const ALL: [Self; 2] = [Self::A128Gcm, Self::A256Gcm];

    /// The value as it goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// The length of the content key in bytes.
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A256Gcm => 32,
        }
    }
}

macro_rules! named {
    ($($name:ty),*) => {$(
        impl FromStr for $name {
            type Err = JoseError;

            /// Exact names only: `none` in any spelling is not one of them.
            fn from_str(text: &str) -> Result<Self, JoseError> {
                // RFC 9864 gives EdDSA with this curve a name of its own.
                let text = if text == "Ed25519" { "EdDSA" } else { text };
                let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
                found.ok_or(JoseError::Refused("the algorithm is not supported"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

named!(SigningAlgorithm, KeyManagement, ContentEncryption);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_and_is_what_serde_writes() {
        for alg in SigningAlgorithm::ALL {
            assert_eq!(alg.as_str().parse::<SigningAlgorithm>().unwrap(), alg);
            assert_eq!(serde_json::to_value(alg).unwrap(), alg.as_str());
        }
        for alg in KeyManagement::ALL {
            assert_eq!(alg.as_str().parse::<KeyManagement>().unwrap(), alg);
            assert_eq!(serde_json::to_value(alg).unwrap(), alg.as_str());
        }
        for enc in ContentEncryption::ALL {
            assert_eq!(enc.as_str().parse::<ContentEncryption>().unwrap(), enc);
            assert_eq!(serde_json::to_value(enc).unwrap(), enc.as_str());
        }
    }

    /// RFC 9864 §2.2 names what RFC 8037 §3.1 called EdDSA; we go on writing the older name.
    #[test]
    fn ed25519_is_read_as_eddsa() {
        let read = "Ed25519".parse::<SigningAlgorithm>().unwrap();
        assert_eq!((read, read.as_str()), (SigningAlgorithm::EdDSA, "EdDSA"));
        for other in ["ed25519", "Ed448", "EDDSA"] {
            assert!(other.parse::<SigningAlgorithm>().is_err(), "{other}");
        }
        assert!("Ed25519".parse::<KeyManagement>().is_err());
    }

    #[test]
    fn jw_01_none_is_not_an_algorithm() {
        for name in ["none", "None", "nOnE", "NONE", "", "es256", "RS1", "ES256K", " ES256"] {
            assert!(name.parse::<SigningAlgorithm>().is_err(), "{name}");
        }
    }

    #[test]
    fn jw_12_jw_13_weak_key_management_is_not_an_algorithm() {
        for name in ["RSA1_5", "RSA-OAEP", "PBES2-HS256+A128KW", "A128GCMKW", "ECDH-ES+A128KW"] {
            assert!(name.parse::<KeyManagement>().is_err(), "{name}");
        }
        for name in ["A128CBC-HS256", "A256CBC-HS512", "A192GCM", ""] {
            assert!(name.parse::<ContentEncryption>().is_err(), "{name}");
        }
    }
}
