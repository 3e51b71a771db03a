//! A certificate in a header of a proxy that ended TLS.

use super::certificate::Certificate;
use super::error::JoseError;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, prelude::BASE64_STANDARD};

/// The longest value that is read: three times the largest certificate in base64, for escapes.
const MAX_BYTES: usize = 64 * 1024;
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

impl Certificate {
    /// Reads `Client-Cert`, and `Client-Cert-Chain` where it is there (RFC 9440 §2): byte sequences
    /// between colons.
    ///
    /// # Errors
    ///
    /// `Malformed` for anything else.
    pub fn from_client_cert(value: &str, chain: Option<&str>) -> Result<Self, JoseError> {
        let chain = chain.unwrap_or_default().split(',').filter(|item| !item.trim().is_empty());
        let chain = chain.map(byte_sequence).collect::<Result<Vec<_>, _>>()?;
        Self::from_der(&byte_sequence(value)?, &chain)
    }

    /// Reads PEM in which characters are escaped with `%`, as nginx writes it
    /// (`$ssl_client_escaped_cert`), or whose lines are joined, as others do. Further certificates
    /// in it are the chain.
    ///
    /// # Errors
    ///
    /// `Malformed` for anything else.
    pub fn from_escaped_pem(value: &str) -> Result<Self, JoseError> {
        let text = unescaped(value)?;
        let bare = !text.contains(BEGIN);
        let blocks: Vec<&str> = match bare {
            true => vec![text.as_str()],
            false => text
                .split(BEGIN)
                .skip(1)
                .map(|block| block.split(END).next().unwrap_or_default())
                .collect(),
        };
        let read = |block: &str| {
            let plain: String = block.split_ascii_whitespace().collect();
            LENIENT.decode(plain).map_err(|_| JoseError::Malformed)
        };
        let mut all = blocks.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let first = all.remove(0);
        Self::from_der(&first, &all)
    }
}

/// A byte sequence of RFC 8941 §3.3.5.
fn byte_sequence(text: &str) -> Result<Vec<u8>, JoseError> {
    let inner = text.trim().strip_prefix(':').and_then(|text| text.strip_suffix(':'));
    let inner = inner.filter(|inner| !inner.is_empty() && inner.len() <= MAX_BYTES);
    BASE64_STANDARD.decode(inner.ok_or(JoseError::Malformed)?).map_err(|_| JoseError::Malformed)
}

/// A plus sign is itself: base64 has them.
fn unescaped(value: &str) -> Result<String, JoseError> {
    if value.len() > MAX_BYTES {
        return Err(JoseError::Malformed);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(JoseError::Malformed) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| JoseError::Malformed)?);
    }
    String::from_utf8(bytes).map_err(|_| JoseError::Malformed)
}
