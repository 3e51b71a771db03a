//! Protects a whole scope of an actix application: every request below it needs a good token.

use super::error::VerifyError;
use super::extractor::{Checked, Refusal, check, sent_token};
use super::needs::Needs;
use super::revocations::StalenessPolicy;
use super::verify::Verifier;
use actix_web::body::EitherBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::Method;
use actix_web::{Error, HttpMessage, ResponseError, web};
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

/// A middleware that lets only good tokens through.
///
/// ```ignore
/// web::scope("/payments")
///     .wrap(Protect::default().needs(Needs::default().scope("pay")).staleness(StalenessPolicy::Strict))
/// ```
///
/// Handlers below may name an `AccessToken`: it is the one that was checked here. A preflight
/// request of a browser (`OPTIONS`) brings no token, so it is let through when
/// [`Protect::allow_preflight`] says so.
#[derive(Debug, Clone, Default)]
pub struct Protect {
    needs: Needs,
    staleness: Option<StalenessPolicy>,
    allow_preflight: bool,
}

impl Protect {
    /// What is needed besides a good token.
    #[must_use]
    pub fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    /// What to do here when the list is stale; what the verifier does everywhere, when not said.
    #[must_use]
    pub fn staleness(mut self, policy: StalenessPolicy) -> Self {
        self.staleness = Some(policy);
        self
    }

    /// Lets `OPTIONS` through, for whoever answers it inside.
    #[must_use]
    pub fn allow_preflight(mut self) -> Self {
        self.allow_preflight = true;
        self
    }

    async fn admit(&self, request: &ServiceRequest) -> Result<Checked, Refusal> {
        let of_place = request.app_data::<web::Data<Verifier>>();
        let of_place = of_place.ok_or(VerifyError::NotConfigured)?.get_ref().clone();
        let verifier = match self.staleness {
            Some(policy) => of_place.with_staleness(policy),
            None => of_place.clone(),
        };
        let refusal = |error| Refusal::of(error, &verifier);
        let checked = Checked::find(&request.extensions(), &verifier);
        let token = match checked {
            // An outer middleware has taken the proof, which is good once. Here the list may count
            // for more.
            Some(Checked { token, .. }) => {
                let (_, sent) = sent_token(request.request()).map_err(refusal)?;
                verifier.check_again(&token, sent).await.map_err(refusal)?;
                token
            }
            None => check(&verifier, request.request()).await.map_err(refusal)?,
        };
        let allowed = self.needs.check(&verifier, &token);
        let allowed = allowed.inspect_err(|error| tracing::debug!(%error, "token refused"));
        allowed.map_err(refusal)?;
        Ok(Checked { token, by: of_place })
    }
}

impl<S, B> Transform<S, ServiceRequest> for Protect
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Protected<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Protected { service: Rc::new(service), by: Rc::new(self.clone()) }))
    }
}

/// What [`Protect`] makes of a service.
pub struct Protected<S> {
    service: Rc<S>,
    by: Rc<Protect>,
}

