//! One public key of somebody else, checked before it is used (RFC 7517, RFC 7518 §6, RFC 8037).
//!
//! A [`PublicJwk`] holds an RSA key of 2048 to 4096 bits with an exponent of 17 to 32 bits, a point
//! on P-256, P-384 or P-521, or an Ed25519 key that is not of small order. Larger RSA keys cost
//! milliseconds for each verification, and small exponents and orders let signatures be forged.

use super::algorithm::{KeyManagement, SigningAlgorithm};
use super::error::JoseError;
use super::{compact, json};
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey, EcKeyRef};
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Public};
use openssl::rsa::Rsa;
use openssl::x509::X509;
use serde_json::{Map, Value, json};

const MAX_KID_BYTES: usize = 256;
const MAX_X5C_BYTES: usize = 24 * 1024;
/// The members that only a private or a shared key has (RFC 7518 §6.2.2, §6.3.2, §6.4).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key that passed every check.
#[derive(Debug, Clone)]
pub struct PublicJwk {
    key: PKey<Public>,
    material: Material,
    kid: Option<String>,
    usage: Option<String>,
    alg: Option<String>,
    operations: Option<Vec<String>>,
    /// The thumbprint of the certificate that the owner keeps the key in (RFC 7517 §4.7).
    certificate: Option<String>,
}

