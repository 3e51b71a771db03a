//! A service that opens encrypted tokens.
#![allow(dead_code, reason = "it is there to be read, and to compile")]

// DOCUMENTED
use countersign::verifier::{DecryptionKey, KeyManagement, Verifier, VerifierBuilder};

/// `der` is the private key as PKCS#8 (`openssl pkcs8 -topk8 -nocrypt -outform DER`).
fn builder(der: &[u8]) -> Result<VerifierBuilder, Box<dyn std::error::Error>> {
    let key = DecryptionKey::from_private_der(KeyManagement::EcdhEs, der)?;
    Ok(Verifier::builder("https://login.example.com").decryption_key(key))
}
// END
