//! `POST /introspect` (RFC 7662 §2), also with a token for an answer (RFC 9701).

use crate::domain::tokens::introspection;
use crate::http::State;
use crate::http::edge::headers::no_store;
use crate::http::edge::{FormParams, JsonError, RequestInfo};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// An answer that is a token (RFC 9701 §4).
const TOKEN: &str = "application/token-introspection+jwt";

/// Says whether a token is good. `token_type_hint` is not needed: every kind is looked for (§2.1).
pub async fn introspect(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    FormParams(form): FormParams,
) -> Result<HttpResponse, JsonError> {
    let client = super::client_of(&request, &state, &info, &form).await?;
    form.one("token_type_hint")?;
    let token = form.required("token")?;
    let answer = introspection::introspect(&state.provider, &client, token).await?;
    let mut response = match wants_token(&request) {
        false => HttpResponse::Ok().json(answer),
        true => {
            let token = introspection::as_token(&state.provider, &client, answer).await?;
            HttpResponse::Ok().content_type(TOKEN).body(token)
        }
    };
    no_store(response.headers_mut());
    Ok(response)
}

/// Whether the caller would rather have a token than JSON (RFC 9110 §12.5.1).
fn wants_token(request: &HttpRequest) -> bool {
    let accepted =
        request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    let ranges = accepted.flat_map(|value| value.split(',')).map(weighed);
    let (mut token, mut json) = (0, 0);
    for (name, weight) in ranges {
        if name.eq_ignore_ascii_case(TOKEN) {
            token = weight;
        } else if name.eq_ignore_ascii_case("application/json") {
            json = weight;
        }
    }
    token > json
}

/// A media range and its weight in thousandths.
fn weighed(range: &str) -> (&str, u16) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
    let thousandths = (weight.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as u16;
    (name, thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_token_is_for_whoever_asks_for_one() {
        for (accept, is_token) in [
            ("application/token-introspection+jwt", true),
            ("Application/Token-Introspection+JWT;q=0.5", true),
            ("application/json;q=0.8, application/token-introspection+jwt", true),
            ("application/json, application/token-introspection+jwt;q=0.9", false),
            ("application/token-introspection+jwt;q=0", false),
            ("application/json", false),
            ("*/*", false),
            ("", false),
            ("application/jwt", false),
        ] {
            let request = TestRequest::get().insert_header((header::ACCEPT, accept));
            assert_eq!(wants_token(&request.to_http_request()), is_token, "{accept}");
        }
    }
}
