//! The authorization-code flow as a browser and a client drive it together.

use crate::config::{Client, Driver};
use crate::fault::{Fault, Outcome};
use crate::html::{self, Form};
use crate::http::{Agent, Request, Response};
use crate::oidc::{Authenticator, Endpoints, Expected, Keys, pkce, token};
use crate::url::{Url, push_pair, query_value};
use serde::Deserialize;
use serde_json::json;

/// Pages and redirects a flow may pass through before it counts as lost.
const MOST_STEPS: usize = 16;

/// Whose flow it is.
pub struct Party<'a> {
    pub endpoints: &'a Endpoints,
    pub keys: &'a Keys,
    pub driver: Driver,
    pub login_url: Option<&'a Url>,
    pub client: &'a Client,
    pub authenticator: &'a Authenticator,
    pub username: &'a str,
    pub password: &'a str,
}

/// A token endpoint answer. Fields a request does not ask for stay `None`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Tokens {
    pub access_token: Option<String>,
    pub id_token: Option<String>,
    pub refresh_token: Option<String>,
}

/// The values of one authorization request.
struct Asked {
    url: Url,
    state: String,
    nonce: String,
    verifier: String,
}

impl Party<'_> {
    /// One complete flow: authorize, code, token, verified ID token.
    ///
    /// Whether the user has to sign in is up to the agent's cookies.
    pub async fn run(&self, agent: &mut Agent) -> Outcome<Tokens> {
        let asked = self.ask()?;
        let callback = self.through_pages(agent, &asked).await?;
        if let Some(error) = query_value(&callback, "error") {
            return Err(Fault::new(format!("authorize: {error}")));
        }
        if query_value(&callback, "state").as_deref() != Some(&asked.state) {
            return Err(Fault::new("authorize: wrong state"));
        }
        let code =
            query_value(&callback, "code").ok_or_else(|| Fault::new("authorize: no code"))?;
        let mut form = String::with_capacity(512);
        push_pair(&mut form, "grant_type", "authorization_code");
        push_pair(&mut form, "code", &code);
        push_pair(&mut form, "redirect_uri", &self.client.redirect_uri);
        push_pair(&mut form, "code_verifier", &asked.verifier);
        self.authenticator.sign_form(&mut form)?;
        let tokens = token_request(agent, &self.endpoints.token, self.authenticator, &form).await?;
        let id_token =
            tokens.id_token.as_deref().ok_or_else(|| Fault::new("token: no id_token"))?;
        let expected = Expected {
            issuer: &self.endpoints.issuer,
            client: &self.client.id,
            nonce: &asked.nonce,
        };
        self.keys.verify_id_token(id_token, &expected)?;
        Ok(tokens)
    }

    fn ask(&self) -> Outcome<Asked> {
        let (verifier, challenge) = pkce();
        let (state, nonce) = (token(22), token(22));
        let mut url = self.endpoints.authorization.clone();
        let mut query = String::with_capacity(512);
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", &self.client.id),
            ("redirect_uri", &self.client.redirect_uri),
            ("scope", &self.client.scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ] {
            push_pair(&mut query, name, value);
        }
        for (name, value) in &self.client.extra {
            push_pair(&mut query, name, value);
        }
        url.target.push(if url.target.contains('?') { '&' } else { '?' });
        url.target.push_str(&query);
        Ok(Asked { url, state, nonce, verifier })
    }

    /// Follows redirects and fills in forms until the redirect URI is reached.
    async fn through_pages(&self, agent: &mut Agent, asked: &Asked) -> Outcome<String> {
        let mut page = asked.url.clone();
        let mut answer = agent.send(&Request::get(&page).with_cookies()).await?;
        let mut signed_in = false;
        for _ in 0..MOST_STEPS {
            if let Some(location) = onward(&mut answer)? {
                if location.starts_with(&self.client.redirect_uri) {
                    return Ok(location);
                }
                page = page.join(&location)?;
                answer = agent.send(&Request::get(&page).with_cookies()).await?;
                continue;
            }
            if let (Driver::JsonLogin, Some(url), false) = (self.driver, self.login_url, signed_in)
            {
                signed_in = true;
                self.post_credentials(agent, url).await?;
                page = asked.url.clone();
                answer = agent.send(&Request::get(&page).with_cookies()).await?;
                continue;
            }
            let forms = html::forms(answer.text());
            let form = form_to_fill(&forms).ok_or_else(|| Fault::new("page: no form to go on"))?;
            if form.password().is_some() && std::mem::replace(&mut signed_in, true) {
                return Err(Fault::new("login: refused"));
            }
            (page, answer) = self.submit(agent, &page, form).await?;
        }
        Err(Fault::new("page: too many steps"))
    }

    async fn post_credentials(&self, agent: &mut Agent, url: &Url) -> Outcome<()> {
        let body = json!({"username": self.username, "password": self.password}).to_string();
        let request = Request {
            method: "POST",
            url,
            headers: &[],
            body: Some(("application/json", &body)),
            cookies: true,
        };
        let answer = agent.send(&request).await?;
        match answer.status {
            200..=204 => Ok(()),
            status => Err(Fault::new(format!("login: http {status}"))),
        }
    }

    async fn submit(&self, agent: &mut Agent, page: &Url, form: &Form) -> Outcome<(Url, Response)> {
        let mut typed = Vec::with_capacity(2);
        if let Some(field) = form.username() {
            typed.push((&*field.name, self.username));
        }
        if let Some(field) = form.password() {
            typed.push((&*field.name, self.password));
        }
        let mut body = String::with_capacity(256);
        for (name, value) in form.submission(&typed) {
            push_pair(&mut body, name, value);
        }
        let mut action = page.join(&form.action)?;
        let answer = if form.post {
            agent.send(&Request::form(&action, &body).with_cookies()).await?
        } else {
            action.target = format!("{}?{body}", action.path());
            agent.send(&Request::get(&action).with_cookies()).await?
        };
        Ok((action, answer))
    }
}