/// The members that make the key, in their one canonical spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa { n: String, e: String },
    Ec { curve: Curve, x: String, y: String },
    Ed25519 { x: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    const fn nid(self) -> Nid {
        match self {
            Self::P256 => Nid::X9_62_PRIME256V1,
            Self::P384 => Nid::SECP384R1,
            Self::P521 => Nid::SECP521R1,
        }
    }

    /// The length of a coordinate (RFC 7518 §6.2.1.2).
    const fn bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

impl PublicJwk {
    /// Reads a key from JSON text.
    ///
    /// # Errors
    ///
    /// As [`PublicJwk::from_value`], and `Malformed` for JSON that two readers could read
    /// differently.
    pub fn parse(text: &[u8]) -> Result<Self, JoseError> {
        Self::from_map(&json::object(text)?)
    }

    /// Reads a key from parsed JSON.
    ///
    /// # Errors
    ///
    /// `Key` when the key is private or shared, of a kind that is not known, or weak.
    pub fn from_value(value: &Value) -> Result<Self, JoseError> {
        Self::from_map(value.as_object().ok_or(JoseError::Key("a JWK is a JSON object"))?)
    }

    pub(super) fn from_map(jwk: &Map<String, Value>) -> Result<Self, JoseError> {
        if PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name)) {
            return Err(JoseError::Key("a private or shared key is not taken"));
        }
        let key = match required(jwk, "kty")? {
            "RSA" => rsa(jwk)?,
            "EC" => elliptic(jwk)?,
            "OKP" => ed25519(jwk)?,
            _ => return Err(JoseError::Key("kty must be RSA, EC or OKP")),
        };
        let kid = text(jwk, "kid")?.map(str::to_owned);
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(JoseError::Key("kid is longer than 256 bytes"));
        }
        let certificate = certificate(jwk, &key)?;
        Ok(Self {
            material: Material::of(&key)?,
            key,
            kid,
            usage: text(jwk, "use")?.map(str::to_owned),
            alg: text(jwk, "alg")?.map(str::to_owned),
            operations: operations(jwk)?,
            certificate,
        })
    }

    /// The public half of a key of ours, named by its thumbprint.
    pub(super) fn ours<T: HasPublic>(
        key: &PKeyRef<T>,
        usage: &str,
        alg: &str,
    ) -> Result<Self, JoseError> {
        let der = key.public_key_to_der().and_then(|der| PKey::public_key_from_der(&der));
        let key = der.map_err(|_| JoseError::Crypto("public key"))?;
        let mut jwk = Self {
            material: Material::of(&key)?,
            key,
            kid: None,
            usage: Some(usage.to_owned()),
            alg: Some(alg.to_owned()),
            operations: None,
            certificate: None,
        };
        jwk.kid = Some(jwk.thumbprint());
        Ok(jwk)
    }

    /// The name that the owner gave to the key.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `RSA`, `EC` or `OKP`.
    pub fn kty(&self) -> &'static str {
        match self.material {
            Material::Rsa { .. } => "RSA",
            Material::Ec { .. } => "EC",
            Material::Ed25519 { .. } => "OKP",
        }
    }

    /// The algorithm that the owner keeps the key for.
    pub fn alg(&self) -> Option<&str> {
        self.alg.as_deref()
    }

    /// `sig` or `enc`, when the owner says.
    pub fn use_(&self) -> Option<&str> {
        self.usage.as_deref()
    }

    /// The thumbprint of the first certificate of `x5c`, as in `x5t#S256`.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Whether the key is the public half of this one.
    pub(super) fn is_public_half_of<T: HasPublic>(&self, key: &PKeyRef<T>) -> bool {
        self.key.public_eq(key)
    }

    /// The key as a JWK: what was checked and nothing else.
    pub fn to_json(&self) -> Value {
        let mut jwk = self.material.members();
        for (name, value) in [("kid", &self.kid), ("use", &self.usage), ("alg", &self.alg)] {
            if let Some(value) = value {
                jwk[name] = json!(value);
            }
        }
        if let Some(operations) = &self.operations {
            jwk["key_ops"] = json!(operations);
        }
        jwk
    }

    /// The members that make the key, without its name and purpose.
    pub(super) fn members(&self) -> Value {
        self.material.members()
    }

    /// The SHA-256 of the key's own members, base64url (RFC 7638 §3): the same for every spelling
    /// of one key.
    pub fn thumbprint(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(openssl::sha::sha256(self.material.canonical().as_bytes()))
    }

    /// Whether the kind, use, operations and algorithm of the key fit signatures by `alg`.
    pub fn verifies(&self, alg: SigningAlgorithm) -> bool {
        let fits = match alg {
            SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => {
                matches!(self.material, Material::Rsa { .. })
            }
            SigningAlgorithm::ES256 => {
                matches!(self.material, Material::Ec { curve: Curve::P256, .. })
            }
            SigningAlgorithm::EdDSA => matches!(self.material, Material::Ed25519 { .. }),
            SigningAlgorithm::HS256 => false,
        };
        fits && self.is_meant_for("sig", alg.as_str(), &["verify"])
    }

    /// Whether the kind, use, operations and algorithm of the key fit encryption by `alg`.
    pub fn encrypts(&self, alg: KeyManagement) -> bool {
        let fits = match alg {
            KeyManagement::EcdhEs | KeyManagement::EcdhEsA256Kw => {
                matches!(self.material, Material::Ec { .. })
            }
            KeyManagement::RsaOaep256 => matches!(self.material, Material::Rsa { .. }),
            KeyManagement::Dir | KeyManagement::A256Kw => false,
        };
        let operations = ["deriveKey", "deriveBits", "wrapKey", "encrypt"];
        fits && self.is_meant_for("enc", alg.as_str(), &operations)
    }

    fn is_meant_for(&self, usage: &str, alg: &str, operations: &[&str]) -> bool {
        self.usage.as_ref().is_none_or(|own| own == usage)
            && self.alg.as_ref().is_none_or(|own| names(own, alg))
            && self
                .operations
                .as_ref()
                .is_none_or(|own| own.iter().any(|one| operations.contains(&one.as_str())))
    }

    /// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), which is what josekit reads.
    pub(super) fn to_der(&self) -> Result<Vec<u8>, JoseError> {
        self.key.public_key_to_der().map_err(|_| JoseError::Crypto("public key"))
    }
}

