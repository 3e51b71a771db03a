//! `/register`: clients that register themselves (RFC 7591 §3), and `/register/{client_id}`, where
//! they manage it (RFC 7592 §2). Any script may ask: there are no cookies, and nothing is told that
//! is not the asker's own.

use crate::config::RegistrationMode;
use crate::domain::registration::answer::Answer;
use crate::domain::registration::{self, manage};
use crate::domain::sender::Scheme;
use crate::http::State;
use crate::http::edge::form::is_json;
use crate::http::edge::headers::{allow_everyone, is_preflight, no_store, preflight};
use crate::http::edge::{BearerError, JsonBody, JsonError, RequestInfo};
use crate::protocol::error::{ErrorCode, OAuthError};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};

/// Adds the endpoints.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/register")
                .route(web::post().to(register))
                .route(web::route().to(|request| other_method(request, "POST"))),
        )
        .service(
            web::resource("/register/{client_id}")
                .route(web::get().to(read))
                .route(web::put().to(update))
                .route(web::delete().to(delete))
                .route(web::route().to(|request| other_method(request, "GET, PUT, DELETE"))),
        );
}

async fn register(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    body: Result<JsonBody, JsonError>,
) -> HttpResponse {
    let registered = async {
        let bearer = match state.provider.registration.mode {
            // Whatever a client sends there says nothing to us.
            RegistrationMode::Open => None,
            _ => Some(bearer(&request)?.ok_or_else(BearerError::missing_token)?),
        };
        let body = json(&request, body)?;
        let actor = info.actor("");
        Ok(registration::register(&state.provider, bearer, &body, &actor).await?)
    };
    answer(StatusCode::CREATED, registered.await)
}

async fn read(
    request: HttpRequest,
    state: web::Data<State>,
    client_id: web::Path<String>,
) -> HttpResponse {
    let found = async {
        let bearer = bearer(&request)?.ok_or_else(BearerError::missing_token)?;
        Ok(manage::read(&state.provider, &client_id, bearer).await?)
    };
    answer(StatusCode::OK, found.await)
}

async fn update(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    client_id: web::Path<String>,
    body: Result<JsonBody, JsonError>,
) -> HttpResponse {
    let updated = async {
        let bearer = bearer(&request)?.ok_or_else(BearerError::missing_token)?;
        let body = json(&request, body)?;
        let actor = info.actor("");
        Ok(manage::update(&state.provider, &client_id, bearer, &body, &actor).await?)
    };
    answer(StatusCode::OK, updated.await)
}

async fn delete(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    client_id: web::Path<String>,
) -> HttpResponse {
    let deleted = async {
        let bearer = bearer(&request)?.ok_or_else(BearerError::missing_token)?;
        let actor = info.actor("");
        Ok::<_, Refused>(manage::delete(&state.provider, &client_id, bearer, &actor).await?)
    };
    finished(match deleted.await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(refused) => refused.response(),
    })
}

/// Anything but what a path takes: permission for scripts, or 405.
async fn other_method(request: HttpRequest, methods: &'static str) -> HttpResponse {
    if !is_preflight(&request) {
        return HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, methods)).finish();
    }
    let mut response = preflight(methods);
    allow_everyone(response.headers_mut());
    response
}

fn answer(status: StatusCode, done: Result<Answer, Refused>) -> HttpResponse {
    finished(match done {
        Ok(answer) => HttpResponse::build(status).json(answer.document()),
        Err(refused) => refused.response(),
    })
}

fn finished(mut response: HttpResponse) -> HttpResponse {
    no_store(response.headers_mut());
    allow_everyone(response.headers_mut());
    response
}

/// Why nothing was done, in the words of the endpoint that it came from.
enum Refused {
    /// RFC 6750 §3.
    Token(BearerError),
    /// RFC 7591 §3.2.2.
    Request(JsonError),
}

impl Refused {
    fn response(&self) -> HttpResponse {
        match self {
            Self::Token(error) => error.error_response(),
            Self::Request(error) => error.error_response(),
        }
    }
}

impl From<OAuthError> for Refused {
    fn from(error: OAuthError) -> Self {
        match error.code {
            ErrorCode::InvalidToken => BearerError::from(error).into(),
            _ => Self::Request(error.into()),
        }
    }
}

impl From<BearerError> for Refused {
    fn from(error: BearerError) -> Self {
        Self::Token(error.bearer_only())
    }
}

impl From<JsonError> for Refused {
    fn from(error: JsonError) -> Self {
        Self::Request(error)
    }
}

/// The token of a request, which comes in the header and nowhere else.
fn bearer(request: &HttpRequest) -> Result<Option<&str>, Refused> {
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    match super::bearer::token(request, None)? {
        (Scheme::Bearer, token) => Ok(Some(token)),
        (Scheme::Dpop, _) => Err(BearerError::missing_token().into()),
    }
}

/// The body of a request that says that it is JSON.
fn json(request: &HttpRequest, body: Result<JsonBody, JsonError>) -> Result<web::Bytes, Refused> {
    let JsonBody(body) = body?;
    match is_json(request.headers()) {
        true => Ok(body),
        false => {
            let says = "send the metadata as application/json";
            Err(OAuthError::new(ErrorCode::InvalidClientMetadata, says).into())
        }
    }
}
