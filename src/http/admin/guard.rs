//! Who may see the pages of administrators, and what makes a form one of ours.
//!
//! [`only_administrators`] stands before every page of the area (AD-01). It leaves the person it let
//! in with the request, and [`Admin`] takes it from there: a page that is mounted outside the guard
//! has no [`Admin`] and answers 403.

use crate::domain::Provider;
use crate::domain::audit::Actor;
use crate::domain::clients::management::ClientError;
use crate::domain::federation::management::UpstreamError;
use crate::domain::ground::Ground;
use crate::domain::identity::account::is_recent;
use crate::domain::identity::sessions::SignedIn;
use crate::domain::identity::users::AccountError;
use crate::domain::issuers::management::IssuerError;
use crate::domain::once;
use crate::domain::resources::management::ResourceError;
use crate::http::State;
use crate::http::edge::FormParams;
use crate::http::page::{Nav, Notice, Page};
use crate::http::views::error::ErrorPage;
use crate::http::visitor::{Visitor, see_other};
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

/// Forms that stand on the page above their address.
const PARTS: [&str; 1] = ["/subjects"];

/// The field of a form that holds [`Admin::mark`].
pub const MARK: &str = "once";

/// An answer that ends a handler early.
#[derive(Debug)]
pub struct Stop(pub HttpResponse);

impl From<Stop> for actix_web::Error {
    fn from(stop: Stop) -> Self {
        InternalError::from_response("the handler ended early", stop.0).into()
    }
}

/// What handlers of the area give.
pub type Answer = Result<HttpResponse, Stop>;

/// Lets administrators pass; everybody else signs in, or is told that this is not for them.
pub async fn only_administrators(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let visitor = visitor(request.request());
    let refused = match administrator(&visitor, &page_of(request.request())).await {
        Err(Stop(refused)) => refused,
        Ok(signed_in) => {
            request.extensions_mut().insert(Rc::new(signed_in));
            let answer = next.call(request).await?.map_into_boxed_body();
            let (request, response) = answer.into_parts();
            let shows = response.status().is_success() && request.method() == Method::GET;
            let response = if shows { visitor.said(response) } else { response };
            return Ok(ServiceResponse::new(request, visitor.mark(response)));
        }
    };
    Ok(request.into_response(refused))
}

/// The administrator who is here now; whoever else is told where to go.
async fn administrator(visitor: &Visitor, page: &str) -> Result<SignedIn, Stop> {
    match visitor.signed_in().await {
        Err(error) => Err(Stop(visitor.fault(&error))),
        Ok(None) => Err(Stop(sign_in(page, false))),
        Ok(Some(signed_in)) if !signed_in.is_admin() => {
            let email = Some(signed_in.user.email);
            Err(Stop(ErrorPage::forbidden(Page { email, ..visitor.page() }).respond()))
        }
        Ok(Some(signed_in)) => Ok(signed_in),
    }
}

fn visitor(request: &HttpRequest) -> Visitor {
    let state = request.app_data::<web::Data<State>>().cloned();
    Visitor::of(request, state.expect("the routes are configured with their state"))
}

fn sign_in(page: &str, again: bool) -> HttpResponse {
    let next: String = url::form_urlencoded::byte_serialize(page.as_bytes()).collect();
    see_other(&format!("/login?next={next}{}", if again { "&again=1" } else { "" }))
}

/// The page to come back to: this one, or for a form without a page of its own the one it stands on.
fn page_of(request: &HttpRequest) -> String {
    if request.method() == Method::GET {
        return request.uri().path_and_query().map_or("/admin", |path| path.as_str()).to_owned();
    }
    let path = request.path();
    let above = PARTS.into_iter().find_map(|part| path.strip_suffix(part));
    above.unwrap_or(path).to_owned()
}

/// The administrator who is here.
pub struct Admin {
    visitor: Visitor,
    signed_in: Rc<SignedIn>,
    page: String,
}