impl Material {
    fn of(key: &PKeyRef<Public>) -> Result<Self, JoseError> {
        let failed = |_| JoseError::Crypto("public key");
        match key.id() {
            Id::RSA => {
                let rsa = key.rsa().map_err(failed)?;
                Ok(Self::Rsa { n: encode(&rsa.n().to_vec()), e: encode(&rsa.e().to_vec()) })
            }
            Id::EC => Self::of_point(&*key.ec_key().map_err(failed)?),
            Id::ED25519 => Ok(Self::Ed25519 { x: encode(&key.raw_public_key().map_err(failed)?) }),
            _ => Err(JoseError::Key("kty must be RSA, EC or OKP")),
        }
    }

    fn of_point(key: &EcKeyRef<Public>) -> Result<Self, JoseError> {
        let curve = key.group().curve_name();
        let curve = Curve::ALL.into_iter().find(|one| Some(one.nid()) == curve);
        let curve = curve.ok_or(JoseError::Key("crv must be P-256, P-384 or P-521"))?;
        let coordinates = || {
            let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
            let mut context = BigNumContext::new()?;
            key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context)?;
            let width = i32::try_from(curve.bytes()).unwrap_or(i32::MAX);
            Ok((x.to_vec_padded(width)?, y.to_vec_padded(width)?))
        };
        let (x, y) = coordinates()
            .map_err(|_: openssl::error::ErrorStack| JoseError::Crypto("public key"))?;
        Ok(Self::Ec { curve, x: encode(&x), y: encode(&y) })
    }

    fn members(&self) -> Value {
        match self {
            Self::Rsa { n, e } => json!({ "kty": "RSA", "n": n, "e": e }),
            Self::Ec { curve, x, y } => {
                json!({ "kty": "EC", "crv": curve.name(), "x": x, "y": y })
            }
            Self::Ed25519 { x } => json!({ "kty": "OKP", "crv": "Ed25519", "x": x }),
        }
    }

    /// The required members in lexicographic order (RFC 7638 §3.2, RFC 8037 §2).
    fn canonical(&self) -> String {
        match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Ec { curve, x, y } => {
                format!(r#"{{"crv":"{}","kty":"EC","x":"{x}","y":"{y}"}}"#, curve.name())
            }
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
        }
    }
}

/// The first of `x5c` must hold the key itself (RFC 7517 §4.7).
fn certificate(
    jwk: &Map<String, Value>,
    key: &PKeyRef<Public>,
) -> Result<Option<String>, JoseError> {
    let Some(chain) = jwk.get("x5c") else { return Ok(None) };
    let wrong = JoseError::Key("x5c is not an array of certificates in base64");
    let first = chain.as_array().and_then(|chain| chain.first()).and_then(Value::as_str);
    let first = first.filter(|first| first.len() <= MAX_X5C_BYTES).ok_or(wrong.clone())?;
    let der = BASE64_STANDARD.decode(first).map_err(|_| wrong.clone())?;
    let own = X509::from_der(&der).and_then(|x509| x509.public_key()).map_err(|_| wrong)?;
    if !own.public_eq(key) {
        return Err(JoseError::Key("the certificate in x5c holds another key"));
    }
    Ok(Some(BASE64_URL_SAFE_NO_PAD.encode(openssl::sha::sha256(&der))))
}

/// Whether `own` is `alg`, or the name that RFC 9864 gives to EdDSA with the one curve it has here.
fn names(own: &str, alg: &str) -> bool {
    own == alg || (own == "Ed25519" && alg == "EdDSA")
}

fn rsa(jwk: &Map<String, Value>) -> Result<PKey<Public>, JoseError> {
    let (n, e) = (integer(jwk, "n")?, integer(jwk, "e")?);
    if !(2048..=4096).contains(&n.num_bits()) || !is_odd(&n) {
        return Err(JoseError::Key("an RSA modulus is odd and has 2048 to 4096 bits"));
    }
    if !(17..=32).contains(&e.num_bits()) || !is_odd(&e) {
        return Err(JoseError::Key("an RSA exponent is odd, at least 65537, at most 32 bits"));
    }
    let key = Rsa::from_public_components(n, e).and_then(PKey::from_rsa);
    key.map_err(|_| JoseError::Key("not an RSA key"))
}