impl<S, B> Service<ServiceRequest> for Protected<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (service, by) = (self.service.clone(), self.by.clone());
        Box::pin(async move {
            let passes = by.allow_preflight && request.method() == Method::OPTIONS;
            if !passes {
                match by.admit(&request).await {
                    Ok(checked) => drop(request.extensions_mut().insert(checked)),
                    Err(error) => {
                        let refusal = error.error_response();
                        return Ok(request.into_response(refusal).map_into_right_body());
                    }
                }
            }
            service.call(request).await.map(ServiceResponse::map_into_left_body)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::AccessToken;
    use crate::verifier::testing::{AUDIENCE, ISSUER, jwk_set, signing_key, token};
    use actix_web::http::StatusCode;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, HttpResponse};
    use serde_json::json;

    async fn status(by: Protect, request: TestRequest) -> StatusCode {
        let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(jwk_set(&[signing_key()]));
        let verifier = web::Data::new(builder.build().await.unwrap());
        let inside = |caller: Option<AccessToken>| async move {
            HttpResponse::Ok().body(caller.map(|caller| caller.subject).unwrap_or_default())
        };
        let app = App::new()
            .app_data(verifier)
            .service(web::scope("/in").wrap(by).route("", web::route().to(inside)));
        let app = init_service(app).await;
        call_service(&app, request.uri("/in").to_request()).await.status()
    }

    fn with(claims: serde_json::Value) -> TestRequest {
        let value = format!("Bearer {}", token(&claims));
        TestRequest::get().insert_header(("authorization", value))
    }

    #[actix_web::test]
    async fn without_a_good_token_nothing_below_is_reached() {
        let good = status(Protect::default(), with(json!({}))).await;
        assert_eq!(good, StatusCode::OK);
        for request in
            [TestRequest::get(), with(json!({ "aud": "other" })), with(json!({ "exp": 1 }))]
        {
            assert_eq!(status(Protect::default(), request).await, StatusCode::UNAUTHORIZED);
        }
    }

    #[actix_web::test]
    async fn what_a_scope_needs_every_route_below_needs() {
        let needs = |needs| Protect::default().needs(needs);
        let scope = Needs::default().scope("orders:read");
        assert_eq!(status(needs(scope), with(json!({}))).await, StatusCode::OK);
        for needed in [
            Needs::default().scope("orders:write"),
            Needs::default().role("admin"),
            Needs::default().group("shop"),
        ] {
            assert_eq!(status(needs(needed), with(json!({}))).await, StatusCode::FORBIDDEN);
        }
    }

    #[actix_web::test]
    async fn a_preflight_request_passes_only_where_it_may() {
        let options = || TestRequest::default().method(Method::OPTIONS);
        assert_eq!(status(Protect::default(), options()).await, StatusCode::UNAUTHORIZED);
        let open = Protect::default().allow_preflight();
        assert_eq!(status(open, options()).await, StatusCode::OK);
    }

    #[actix_web::test]
    async fn dp_06_one_proof_passes_a_place_within_a_place_and_its_needs() {
        use crate::jose::{SigningAlgorithm, SigningKey};
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let key = SigningKey::generate(SigningAlgorithm::ES256).unwrap();
        let token = token(&json!({ "cnf": { "jkt": key.kid() } }));
        let ath = BASE64_URL_SAFE_NO_PAD.encode(openssl::sha::sha256(token.as_bytes()));
        let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(jwk_set(&[signing_key()]));
        let verifier = web::Data::new(builder.build().await.unwrap());
        let inner = |needs| Protect::default().needs(needs);
        let answer = || web::get().to(|caller: AccessToken| async move { caller.subject });
        let (read, write) = ("orders:read", "orders:write");
        let app = App::new().app_data(verifier.clone()).service(
            web::scope("/orders")
                .wrap(Protect::default())
                .service(
                    web::resource("/read")
                        .wrap(inner(Needs::default().scope(read)))
                        .route(answer()),
                )
                .service(
                    web::resource("/write")
                        .wrap(inner(Needs::default().scope(write)))
                        .route(answer()),
                ),
        );
        let app = init_service(app).await;
        let now = crate::protocol::time::Clock::now(&crate::protocol::time::SystemClock);
        for (jti, path, status) in [
            ("1", "read", StatusCode::OK),
            ("2", "write", StatusCode::FORBIDDEN),
            ("1", "read", StatusCode::UNAUTHORIZED),
        ] {
            let htu = format!("{AUDIENCE}/orders/{path}");
            let claims = json!({ "jti": jti, "htm": "GET", "htu": htu, "ath": ath, "iat": now });
            let proof = key.sign_dpop_proof(&claims).unwrap();
            let request = TestRequest::get().uri(&format!("/orders/{path}"));
            let request = request.insert_header(("authorization", format!("DPoP {token}")));
            let request = request.insert_header(("dpop", proof)).to_request();
            assert_eq!(call_service(&app, request).await.status(), status, "{path}");
        }
    }
}
