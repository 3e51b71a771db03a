//! RSA-OAEP that goes on with a random key when the encrypted one is bad (RFC 7516 §11.5).
//!
//! The token then fails at its tag, as any changed token does and after the same work, so the time
//! of the answer does not tell whether the padding was right.

use crate::protocol::random::{Random, SystemRandom};
use josekit::JoseError;
use josekit::jwe::alg::rsaes::RsaesJweDecrypter;
use josekit::jwe::{JweAlgorithm, JweContentEncryption, JweDecrypter, JweHeader};
use std::borrow::Cow;

#[derive(Debug, Clone)]
pub(super) struct EvenDecrypter(pub(super) RsaesJweDecrypter);

impl JweDecrypter for EvenDecrypter {
    fn algorithm(&self) -> &dyn JweAlgorithm {
        self.0.algorithm()
    }

    fn key_id(&self) -> Option<&str> {
        self.0.key_id()
    }

    fn decrypt(
        &self,
        encrypted_key: Option<&[u8]>,
        encryption: &dyn JweContentEncryption,
        header: &JweHeader,
    ) -> Result<Cow<'_, [u8]>, JoseError> {
        let mut substitute = vec![0; encryption.key_len()];
        SystemRandom.fill(&mut substitute);
        Ok(match self.0.decrypt(encrypted_key, encryption, header) {
            Ok(key) if key.len() == substitute.len() => key,
            Ok(_) | Err(_) => Cow::Owned(substitute),
        })
    }

    fn box_clone(&self) -> Box<dyn JweDecrypter> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::private_der::{PrivateDer, generate_rsa};
    use josekit::jwe::RSA_OAEP_256;
    use josekit::jwe::enc::A256GCM;

    #[test]
    fn jw_13_a_bad_encrypted_key_gives_a_new_random_one_each_time() {
        let der = PrivateDer::of(&generate_rsa().unwrap()).unwrap();
        let even = EvenDecrypter(RSA_OAEP_256.decrypter_from_der(&*der).unwrap());
        let header = JweHeader::new();
        let decrypt = || even.decrypt(Some(&[1; 256]), &A256GCM, &header).unwrap();
        assert_eq!(decrypt().len(), 32);
        assert_ne!(decrypt(), decrypt());
    }
}
