//! The person at an account page. Handlers take [`Here`] to show something and [`Posted`] to do
//! something; whoever is not signed in, or comes from no page of ours, never gets to a handler.

use crate::domain::Provider;
use crate::domain::audit::Actor;
use crate::domain::identity::account::is_recent;
use crate::domain::identity::sessions::SignedIn;
use crate::http::edge::{FormParams, JsonError};
use crate::http::interaction::{Visitor, fault, see_other};
use crate::http::page::{Nav, Notice, Page};
use crate::http::views::error::ErrorPage;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use actix_web::cookie::Cookie;
use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use std::future::Future;
use std::pin::Pin;

/// A page that is shown in place of the one that was asked for.
pub type Instead = InternalError<&'static str>;

/// What a handler answers.
pub type Answer = Result<HttpResponse, Instead>;

/// A signed-in person and their browser.
pub struct Here {
    pub visitor: Visitor,
    pub signed_in: SignedIn,
    path: String,
    notice: Option<Notice>,
}

/// [`Here`] with a form of a page of ours.
pub struct Posted {
    pub here: Here,
    pub form: Params,
}

/// `response` in place of what was asked for.
pub fn instead(why: &'static str, response: HttpResponse) -> Instead {
    InternalError::from_response(why, response)
}

impl Here {
    async fn of(request: HttpRequest) -> Result<Self, Instead> {
        let visitor = Visitor::extract(&request).await.unwrap_or_else(|never| match never {});
        let path = request.path().to_owned();
        let signed_in = match visitor.signed_in().await {
            Ok(Some(signed_in)) => signed_in,
            Ok(None) => {
                return Err(instead("not signed in", see_other(&format!("/login?next={path}"))));
            }
            Err(error) => return Err(instead("a fault", fault(&visitor, &error))),
        };
        let notice = visitor.state.cookies.notice(&request);
        let notice = notice.and_then(|code| Notice::from_code(&code));
        Ok(Self { visitor, signed_in, path, notice })
    }

    /// The provider.
    pub fn provider(&self) -> &Provider {
        &self.visitor.state.provider
    }

    /// The id of the person.
    pub fn user_id(&self) -> &str {
        &self.signed_in.user.id
    }

    /// The person, for the audit log.
    pub fn actor(&self) -> Actor {
        self.visitor.actor(format!("user:{}", self.user_id()))
    }

    /// The frame of a page at its place in the navigation.
    pub fn page(&self, nav: Nav) -> Page {
        let page = self.visitor.page();
        Page {
            nav,
            email: Some(self.signed_in.user.email.clone()),
            is_admin: self.signed_in.is_admin(),
            status: self.notice.map(|notice| notice.words(page.text)),
            ..page
        }
    }

    /// Sends a page: marks the browser, and takes out the notice that the page shows.
    pub fn show(&self, response: HttpResponse) -> HttpResponse {
        let response = self.visitor.mark(response);
        match self.notice {
            Some(_) => with_cookie(response, &self.visitor.state.cookies.clear_notice()),
            None => response,
        }
    }

    /// Leads to a page that says once what was done.
    pub fn done(&self, notice: Notice, to: &str) -> HttpResponse {
        with_cookie(see_other(to), &self.visitor.state.cookies.set_notice(notice.code()))
    }

    /// Goes on only when the person proved a moment ago who they are; else they sign in again.
    pub fn demand_recent(&self) -> Result<(), Instead> {
        if is_recent(&self.signed_in, self.provider().now()) {
            return Ok(());
        }
        let again = see_other(&format!("/login?next={}&again=1", self.path));
        Err(instead("the sign-in is too old", again))
    }

    /// The page for a fault of ours.
    pub fn fault(&self, error: &OAuthError) -> Instead {
        instead("a fault", fault(&self.visitor, error))
    }

    /// The page for what is not there, or is another's: nobody learns which.
    pub fn not_found(&self) -> Instead {
        let page = ErrorPage::not_found(self.visitor.page());
        instead("not found", self.visitor.mark(page.respond()))
    }
}

impl Posted {
    async fn of(
        request: HttpRequest,
        form: Result<FormParams, JsonError>,
    ) -> Result<Self, Instead> {
        let here = Here::of(request).await?;
        let refused = |page: ErrorPage| instead("the form", here.visitor.mark(page.respond()));
        let Ok(FormParams(form)) = form else {
            return Err(refused(ErrorPage::request(here.visitor.page())));
        };
        match here.visitor.posted_from_our_page(&form) {
            true => Ok(Self { here, form }),
            false => Err(refused(ErrorPage::form(here.visitor.page()))),
        }
    }

    /// A field as it was typed; empty when it is not there, or there twice.
    pub fn field(&self, name: &'static str) -> &str {
        self.form.one(name).ok().flatten().unwrap_or_default()
    }
}

impl FromRequest for Here {
    type Error = Instead;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Instead>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(Self::of(request.clone()))
    }
}

impl FromRequest for Posted {
    type Error = Instead;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Instead>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let form = FormParams::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move { Self::of(request, form.await).await })
    }
}

/// A response that also sets a cookie.
pub fn with_cookie(mut response: HttpResponse, cookie: &Cookie<'_>) -> HttpResponse {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
    response
}
