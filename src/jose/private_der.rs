//! Private keys as bytes, for as short as can be.

use super::error::JoseError;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use std::fmt;
use std::ops::Deref;

/// A private key as PKCS#8 (RFC 5958), to be sealed and stored. Overwritten when dropped.
pub struct PrivateDer(Vec<u8>);

impl PrivateDer {
    pub(super) fn of(key: &PKey<Private>) -> Result<Self, JoseError> {
        key.private_key_to_pkcs8().map(Self).map_err(|_| JoseError::Crypto("PKCS#8"))
    }
}

impl Deref for PrivateDer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for PrivateDer {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

impl fmt::Debug for PrivateDer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateDer")
    }
}

pub(super) fn read(der: &[u8]) -> Result<PKey<Private>, JoseError> {
    PKey::private_key_from_pkcs8(der).map_err(|_| JoseError::Key("not a PKCS#8 private key"))
}

pub(super) fn generate_rsa() -> Result<PKey<Private>, JoseError> {
    let key = BigNum::from_u32(65_537)
        .and_then(|exponent| Rsa::generate_with_e(2048, &exponent))
        .and_then(PKey::from_rsa);
    key.map_err(|_| JoseError::Crypto("RSA key generation"))
}

pub(super) fn generate_p256() -> Result<PKey<Private>, JoseError> {
    let key = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)
        .and_then(|group| EcKey::generate(&group))
        .and_then(PKey::from_ec_key);
    key.map_err(|_| JoseError::Crypto("P-256 key generation"))
}

pub(super) fn generate_ed25519() -> Result<PKey<Private>, JoseError> {
    PKey::generate_ed25519().map_err(|_| JoseError::Crypto("Ed25519 key generation"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_pkcs8_and_debug_does_not_show_it() {
        let key = generate_p256().unwrap();
        let der = PrivateDer::of(&key).unwrap();
        assert!(read(&der).unwrap().public_eq(&key));
        assert_eq!(format!("{der:?}"), "PrivateDer");
        assert!(read(b"not a key").is_err());
    }
}
