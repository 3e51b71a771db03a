//! Who stands before a page: the browser, its session if it has one, and how it wants to read.

use crate::domain::audit::Actor;
use crate::domain::authorize::interaction::{Interaction, InteractionError};
use crate::domain::digest::digest;
use crate::domain::federation::{FederationError, Held};
use crate::domain::identity::sessions::{self, BrowserInfo, SignedIn};
use crate::http::State;
use crate::http::edge::{self, RequestInfo};
use crate::http::page::{LANGUAGE_COOKIE, Notice, Page, THEME_COOKIE, Theme};
use crate::http::text::{Language, Text};
use crate::http::views::error::ErrorPage;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use actix_web::cookie::Cookie;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use std::convert::Infallible;
use std::future::{Ready, ready};

/// Stands for every browser; a mark has 43 characters.
const UNBOUND: &str = "";

/// What a page needs to know of its visitor. An extractor that never fails.
pub struct Visitor {
    pub state: web::Data<State>,
    pub info: RequestInfo,
    /// The value of the session cookie.
    pub session: Option<String>,
    /// What the browser keeps of its sign-in for scripts to see.
    pub session_state: Option<String>,
    /// What the browser holds while its person is at another provider, sealed.
    held: Option<String>,
    /// The mark of this browser, new when it had none.
    pub browser: String,
    /// Whether the browser sent its mark: a form without it comes from nowhere.
    pub browser_is_known: bool,
    /// Whether the answer may mark the browser. Not after a form from another site: the browser
    /// held its mark back there, and a new one would void the pages it has open.
    pub may_mark: bool,
    /// The user that this browser remembers to have signed in.
    pub known_user: Option<String>,
    /// What was just done, to be said once.
    pub notice: Option<Notice>,
    language: Language,
    theme: Option<Theme>,
    here: Option<String>,
}

impl FromRequest for Visitor {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<State>>().cloned();
        let state = state.expect("the routes are configured with their state");
        ready(Ok(Self::of(request, state)))
    }
}

impl Visitor {
    /// Reads what a request tells of its visitor.
    pub fn of(request: &HttpRequest, state: web::Data<State>) -> Self {
        let cookie = |name: &str| request.cookie(name).map(|cookie| cookie.value().to_owned());
        let query = Params::parse(request.query_string().as_bytes()).unwrap_or_default();
        let accepted = request.headers().get(header::ACCEPT_LANGUAGE);
        let language = Language::choose(
            query.one("ui_locales").ok().flatten(),
            cookie(LANGUAGE_COOKIE).as_deref(),
            accepted.and_then(|value| value.to_str().ok()),
        );
        let sent = state.cookies.browser(request).filter(|mark| mark.len() == 43);
        let known = state.cookies.known(request);
        Self {
            info: RequestInfo::of(request),
            session: state.cookies.session(request),
            session_state: state.cookies.state(request),
            held: state.cookies.held(request),
            browser_is_known: sent.is_some(),
            may_mark: request.method() != "POST",
            browser: sent.unwrap_or_else(|| state.provider.random.secret()),
            known_user: known.and_then(|kept| state.provider.browser.known_user(&kept)),
            notice: state.cookies.notice(request).and_then(|code| Notice::from_code(&code)),
            theme: cookie(THEME_COOKIE).and_then(|name| Theme::from_name(&name)),
            here: request
                .uri()
                .path_and_query()
                .filter(|_| request.method() == "GET")
                .map(ToString::to_string),
            language,
            state,
        }
    }

    /// The frame of a page for this visitor.
    pub fn page(&self) -> Page {
        Page {
            theme: self.theme,
            status: self.notice.map(|notice| notice.words(Text::new(self.language))),
            csrf: self.state.provider.browser.csrf_token(&self.browser),
            request_code: self.info.code.to_string(),
            here: self.here.clone(),
            ..Page::new(self.language)
        }
    }

    /// The same visitor, in the language that an app asked for.
    pub fn speaking(mut self, ui_locales: Option<&str>) -> Self {
        if let Some(language) =
            ui_locales.and_then(|tags| tags.split(' ').find_map(Language::from_tag))
        {
            self.language = language;
        }
        self
    }

    /// Who acts here, for the audit log.
    pub fn actor(&self, name: String) -> Actor {
        self.info.actor(name)
    }

    /// Who acts here before anybody signed in.
    pub fn stranger(&self) -> Actor {
        self.info.actor("browser")
    }

    /// Where the browser is and what it says it is.
    pub fn browser_info(&self) -> BrowserInfo {
        BrowserInfo {
            actor: self.stranger(),
            user_agent: self.info.user_agent.clone(),
            upstream: None,
        }
    }

