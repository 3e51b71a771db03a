//! `GET /status/{list}`: a Token Status List (draft-ietf-oauth-status-list §8), and `GET /status`: which
//! lists there are.

use crate::domain::tokens::status;
use crate::http::State;
use crate::http::edge::headers::allow_everyone;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/statuslist+jwt");

/// How long the names of the lists may be kept: another one begins each hour.
const AGGREGATION_MAX_AGE: &str = "public, max-age=60";

/// Which lists there are (§9.3).
pub async fn aggregation(state: web::Data<State>) -> HttpResponse {
    let lists = status::aggregation(&state.provider);
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, AGGREGATION_MAX_AGE));
    let mut response = response.json(lists);
    allow_everyone(response.headers_mut());
    response
}

/// The list, as long as a token in it can be alive. How it was at another time is not kept (§8.4).
pub async fn get(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<String>,
) -> Result<HttpResponse, crate::http::edge::JsonError> {
    if request.query_string().split('&').any(|pair| pair.starts_with("time=")) {
        return Ok(HttpResponse::NotImplemented().finish());
    }
    let provider = &state.provider;
    let list = match path.parse::<i64>() {
        Ok(list) => provider.status_lists.get(provider, list).await?,
        Err(_) => None,
    };
    let Some(list) = list else { return Ok(HttpResponse::NotFound().finish()) };
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let is_known = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == &*list.etag));
    let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CACHE_CONTROL, format!("public, max-age={}", list.max_age)))
        .insert_header((header::ETAG, list.etag.as_ref()));
    let mut response = match is_known {
        true => response.finish(),
        false => {
            response.insert_header((header::CONTENT_TYPE, MEDIA_TYPE)).body(list.jwt.to_string())
        }
    };
    allow_everyone(response.headers_mut());
    Ok(response)
}
