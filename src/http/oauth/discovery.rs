//! The discovery document (OpenID Connect Discovery §4, RFC 8414 §3) and the JWKS (RFC 7517 §5):
//! the same bytes for everyone, from memory.

use crate::domain::digest::digest;
use crate::domain::keys::JWKS_MAX_AGE;
use crate::domain::resources::details::{self, Types};
use crate::domain::{Provider, metadata};
use crate::http::State;
use crate::http::edge::headers::{allow_everyone, is_preflight, preflight};
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use arc_swap::ArcSwapOption;
use serde_json::Value;
use std::sync::Arc;

/// The discovery document. It changes with the types of authorization details alone.
pub struct Documents {
    settled: Value,
    userinfo: (web::Bytes, String),
    written: ArcSwapOption<Written>,
}

/// The document as it is served, and what it was written for.
struct Written {
    types: Arc<Types>,
    metadata: web::Bytes,
    etag: String,
}

impl Documents {
    /// Puts together what does not change while the server runs.
    pub fn new(provider: &Provider) -> Self {
        let userinfo = metadata::resource::document(provider).to_string();
        let etag = format!("\"{}\"", digest(&userinfo));
        Self {
            settled: metadata::document(provider),
            userinfo: (userinfo.into(), etag),
            written: ArcSwapOption::empty(),
        }
    }

    /// The document with these types, written once.
    fn with(&self, types: Arc<Types>) -> Arc<Written> {
        let known = self.written.load_full();
        if let Some(written) = known.filter(|written| Arc::ptr_eq(&written.types, &types)) {
            return written;
        }
        let mut document = self.settled.clone();
        if !types.names().is_empty() {
            document["authorization_details_types_supported"] = types.names().into();
        }
        let metadata = document.to_string();
        let etag = format!("\"{}\"", digest(&metadata));
        let written = Arc::new(Written { types, metadata: metadata.into(), etag });
        self.written.store(Some(written.clone()));
        written
    }
}

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.
pub async fn metadata(
    request: HttpRequest,
    state: web::Data<State>,
    documents: web::Data<Documents>,
) -> HttpResponse {
    let written = match details::types(&state.provider).await {
        Ok(types) => documents.with(types),
        // While the database is away, the last answer is better than none.
        Err(error) => {
            tracing::debug!(%error, "the types of authorization details cannot be read");
            let last = documents.written.load_full();
            last.unwrap_or_else(|| documents.with(Arc::default()))
        }
    };
    document(&request, written.metadata.clone(), &written.etag)
}

/// `GET /.well-known/oauth-protected-resource/userinfo` (RFC 9728 §3).
pub async fn userinfo(request: HttpRequest, documents: web::Data<Documents>) -> HttpResponse {
    let (body, etag) = &documents.userinfo;
    document(&request, body.clone(), etag)
}

/// `GET /jwks`.
pub async fn jwks(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let keys = state.provider.keys.current();
    document(&request, web::Bytes::copy_from_slice(keys.jwks.as_bytes()), &keys.jwks_etag)
}

/// Anything but `GET`: permission for scripts, or 405.
pub async fn options(request: HttpRequest) -> HttpResponse {
    if !is_preflight(&request) {
        return HttpResponse::MethodNotAllowed()
            .insert_header((header::ALLOW, "GET, HEAD"))
            .finish();
    }
    let mut response = preflight("GET");
    allow_everyone(response.headers_mut());
    response
}

/// A document that is the same for everyone, with its tag.
pub(super) fn document(request: &HttpRequest, body: web::Bytes, etag: &str) -> HttpResponse {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    const FRESH: HeaderValue = HeaderValue::from_static(max_age());
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let is_known = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == etag));
    let mut response = match is_known {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response.insert_header((header::CACHE_CONTROL, FRESH)).insert_header((header::ETAG, etag));
    let mut response = match is_known {
        true => response.finish(),
        false => response.insert_header((header::CONTENT_TYPE, JSON)).body(body),
    };
    allow_everyone(response.headers_mut());
    response
}

const fn max_age() -> &'static str {
    const { assert!(JWKS_MAX_AGE.as_seconds() == 300) };
    "public, max-age=300"
}
