//! A browser without eyes: keeps cookies, posts our forms, and stops where it is sent to an app.

use super::test_server::PASSWORD;
use super::{TestServer, form};
use reqwest::header::HeaderMap;
use std::time::Duration;
use url::Url;

/// One browser. Clones share its cookies.
#[derive(Clone)]
pub struct Agent {
    pub http: reqwest::Client,
    pub base: String,
}

/// What the browser shows, or the redirect away from us that it was given.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    /// Where the browser is.
    pub url: Url,
}

/// The answer to an authorization request, as the app gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where it went, without what was added.
    pub to: String,
    pub params: Vec<(String, String)>,
    /// How it went.
    pub place: Place,
}

/// Where the parameters of an answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Query,
    Fragment,
    Form,
}

impl Agent {
    /// A new browser that starts at a server.
    pub fn new(server: &TestServer) -> Self {
        Self::at(&server.base)
    }

    /// A new browser that starts at an address.
    pub fn at(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()
            .expect("a client can be made");
        Self { http, base: base.to_owned() }
    }

    /// The same browser, turned to another instance.
    pub fn turned_to(&self, server: &TestServer) -> Self {
        Self { base: server.base.clone(), ..self.clone() }
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) }
    }

    /// Opens an address, without following where it leads.
    pub async fn get(&self, path: &str) -> Page {
        let request = self.http.get(self.url(path));
        Page::read(request.send().await.expect("the server answers")).await
    }

    /// Posts a form, without following where it leads.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Page {
        let request = self.http.post(self.url(path)).form(form);
        Page::read(request.send().await.expect("the server answers")).await
    }

    /// Opens an address and goes where our own pages lead.
    pub async fn open(&self, path: &str) -> Page {
        self.follow(self.get(path).await).await
    }

    /// Goes on as long as redirects stay with us.
    pub async fn follow(&self, mut page: Page) -> Page {
        for _ in 0..8 {
            match page.location().filter(|to| to.starts_with('/')).map(str::to_owned) {
                Some(to) => page = self.get(&to).await,
                None => return page,
            }
        }
        panic!("redirects go round in circles: {}", page.url);
    }

    /// Posts the form of a page with these fields added, and goes where our own pages lead.
    pub async fn submit(&self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let (csrf, txn) = (page.hidden("csrf"), page.hidden("txn"));
        let mut form = vec![("csrf", csrf.as_str())];
        if !txn.is_empty() {
            form.push(("txn", txn.as_str()));
        }
        form.extend_from_slice(fields);
        self.follow(self.post(path, &form).await).await
    }

    /// Sends the form that a page posts to `path`, with these fields as they are here and all others as
    /// they came.
    pub async fn change(&self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let all = form::fields(&page.body, path, "");
        let kept = all.iter().filter(|(name, _)| fields.iter().all(|(other, _)| other != name));
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        self.post(path, &kept.chain(fields.iter().copied()).collect::<Vec<_>>()).await
    }

    /// Signs in on a sign-in page.
    pub async fn log_in(&self, page: &Page, user: &str) -> Page {
        self.log_in_with(page, user, PASSWORD).await
    }

    /// Signs in on a sign-in page with a password of one's own.
    pub async fn log_in_with(&self, page: &Page, user: &str, password: &str) -> Page {
        page.expect_login();
        self.submit(page, "/login", &[("username", user), ("password", password)]).await
    }

    /// Signs in without any app.
    pub async fn sign_in(&self, user: &str) {
        let page = self.get("/login").await;
        let form = [("username", user), ("password", PASSWORD)];
        let csrf = page.hidden("csrf");
        let txn = page.hidden("txn");
        let form = [&[("csrf", csrf.as_str()), ("txn", txn.as_str())], &form[..]].concat();
        let page = self.post("/login", &form).await;
        assert_eq!(page.status, 303, "{}", page.body);
    }

    /// A browser in which an administrator is signed in.
    pub async fn administrator(server: &TestServer) -> Self {
        server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
        let agent = Self::new(server);
        agent.sign_in("root").await;
        agent
    }

    /// Opens the page of a client, as an administrator, and posts its form with one part filled in anew.
    pub async fn save(&self, client_id: &str, part: &str, fields: &[(&str, &str)]) -> Page {
        let path = format!("/admin/clients/{client_id}");
        let page = self.open(&path).await;
        let section = match part {
            "addresses" => "ru",
            "access" => "ac",
            "proof" => "pf",
            _ => "rq",
        };
        let others = form::fields(&page.body, &path, section);
        let others = others.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<(&str, &str)> = others.chain(fields.iter().copied()).collect();
        self.follow(self.post(&path, &all).await).await
    }

    /// Presses the button on the consent page.
    pub async fn decide(&self, page: &Page, decision: &str) -> Page {
        page.expect_consent();
        self.submit(page, "/consent", &[("decision", decision)]).await
    }
}