impl FromRequest for Admin {
    type Error = Stop;
    type Future = Ready<Result<Self, Stop>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let visitor = visitor(request);
        let signed_in = request.extensions().get::<Rc<SignedIn>>().cloned();
        let page = page_of(request);
        ready(match signed_in {
            Some(signed_in) => Ok(Self { visitor, signed_in, page }),
            None => Err(Stop(ErrorPage::forbidden(visitor.page()).respond())),
        })
    }
}

impl Admin {
    /// The frame of a page.
    pub fn page(&self, nav: Nav) -> Page {
        let email = Some(self.signed_in.user.email.clone());
        Page { email, is_admin: true, nav, ..self.visitor.page() }
    }

    /// The provider.
    pub fn provider(&self) -> &Provider {
        &self.visitor.state.provider
    }

    /// What changes of accounts and clients need. Each looks again at whether the person may.
    pub fn ground(&self) -> Ground {
        self.provider().ground_of_admin(&self.signed_in)
    }

    /// Who acts, for the audit log.
    pub fn actor(&self) -> Actor {
        self.visitor.actor(format!("user:{}", self.signed_in.user.id))
    }

    /// Whether an account is that of the administrator who is here.
    pub fn is(&self, user_id: &str) -> bool {
        self.signed_in.user.id == user_id
    }

    /// A mark for a form that makes something, for [`Admin::first`].
    pub fn mark(&self) -> String {
        self.provider().random.id()
    }

    /// Whether a form comes for the first time: one that is sent again, by a reload, makes nothing.
    /// A form without a mark is always the first.
    pub async fn first(&self, posted: &Posted) -> Result<bool, Stop> {
        match posted.optional(MARK) {
            Some(mark) => self.read(once::is_first(&self.ground(), &mark).await),
            None => Ok(true),
        }
    }

    /// Stops unless the sign-in is younger than ten minutes. After a new one the person is back on
    /// the page where the form stands.
    pub fn recent(&self) -> Result<(), Stop> {
        self.recent_or(&self.page)
    }

    /// As [`Self::recent`], with the page to come back to.
    pub fn recent_or(&self, page: &str) -> Result<(), Stop> {
        match is_recent(&self.signed_in, self.provider().now()) {
            true => Ok(()),
            false => Err(Stop(sign_in(page, true))),
        }
    }

    /// A redirect to the page that says what was done.
    pub fn done(&self, to: &str, notice: Notice) -> HttpResponse {
        self.visitor.done(to, notice)
    }

    /// What was read, or the page for a fault of ours.
    pub fn read<T, E: Into<OAuthError>>(&self, result: Result<T, E>) -> Result<T, Stop> {
        result.map_err(|error| Stop(self.visitor.fault(&error.into())))
    }

    /// What was found, or the page that says that nothing is here.
    pub fn found<T>(&self, found: Option<T>) -> Result<T, Stop> {
        found.ok_or_else(|| Stop(ErrorPage::not_found(self.page(Nav::None)).respond()))
    }

    /// The page that names the rule in the way; `why` is the key of its sentence.
    pub fn conflict(&self, why: &str) -> Stop {
        Stop(ErrorPage::conflict(self.page(Nav::None), why).respond())
    }

    /// What was done to an account, or why not. Mistakes in a form are for the caller to show first.
    pub fn account<T>(&self, result: Result<T, AccountError>) -> Result<T, Stop> {
        result.map_err(|error| match error {
            AccountError::LastAdmin => self.conflict("error-last-admin"),
            AccountError::Yourself => self.conflict("error-yourself"),
            AccountError::NotFound => Stop(ErrorPage::not_found(self.page(Nav::None)).respond()),
            AccountError::Storage(error) => Stop(self.visitor.fault(&error.into())),
            other => Stop(self.visitor.fault(&OAuthError::server_error(other))),
        })
    }

