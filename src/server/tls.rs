//! TLS that we end ourselves (RFC 9325): 1.3, or 1.2 with ECDHE and GCM. On the listener for mutual
//! TLS clients are asked for a certificate and need not have one (RFC 8705 §7.1); who vouches for it
//! is judged later, where the client is known.

use super::RunError;
use crate::config::Config;
use arc_swap::ArcSwapOption;
use openssl::error::ErrorStack;
use openssl::ssl::{
    AlpnError, SniError, SslAcceptor, SslAcceptorBuilder, SslContext, SslFiletype, SslMethod,
    SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion, select_next_proto,
};
use std::path::PathBuf;
use std::sync::Arc;

/// The suites of TLS 1.2; those of TLS 1.3 are all good.
const TLS_1_2: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
                       ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
/// As ALPN writes them (RFC 7301 §3.1). HTTP/2 is left to a proxy: its floods need limits of their own
/// (RFC 9113 §10.5), and what we serve to one browser is a page or two.
const PROTOCOLS: &[u8] = b"\x08http/1.1";

/// The certificate on disk, and the one that new connections get.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    asks_for_certificate: bool,
    renewed: Arc<ArcSwapOption<SslContext>>,
}

impl Tls {
    /// TLS when the configuration names a certificate and its key.
    ///
    /// # Errors
    ///
    /// When they cannot be used.
    pub fn from_config(config: &Config) -> Result<Option<Self>, RunError> {
        let (Some(cert), Some(key)) = (config.tls_cert.clone(), config.tls_key.clone()) else {
            return Ok(None);
        };
        Self::new(cert, key, false).map(Some)
    }

    /// TLS that asks for client certificates, when the configuration has a listener for them.
    ///
    /// # Errors
    ///
    /// When our own certificate and key cannot be used.
    pub fn mutual(config: &Config) -> Result<Option<Self>, RunError> {
        let own = (config.mtls.tls_cert.clone(), config.mtls.tls_key.clone());
        let shared = (config.tls_cert.clone(), config.tls_key.clone());
        match (own, shared) {
            _ if config.mtls.listen.is_none() => Ok(None),
            ((Some(cert), Some(key)), _) | (_, (Some(cert), Some(key))) => {
                Self::new(cert, key, true).map(Some)
            }
            // The check of the settings has said so before.
            _ => Ok(None),
        }
    }

    fn new(cert: PathBuf, key: PathBuf, asks_for_certificate: bool) -> Result<Self, RunError> {
        let tls = Self { cert, key, asks_for_certificate, renewed: Arc::default() };
        tls.builder().map_err(RunError::Tls)?;
        Ok(tls)
    }

    /// What the server accepts connections with.
    ///
    /// # Errors
    ///
    /// When certificate and key cannot be used.
    pub fn acceptor(&self) -> Result<SslAcceptorBuilder, ErrorStack> {
        let mut builder = self.builder()?;
        let renewed = self.renewed.clone();
        builder.set_servername_callback(move |ssl, _| match renewed.load().as_deref() {
            Some(context) => ssl.set_ssl_context(context).map_err(|_| SniError::ALERT_FATAL),
            None => Ok(()),
        });
        Ok(builder)
    }

    /// Reads the files again; new connections get what they hold now.
    ///
    /// # Errors
    ///
    /// When they cannot be used; the old certificate stays.
    pub fn reload(&self) -> Result<(), ErrorStack> {
        let mut builder = self.builder()?;
        builder.set_alpn_select_callback(|_, offered| {
            select_next_proto(PROTOCOLS, offered).ok_or(AlpnError::NOACK)
        });
        self.renewed.store(Some(Arc::new(builder.build().into_context())));
        Ok(())
    }

    fn builder(&self) -> Result<SslAcceptorBuilder, ErrorStack> {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        builder.set_cipher_list(TLS_1_2)?;
        builder.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::NO_COMPRESSION);
        builder.set_certificate_chain_file(&self.cert)?;
        builder.set_private_key_file(&self.key, SslFiletype::PEM)?;
        builder.check_private_key()?;
        if self.asks_for_certificate {
            builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
            // A session that is resumed would come without its certificates.
            builder.set_session_cache_mode(SslSessionCacheMode::OFF);
            builder.set_options(SslOptions::NO_TICKET);
            builder.set_num_tickets(0)?;
        }
        Ok(builder)
    }
}
