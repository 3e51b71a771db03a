//! What depends on the time is answered by a clock that is right, or not at all: whoever is told that a
//! code or a token has expired throws it away.

use crate::http::State;
use crate::http::edge::JsonError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError, web};

/// What answers a question, and issues nothing.
const ASKED: [&str; 3] = ["/introspect", "/userinfo", "/revoke"];

/// Answers 503 while the clock is wrong. When it becomes wrong on the way, what was issued counts, and
/// what was found out does not.
pub(super) async fn only_by_a_right_clock(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let misread = misread(request.request());
    if let Some(refusal) = refusal(request.request(), misread) {
        return Ok(request.into_response(refusal));
    }
    let answer = next.call(request).await?.map_into_boxed_body();
    let has_issued = answer.status().is_success() && !ASKED.contains(&answer.request().path());
    match refusal(answer.request(), misread).filter(|_| !has_issued) {
        Some(refusal) => Ok(answer.into_response(refusal)),
        None => Ok(answer),
    }
}

fn misread(request: &HttpRequest) -> u64 {
    let state: Option<&web::Data<State>> = request.app_data();
    state.map_or(0, |state| state.provider.clock_misread())
}

fn refusal(request: &HttpRequest, misread: u64) -> Option<HttpResponse> {
    let state: &web::Data<State> = request.app_data()?;
    let wrong = state.provider.expect_right_clock_since(misread).err()?;
    Some(JsonError::from(wrong).error_response())
}