    /// What was done to a client, or why not. Mistakes in a form are for the caller to show first.
    pub fn client<T>(&self, result: Result<T, ClientError>) -> Result<T, Stop> {
        result.map_err(|error| match error {
            ClientError::Changed => self.conflict("error-client-changed"),
            ClientError::NoSecret => self.conflict("error-client-no-secret"),
            ClientError::LastSecret => self.conflict("error-client-last-secret"),
            ClientError::NotFound | ClientError::SecretNotFound => {
                Stop(ErrorPage::not_found(self.page(Nav::None)).respond())
            }
            ClientError::Storage(error) => Stop(self.visitor.fault(&error.into())),
            other => Stop(self.visitor.fault(&OAuthError::server_error(other))),
        })
    }

    /// What was done to a resource, or why not. Mistakes in a form are for the caller to show first.
    pub fn resource<T>(&self, result: Result<T, ResourceError>) -> Result<T, Stop> {
        result.map_err(|error| match error {
            ResourceError::NoSecret => self.conflict("error-resource-no-secret"),
            ResourceError::NotFound => Stop(ErrorPage::not_found(self.page(Nav::None)).respond()),
            ResourceError::Storage(error) => Stop(self.visitor.fault(&error.into())),
            other => Stop(self.visitor.fault(&OAuthError::server_error(other))),
        })
    }

    /// Why nothing was done to an issuer. Mistakes in a form are for the caller to show first.
    pub fn issuer(&self, error: IssuerError) -> Stop {
        match error {
            IssuerError::NotFound => Stop(ErrorPage::not_found(self.page(Nav::None)).respond()),
            IssuerError::Storage(error) => Stop(self.visitor.fault(&error.into())),
            other => Stop(self.visitor.fault(&OAuthError::server_error(other))),
        }
    }

    /// What was done to a provider, or why not. Mistakes in a form are for the caller to show first.
    pub fn upstream<T>(&self, result: Result<T, UpstreamError>) -> Result<T, Stop> {
        result.map_err(|error| match error {
            UpstreamError::NotFound => Stop(ErrorPage::not_found(self.page(Nav::None)).respond()),
            UpstreamError::Storage(error) => Stop(self.visitor.fault(&error.into())),
            other => Stop(self.visitor.fault(&OAuthError::server_error(other))),
        })
    }

    /// Makes this process see a change at once: revocations, and what is cached.
    pub async fn changed(&self) -> Result<(), Stop> {
        let provider = self.provider();
        provider.forget();
        self.read(provider.upstreams.reload(&provider.db).await)?;
        self.read(self.provider().revocation.committed(&self.provider().db).await)
    }
}

/// The fields of a form that comes from a page of ours (AD-04), and from somebody who is an
/// administrator also when all of it has come.
pub struct Posted(pub Params);

impl FromRequest for Posted {
    type Error = Stop;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Stop>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (visitor, page) = (visitor(request), page_of(request));
        let form = FormParams::from_request(request, payload);
        Box::pin(async move {
            let form = form.await;
            // The body may have taken its time: the guard let in whoever was here before that.
            administrator(&visitor, &page).await?;
            let Ok(FormParams(form)) = form else {
                return Err(Stop(ErrorPage::request(visitor.page()).respond()));
            };
            match visitor.posted_from_our_page(&form) {
                true => Ok(Self(form)),
                false => Err(Stop(ErrorPage::form(visitor.page()).respond())),
            }
        })
    }
}

impl Posted {
    /// The value of a field without the space around it; empty when it is not there.
    pub fn field(&self, name: &'static str) -> String {
        self.0.one(name).ok().flatten().unwrap_or_default().trim().to_owned()
    }

    /// A field that may be left empty.
    pub fn optional(&self, name: &'static str) -> Option<String> {
        Some(self.field(name)).filter(|value| !value.is_empty())
    }

    /// Whether a checkbox is ticked.
    pub fn ticked(&self, name: &'static str) -> bool {
        self.0.one(name).ok().flatten() == Some("1")
    }

    /// A field as it was typed: a password may begin with a space.
    pub fn exact(&self, name: &'static str) -> Option<String> {
        self.0.one(name).ok().flatten().map(str::to_owned)
    }
}