    /// The person who is signed in here.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn signed_in(&self) -> Result<Option<SignedIn>, OAuthError> {
        match self.session.as_deref() {
            Some(cookie) => sessions::find(&self.state.provider, cookie).await,
            None => Ok(None),
        }
    }

    /// Takes in that somebody has just signed in, and gives what the browser has to keep.
    pub fn enter(&mut self, user_id: &str, cookie: String, remember: bool) -> Vec<Cookie<'static>> {
        let (cookies, provider) = (self.state.cookies, self.state.provider.clone());
        let kept = remember.then_some(provider.sessions.absolute);
        let known = provider.browser.known_browser(provider.random.as_ref(), user_id);
        let mut set = vec![cookies.set_session(cookie.clone(), kept), cookies.set_known(known)];
        let id_hash = digest(&cookie);
        self.session = Some(cookie);
        if provider.features.session_management {
            let state = provider.browser.session_state(provider.random.as_ref(), &id_hash);
            self.session_state = Some(state.clone());
            set.push(cookies.set_state(state, kept));
        }
        set
    }

    /// What the browser holds of a sign-in at this provider.
    ///
    /// # Errors
    ///
    /// `Foreign` when there is none of this browser that is young enough.
    pub fn held(&self, slug: &str) -> Result<Held, FederationError> {
        let sealed = self.held.as_deref().ok_or(FederationError::Foreign)?;
        let provider = &self.state.provider;
        provider.upstreams.held(&self.browser, slug, sealed, provider.now())
    }

    /// Lets the browser hold what [`Visitor::held`] gives back.
    pub fn hold(&self, response: HttpResponse, sealed: &str) -> HttpResponse {
        match self.state.cookies.set_held(sealed) {
            Some(cookies) => cookies.iter().fold(response, with_cookie),
            None => self.fault(&OAuthError::server_error("a request too large to be held")),
        }
    }

    /// Takes it from the browser: it is used.
    pub fn let_go(&self, response: HttpResponse) -> HttpResponse {
        match &self.held {
            Some(_) => self.hold(response, ""),
            None => response,
        }
    }

    /// Takes from the browser what it keeps of a sign-in.
    pub fn leave(&self, response: HttpResponse) -> HttpResponse {
        self.leave_state(with_cookie(response, &self.state.cookies.clear_session()))
    }

    /// Takes from the browser what scripts see of a sign-in.
    pub fn leave_state(&self, response: HttpResponse) -> HttpResponse {
        match self.session_state {
            Some(_) => with_cookie(response, &self.state.cookies.clear_state()),
            None => response,
        }
    }

    /// Whether a form carries the token of a page that this browser was shown.
    pub fn posted_from_our_page(&self, form: &Params) -> bool {
        let sent = form.one("csrf").ok().flatten().unwrap_or_default();
        self.browser_is_known && self.state.provider.browser.is_csrf_token(&self.browser, sent)
    }

    /// Seals an interaction for this browser.
    pub fn seal(&self, interaction: &Interaction) -> String {
        let provider = &self.state.provider;
        provider.browser.seal(provider.random.as_ref(), &self.browser, interaction)
    }

    /// Seals a request that has gone nowhere yet, for whichever browser follows the address: it is
    /// worth no more than the request itself.
    pub fn seal_unbound(&self, interaction: &Interaction) -> String {
        let provider = &self.state.provider;
        provider.browser.seal(provider.random.as_ref(), UNBOUND, interaction)
    }

    /// Opens what [`Visitor::seal_unbound`] sealed.
    ///
    /// # Errors
    ///
    /// See [`InteractionError`].
    pub fn open_unbound(&self, sealed: &str) -> Result<Interaction, InteractionError> {
        self.state.provider.browser.open(UNBOUND, sealed, self.state.provider.now())
    }

    /// Opens what was sealed for this browser.
    ///
    /// # Errors
    ///
    /// See [`InteractionError`].
    pub fn open(&self, sealed: &str) -> Result<Interaction, InteractionError> {
        self.state.provider.browser.open(&self.browser, sealed, self.state.provider.now())
    }

    /// The page for a fault of ours, or for whoever may not do this any more.
    pub fn fault(&self, error: &OAuthError) -> HttpResponse {
        if error.code == ErrorCode::AccessDenied {
            return ErrorPage::forbidden(self.page()).respond();
        }
        let mut shown = ErrorPage::server(self.page());
        shown.status = edge::error::status_of(error);
        let mut response = shown.respond();
        if error.code == ErrorCode::TemporarilyUnavailable {
            edge::headers::retry_after(response.headers_mut(), 1);
        }
        edge::error::note_fault(&mut response, error);
        response
    }

    /// A redirect to the page that says what was done.
    pub fn done(&self, to: &str, notice: Notice) -> HttpResponse {
        with_cookie(see_other(to), &self.state.cookies.set_notice(notice.code()))
    }

    /// Takes the notice away with the page that says it.
    pub fn said(&self, response: HttpResponse) -> HttpResponse {
        match self.notice {
            Some(_) => with_cookie(response, &self.state.cookies.clear_notice()),
            None => response,
        }
    }

    /// Gives the browser its mark with a response, when it had none.
    pub fn mark(&self, response: HttpResponse) -> HttpResponse {
        match self.browser_is_known || !self.may_mark {
            true => response,
            false => with_cookie(response, &self.state.cookies.set_browser(self.browser.clone())),
        }
    }
}

fn with_cookie(mut response: HttpResponse, cookie: &Cookie<'_>) -> HttpResponse {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
    response
}

/// A redirect that is always followed by GET (RFC 9110 §15.4.4): a password is never posted on.
pub fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, to))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}
