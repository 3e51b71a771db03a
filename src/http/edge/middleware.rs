//! The one middleware: refuses, guards, finishes, counts and logs.

use super::access::Visit;
use super::fault::{Fault, Lost, Reader};
use super::forwarded::client_address;
use super::headers::{self, GrantedOrigin};
use super::limits;
use super::policy::EdgePolicy;
use super::request::Origin;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::{ConnectionType, Method, StatusCode, header};
use actix_web::{Error, HttpMessage};
use std::any::Any;
use std::future::{Future, Ready, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

type Answer = Result<ServiceResponse<BoxBody>, Error>;

/// The middleware, to be the outermost of an app.
pub struct Edge {
    policy: Arc<EdgePolicy>,
}

impl Edge {
    /// The edge of an app with this policy.
    pub const fn new(policy: Arc<EdgePolicy>) -> Self {
        Self { policy }
    }
}

impl<S> Transform<S, ServiceRequest> for Edge
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = EdgeService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(EdgeService(Rc::new(Inner { service, policy: self.policy.clone() }))))
    }
}

/// [`Edge`] around the services of one worker.
pub struct EdgeService<S>(Rc<Inner<S>>);

struct Inner<S> {
    service: S,
    policy: Arc<EdgePolicy>,
}

impl<S> Service<ServiceRequest> for EdgeService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Answer>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move { inner.serve(request).await })
    }
}

impl<S> Inner<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    async fn serve(&self, request: ServiceRequest) -> Answer {
        let origin = self.origin(&request);
        request.extensions_mut().insert(origin);
        let visit = Visit::begin(origin, request.method().clone(), request.path());
        let reader = Reader::of(request.headers());
        let answer = match limits::check(request.head(), &self.policy) {
            Ok(()) => self.answer(request, &visit, &reader).await,
            Err(status) => {
                let fault = Fault { status, code: visit.code() };
                Ok(request.into_response(fault.response(&reader)))
            }
        };
        match answer {
            Ok(response) => Ok(self.finish(response, &visit, &reader)),
            Err(error) => {
                let status = error.as_response_error().status_code();
                visit.end(&self.policy, status, || visit.endpoint.to_owned());
                Err(error)
            }
        }
    }

    fn origin(&self, request: &ServiceRequest) -> Origin {
        let proxies = (self.policy.trusted_proxies.as_slice(), self.policy.forwarded_header);
        let address =
            request.peer_addr().map(|peer| client_address(peer.ip(), request.headers(), proxies));
        Origin { code: self.policy.codes.next(), address }
    }

    /// Runs the handler within its deadline and survives its panic.
    async fn answer(&self, mut request: ServiceRequest, visit: &Visit, reader: &Reader) -> Answer {
        if visit.method == Method::HEAD {
            // HEAD is GET without the body (RFC 9110 §9.3.2), which the HTTP layer leaves out.
            request.head_mut().method = Method::GET;
        }
        let deadline = self.policy.deadline_for(request.path());
        let handler = async { self.service.call(request).await };
        let status = match tokio::time::timeout(deadline, survive(handler)).await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(panic)) => {
                self.policy.metrics.panics.inc();
                let (code, said) = (visit.code(), said(panic.as_ref()));
                tracing::error!(request_code = %code, endpoint = visit.endpoint, said, "panic");
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Err(_) => {
                self.policy.metrics.deadlines.inc();
                let code = visit.code();
                tracing::error!(request_code = %code, endpoint = visit.endpoint, "out of time");
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        let fault = Fault { status, code: visit.code() };
        Err(Lost { fault, reader: reader.clone(), https: self.policy.https }.into())
    }

    fn finish(
        &self,
        mut response: ServiceResponse<BoxBody>,
        visit: &Visit,
        reader: &Reader,
    ) -> ServiceResponse<BoxBody> {
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            response = self.finish_failure(response, visit, reader);
        }
        let granted = match response.request().headers().contains_key(header::ORIGIN) {
            true => response.request().extensions().get::<GrantedOrigin>().cloned(),
            false => None,
        };
        if !self.policy.readiness.is_on() {
            // Whoever keeps the connection would ask again here, when nobody is left to answer.
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        let headers = response.headers_mut();
        if let Some(GrantedOrigin(origin)) = granted {
            headers::allow_origin(headers, &origin);
        }
        headers::secure(headers, self.policy.https);
        visit.end(&self.policy, status, || match response.request() {
            request if visit.is_at(request.path()) => request.path().to_owned(),
            request => request.match_pattern().unwrap_or_else(|| visit.endpoint.to_owned()),
        });
        response
    }

    fn finish_failure(
        &self,
        response: ServiceResponse<BoxBody>,
        visit: &Visit,
        reader: &Reader,
    ) -> ServiceResponse<BoxBody> {
        visit.log_fault(&self.policy, response.response());
        let is_bare =
            matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0))
                && !response.headers().contains_key(header::CONTENT_TYPE);
        let mut response = match is_bare {
            true => filled(response, visit, reader),
            false => response,
        };
        let headers = response.headers_mut();
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers::no_store(headers);
        }
        headers::request_code(headers, visit.code());
        response
    }
}

/// Gives a bare refusal, such as the router's 404, its sentence. Its own headers stay.
fn filled(
    response: ServiceResponse<BoxBody>,
    visit: &Visit,
    reader: &Reader,
) -> ServiceResponse<BoxBody> {
    let fault = Fault { status: response.status(), code: visit.code() };
    let mut filled = fault.response(reader);
    for (name, value) in response.headers() {
        filled.headers_mut().append(name.clone(), value.clone());
    }
    response.into_response(filled)
}

/// Polls a future and catches its panic: a bug that hostile input finds must cost one request.
async fn survive<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("nothing")
}