impl Page {
    /// Reads an answer to its end.
    pub async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let url = response.url().clone();
        let body = response.text().await.expect("the answer is text");
        Self { status, headers, body, url }
    }

    /// One header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where a redirect leads.
    pub fn location(&self) -> Option<&str> {
        self.headers.get("location").map(|value| value.to_str().expect("an address is ASCII"))
    }

    /// The value of the first field of this name; empty when there is none.
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.body.split_once(&start).map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split('"').next()).map(unescape).unwrap_or_default()
    }

    /// What stands in the field with an id.
    pub fn value(&self, id: &str) -> Option<String> {
        self.attribute_after(&format!("<input id=\"{id}\""), "value")
    }

    fn attribute_after(&self, anchor: &str, attribute: &str) -> Option<String> {
        let rest = self.body.split_once(anchor)?.1;
        let rest = rest.split_once(&format!("{attribute}=\""))?.1;
        rest.split('"').next().map(unescape)
    }

    /// Whether the page holds this element id.
    pub fn has_id(&self, id: &str) -> bool {
        self.body.contains(&format!("id=\"{id}\""))
    }

    /// It is the sign-in page.
    #[track_caller]
    pub fn expect_login(&self) -> &Self {
        assert!(self.has_id("login-submit"), "{} {} {}", self.status, self.url, self.body);
        self
    }

    /// It is the consent page.
    #[track_caller]
    pub fn expect_consent(&self) -> &Self {
        assert!(self.has_id("consent-allow"), "{} {} {}", self.status, self.url, self.body);
        self
    }

    /// It is our own error page: the browser stays with us.
    #[track_caller]
    pub fn expect_error_page(&self) -> &Self {
        assert_eq!(self.status, 400, "{:?} {}", self.headers, self.body);
        assert!(self.location().is_none(), "{:?}", self.location());
        assert!(self.header("refresh").is_empty());
        assert!(self.header("content-type").starts_with("text/html"), "{:?}", self.headers);
        self
    }

    /// The answer that this page or redirect takes to the app, if it does.
    pub fn answer(&self) -> Option<Answer> {
        if let Some(to) = self.location() {
            return Some(Answer::of_url(to));
        }
        let refresh = self.header("refresh");
        if let Some((_, to)) = refresh.split_once("url=") {
            let link = self.attribute_after("id=\"continue\"", "href").expect("it has a link");
            assert_eq!(Answer::of_url(&link), Answer::of_url(to));
            return Some(Answer::of_url(to));
        }
        self.body.contains("data-auto-submit").then(|| self.posted_answer()).flatten()
    }

    fn posted_answer(&self) -> Option<Answer> {
        let form = self.body.split_once("<form ")?.1.split_once("</form>")?.0;
        let to = form.split_once("action=\"")?.1.split('"').next().map(unescape)?;
        let fields = form.split("<input type=\"hidden\" name=\"").skip(1);
        let params = fields.filter_map(|field| {
            let (name, rest) = field.split_once("\" value=\"")?;
            Some((unescape(name), unescape(rest.split('"').next()?)))
        });
        Some(Answer { to, params: params.collect(), place: Place::Form })
    }

    /// The answer, which must be there.
    #[track_caller]
    pub fn expect_answer(&self) -> Answer {
        let answer = self.answer();
        answer.unwrap_or_else(|| panic!("{} {} {}", self.status, self.url, self.body))
    }

    /// The error that the app is told.
    #[track_caller]
    pub fn expect_refusal(&self, error: &str) -> Answer {
        let answer = self.expect_answer();
        assert_eq!(answer.get("error"), error, "{answer:?}");
        assert_eq!(answer.get("code"), "", "{answer:?}");
        let known = ["error", "error_description", "state", "iss"];
        let beside = Url::parse(&answer.to).map(|url| url.query().is_some()).unwrap_or_default();
        let only = answer.params.iter().all(|(name, _)| known.contains(&name.as_str()));
        assert!(only || beside, "{answer:?}");
        answer
    }
}

impl Answer {
    fn of_url(text: &str) -> Self {
        let url = Url::parse(text).unwrap_or_else(|_| panic!("not an address: {text}"));
        let pairs =
            |text: &str| url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        if let Some(fragment) = url.fragment() {
            // What was registered with a query keeps it.
            let to = text.split('#').next().unwrap_or_default().to_owned();
            return Self { to, params: pairs(fragment), place: Place::Fragment };
        }
        let to = text.split('?').next().unwrap_or_default().to_owned();
        Self { to, params: pairs(url.query().unwrap_or_default()), place: Place::Query }
    }

    /// A parameter that comes at most once; empty when it is not there.
    #[track_caller]
    pub fn get(&self, name: &str) -> &str {
        let mut values = self.params.iter().filter(|(own, _)| own == name);
        let first = values.next().map(|(_, value)| value.as_str()).unwrap_or_default();
        assert!(values.next().is_none(), "{name} comes twice: {self:?}");
        first
    }

    /// Whether a parameter came at all.
    pub fn has(&self, name: &str) -> bool {
        self.params.iter().any(|(own, _)| own == name)
    }
}

/// Undoes the escapes of HTML text.
pub fn unescape(text: &str) -> String {
    let mut plain = text.to_owned();
    for (escape, character) in
        [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
    {
        plain = plain.replace(escape, character);
    }
    plain
}
