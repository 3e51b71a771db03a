//! The pages of the app: plain HTML, one style sheet, no script.

use super::{
    BASE64_URL_SAFE_NO_PAD, Engine, Error, HttpRequest, HttpResponse, LoginWith, Map, Person,
    ResponseError, StatusCode, Value, Write, call_orders, fmt, header, web,
};

const STYLE: &str = include_str!("style.css");

/// `GET /`
pub async fn home(app: web::Data<LoginWith>, request: HttpRequest) -> HttpResponse {
    let seen =
        app.with_session(&request, |session| (session.person.clone(), session.notice.take()));
    let (person, notice) = seen.unwrap_or_default();
    let Some(person) = person else { return page(&app, StatusCode::OK, "Welcome", WELCOME) };
    let orders = call_orders(&app, &request, &person, None).await;
    page(&app, StatusCode::OK, "Signed in", &signed_in(&person, notice, &orders))
}

/// `GET /style.css`
pub async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(STYLE)
}

const WELCOME: &str = r#"<h1>Your orders, one sign-in away</h1>
<p>This little app knows nobody. It asks Countersign who you are.</p>
<p><a class="button" id="sign-in" href="/login">Sign in with Countersign</a></p>"#;

fn signed_in(person: &Person, notice: Option<String>, orders: &(String, String)) -> String {
    let mut main = String::new();
    if let Some(notice) = notice {
        put(&mut main, format_args!(r#"<p role="status">{}</p>"#, Escaped(&notice)));
    }
    put(
        &mut main,
        format_args!(
            r#"<h1 id="person">Hello, {}</h1>
<p id="email">{}</p>
<form class="row" method="post" action="/logout"><button id="sign-out">Sign out</button></form>
<section><h2>Your orders</h2>
<p>The orders API answered <strong id="orders-status">{}</strong></p>
<pre id="orders" tabindex="0">{}</pre>
<form class="row" method="post" action="/order">
<label>New order <input name="item" required maxlength="100" value="A pot of tea"></label>
<button id="place-order">Order</button></form>
<form class="row" method="get" action="/"><button id="ask-again">Ask again</button></form>"#,
            Escaped(&person.name),
            Escaped(&person.email),
            Escaped(&orders.0),
            Escaped(&pretty(&orders.1)),
        ),
    );
    if person.refresh_token.is_some() {
        main += r#"<form class="row" method="post" action="/refresh">
<button id="refresh">Renew the tokens</button></form>"#;
    }
    main += "</section>\n<section><h2>What the ID token says</h2><table id=\"claims\">";
    for (name, value) in claims(&person.id_token.to_string()) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (name, value) = (Escaped(&name), Escaped(&value));
        put(&mut main, format_args!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>\n"));
    }
    main + "</table></section>"
}

/// The claims of an ID token that was verified when it came.
fn claims(token: &str) -> Map<String, Value> {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    serde_json::from_slice(&payload).unwrap_or_default()
}

fn pretty(text: &str) -> String {
    let value: Option<Value> = serde_json::from_str(text).ok();
    value.map_or_else(|| text.to_owned(), |value| format!("{value:#}"))
}

fn page(app: &LoginWith, status: StatusCode, title: &str, main: &str) -> HttpResponse {
    // Signing out ends with a redirect to the provider, which `form-action` also asks about.
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {}; base-uri 'none'; \
         frame-ancestors 'none'",
        origin(&app.config.issuer)
    );
    document(status, title, main, &policy)
}

fn origin(url: &str) -> String {
    let url = url::Url::parse(url).map(|url| url.origin().ascii_serialization());
    url.unwrap_or_default()
}

fn document(status: StatusCode, title: &str, main: &str, policy: &str) -> HttpResponse {
    let body = format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – Orders</title><link rel="stylesheet" href="/style.css"></head>
<body><header><a href="/">Orders</a> <span>a demo app</span></header>
<main>{main}</main></body></html>"#,
        title = Escaped(title),
    );
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body)
}

/// A fault that ends in a page which says what went wrong.
#[derive(Debug)]
pub struct Problem(pub String);

impl Problem {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<E: Error + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(chain(&error))
    }
}

/// An error with its causes.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }

    fn error_response(&self) -> HttpResponse {
        let main = format!(
            r#"<h1>That did not work</h1><p id="problem" role="alert">{}</p>
<p><a class="button" href="/login">Try again</a> <a href="/">Back to the start</a></p>"#,
            Escaped(&self.0)
        );
        let policy = "default-src 'none'; style-src 'self'; base-uri 'none'";
        document(self.status_code(), "Error", &main, policy)
    }
}

fn put(page: &mut String, text: fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a String takes what is written to it");
}

/// Text that comes from elsewhere, made safe for HTML.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
