//! `GET /revocations`: the signed feed of revocations, and `GET /.well-known/countersign`, which says
//! where it is.

use super::discovery;
use crate::domain::digest::digest;
use crate::domain::metadata;
use crate::domain::revocation::feed::{Known, SignedPage};
use crate::http::State;
use crate::http::edge::{JsonError, QueryParams, RequestInfo};
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::protocol::revocation_feed::MAX_WAIT_SECONDS;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use std::time::Duration;

/// The longest name of a history that is read.
const MAX_EPOCH_BYTES: usize = 64;

/// What comes after what the reader knows; waits for it when asked to.
pub async fn get(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    QueryParams(query): QueryParams,
) -> Result<HttpResponse, JsonError> {
    let (known, wait) = asked(&query)?;
    let provider = &state.provider;
    if !wait.is_zero() {
        provider.feed.wait(provider, &known, wait, || state.readiness.is_on()).await;
    }
    let page = provider.feed.page(provider, &known, info.ip().as_deref()).await?;
    Ok(answer(&request, &page, wait))
}

fn asked(query: &Params) -> Result<(Known, Duration), OAuthError> {
    let number = |name: &'static str| {
        let number = query.one(name)?.map_or(Ok(0), str::parse::<i64>).ok();
        let number = number.filter(|number| *number >= 0);
        number.ok_or_else(|| OAuthError::invalid_request(format!("{name} is not a number")))
    };
    let epoch = query.one("epoch")?.filter(|epoch| epoch.len() <= MAX_EPOCH_BYTES);
    let known = Known { epoch: epoch.map(str::to_owned), since: number("since")? };
    let wait = number("wait")?.clamp(0, MAX_WAIT_SECONDS.into());
    Ok((known, Duration::from_secs(wait.unsigned_abs())))
}

fn answer(request: &HttpRequest, page: &SignedPage, wait: Duration) -> HttpResponse {
    let fresh = match page.more {
        // It is all of the entries between two numbers, and stays so.
        true => "public, max-age=60",
        false if wait.is_zero() => "public, max-age=1",
        false => "no-store",
    };
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let is_known = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == &*page.etag));
    let mut response = match is_known {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response
        .insert_header((header::CACHE_CONTROL, fresh))
        .insert_header((header::ETAG, page.etag.as_ref()));
    match is_known {
        true => response.finish(),
        false => response.content_type("application/jwt").body(page.jws.to_string()),
    }
}

/// What there is beside the standards, and where.
pub async fn well_known(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let document = metadata::product(&state.provider).to_string();
    let etag = format!("\"{}\"", digest(&document));
    discovery::document(&request, document.into(), &etag)
}
