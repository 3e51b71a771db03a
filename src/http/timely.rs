//! What depends on the time is answered by a clock that is right, or not at all: whoever is told that a
//! code or a token has expired throws it away.

use crate::http::State;
use crate::http::edge::JsonError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError, web};

/// For what issues something: 503 while the clock is wrong. When it becomes wrong on the way, what was
/// issued counts, and a refusal does not.
pub async fn issued_by_a_right_clock(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    by_a_right_clock(request, next, |status| status.is_success()).await
}

/// For what answers a question: 503 while the clock is wrong, and when it becomes so on the way.
pub async fn told_by_a_right_clock(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    by_a_right_clock(request, next, |_| false).await
}

/// `counts` says of which answers it does not matter that the clock became wrong.
async fn by_a_right_clock(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    counts: fn(StatusCode) -> bool,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let misread = misread(request.request());
    if let Some(refusal) = refusal(request.request(), misread) {
        return Ok(request.into_response(refusal));
    }
    let answer = next.call(request).await?.map_into_boxed_body();
    if counts(answer.status()) {
        return Ok(answer);
    }
    match refusal(answer.request(), misread) {
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