/// Where a browser goes on by itself from this answer: a redirect, or a page that only says where
/// it returns to (by a `Refresh` header, or by its link `continue`). None: a page to fill in.
fn onward(answer: &mut Response) -> Outcome<Option<String>> {
    if answer.is_redirect() {
        return Ok(Some(answer.location.take().unwrap_or_default()));
    }
    if answer.status != 200 {
        return Err(Fault::new(format!("page: http {}", answer.status)));
    }
    Ok(answer.refresh.take().or_else(|| html::link(answer.text(), "continue")))
}

/// The form a person would fill in: the password, else a yes, else a name, else any that goes on.
fn form_to_fill(forms: &[Form]) -> Option<&Form> {
    let first = |wanted: &dyn Fn(&Form) -> bool| forms.iter().find(|form| wanted(form));
    first(&|form| form.password().is_some())
        .or_else(|| first(&Form::asks_for_approval))
        .or_else(|| first(&|form| form.post && form.username().is_some()))
        .or_else(|| first(&|form| form.post && form.accept_button().is_some()))
}

/// Posts to the token endpoint; anything but 200 and JSON is a fault, named by
/// its OAuth error code where there is one.
pub async fn token_request(
    agent: &mut Agent,
    url: &Url,
    authenticator: &Authenticator,
    form: &str,
) -> Outcome<Tokens> {
    let header = authenticator.header();
    let answer = agent.send(&Request::form(url, form).headers(header.as_slice())).await?;
    if answer.status != 200 {
        return Err(refusal("token", &answer));
    }
    let tokens: Tokens =
        serde_json::from_slice(&answer.body).map_err(|_| Fault::new("token: not JSON"))?;
    if tokens.access_token.is_none() {
        return Err(Fault::new("token: no access_token"));
    }
    Ok(tokens)
}

/// Names an unexpected answer by status and OAuth error code.
pub fn refusal(place: &str, answer: &Response) -> Fault {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
    }
    match serde_json::from_slice::<Refused>(&answer.body) {
        Ok(refused) => Fault::new(format!("{place}: http {} {}", answer.status, refused.error)),
        Err(_) => Fault::new(format!("{place}: http {}", answer.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response { status, body: body.into(), ..Response::default() }
    }

    #[test]
    fn a_page_that_returns_to_the_app_is_followed() {
        let back = || Some("http://app/cb?code=1".to_owned());
        let mut redirect = Response { location: back(), ..answer(303, "") };
        assert_eq!(onward(&mut redirect), Ok(back()));
        let mut refresh = Response { refresh: back(), ..answer(200, "<form method=post>") };
        assert_eq!(onward(&mut refresh), Ok(back()));
        let mut link = answer(200, "<a id=\"continue\" href=\"http://app/cb?code=1\">Go</a>");
        assert_eq!(onward(&mut link), Ok(back()));
    }

    #[test]
    fn a_form_is_stayed_at_and_an_error_is_a_fault() {
        assert_eq!(onward(&mut answer(200, "<form method=post>")), Ok(None));
        assert!(onward(&mut answer(429, "")).is_err());
    }
}