fn elliptic(jwk: &Map<String, Value>) -> Result<PKey<Public>, JoseError> {
    let name = required(jwk, "crv")?;
    let curve = Curve::ALL.into_iter().find(|curve| curve.name() == name);
    let curve = curve.ok_or(JoseError::Key("crv must be P-256, P-384 or P-521"))?;
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    if x.len() != curve.bytes() || y.len() != curve.bytes() {
        return Err(JoseError::Key("a coordinate has the length of its curve"));
    }
    let key = || {
        let group = EcGroup::from_curve_name(curve.nid())?;
        let (x, y) = (BigNum::from_slice(&x)?, BigNum::from_slice(&y)?);
        let key = EcKey::from_public_key_affine_coordinates(&group, &x, &y)?;
        PKey::from_ec_key(key)
    };
    key().map_err(|_: openssl::error::ErrorStack| JoseError::Key("the point is not on its curve"))
}

fn ed25519(jwk: &Map<String, Value>) -> Result<PKey<Public>, JoseError> {
    if required(jwk, "crv")? != "Ed25519" {
        return Err(JoseError::Key("crv must be Ed25519"));
    }
    let x: [u8; 32] =
        bytes(jwk, "x")?.try_into().map_err(|_| JoseError::Key("an Ed25519 key has 32 bytes"))?;
    if is_small_order(x) {
        return Err(JoseError::Key("the Ed25519 key is of small order"));
    }
    PKey::public_key_from_raw_bytes(&x, Id::ED25519)
        .map_err(|_| JoseError::Key("not an Ed25519 key"))
}

/// Whether `y` is that of a point whose order divides 8, or is not reduced modulo 2^255 - 19. Under
/// such a key one signature can fit many messages (RFC 8032 §5.1.7 leaves the check to us).
fn is_small_order(mut y: [u8; 32]) -> bool {
    /// The two y coordinates of the points of order 8.
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    y[31] &= 0x7F;
    let middle = &y[1..31];
    // 0 and 1 are of order 4 and 1; 2^255 - 20 is of order 2; what follows it is not reduced.
    let near_zero = y[0] <= 1 && y[31] == 0 && middle.iter().all(|byte| *byte == 0);
    let near_prime = y[0] >= 0xEC && y[31] == 0x7F && middle.iter().all(|byte| *byte == 0xFF);
    near_zero || near_prime || ORDER_8.contains(&y)
}

fn is_odd(number: &BigNumRef) -> bool {
    number.is_bit_set(0)
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn text<'j>(jwk: &'j Map<String, Value>, name: &'static str) -> Result<Option<&'j str>, JoseError> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JoseError::Key("a member of the JWK is not a string")),
    }
}

fn required<'j>(jwk: &'j Map<String, Value>, name: &'static str) -> Result<&'j str, JoseError> {
    text(jwk, name)?.ok_or(JoseError::Key("a member of the JWK is missing"))
}

fn bytes(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JoseError> {
    compact::decode(required(jwk, name)?).map_err(|_| JoseError::Key("a member is not base64url"))
}

fn integer(jwk: &Map<String, Value>, name: &'static str) -> Result<BigNum, JoseError> {
    let bytes = bytes(jwk, name)?;
    if bytes.len() > 1024 {
        return Err(JoseError::Key("an RSA modulus is odd and has 2048 to 4096 bits"));
    }
    BigNum::from_slice(&bytes).map_err(|_| JoseError::Key("not an RSA key"))
}

fn operations(jwk: &Map<String, Value>) -> Result<Option<Vec<String>>, JoseError> {
    let Some(value) = jwk.get("key_ops") else { return Ok(None) };
    let names = value.as_array().and_then(|items| {
        items.iter().take(16).map(|item| item.as_str().map(str::to_owned)).collect()
    });
    names.map(Some).ok_or(JoseError::Key("key_ops is an array of strings"))
}

#[cfg(test)]
#[path = "jwk_tests.rs"]
mod tests;
