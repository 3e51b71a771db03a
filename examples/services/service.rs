//! One service of the landscape: it checks the token it is sent, calls the next service with a token
//! that it exchanged for it, and says for whom.

use super::Failure;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use countersign::verifier::{Verifier, VerifyError};
use serde_json::{Value, json};
use std::net::TcpListener;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A service as a client of the provider.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub issuer: String,
    pub id: String,
    pub secret: String,
}

/// What a service is made of.
pub struct Service {
    pub name: &'static str,
    /// What its tokens are, in words.
    pub form: &'static str,
    pub check: Check,
    pub client: Client,
    /// The audience of the service behind it, and where that is.
    pub next: Option<(&'static str, String)>,
}

/// How a service checks tokens.
pub enum Check {
    /// By itself, in memory.
    Locally(Verifier),
    /// By asking the provider; with its own audience.
    ByAsking(&'static str),
}

/// For whom a service works.
struct Caller {
    subject: String,
    /// Who acts for them, the last first.
    actors: Vec<String>,
}

impl Service {
    /// The same service, which calls another one.
    pub fn calling(self, url: String) -> Self {
        Self { next: self.next.map(|(audience, _)| (audience, url)), ..self }
    }

    async fn check(&self, token: &str) -> Result<Caller, Failure> {
        match &self.check {
            Check::Locally(verifier) => {
                let token = verifier.verify_or_refresh(token).await?;
                Ok(Caller {
                    actors: token.actors().into_iter().map(str::to_owned).collect(),
                    subject: token.subject,
                })
            }
            Check::ByAsking(audience) => self.ask(token, audience).await,
        }
    }

    /// Introspection (RFC 7662): what only the provider can read.
    async fn ask(&self, token: &str, audience: &str) -> Result<Caller, Failure> {
        let url = format!("{}/introspect", self.client.issuer);
        let request =
            self.client.http.post(url).basic_auth(&self.client.id, Some(&self.client.secret));
        let answer: Value = request.form(&[("token", token)]).send().await?.json().await?;
        if answer["active"] != true || answer["aud"] != audience {
            return Err(VerifyError::Revoked.into());
        }
        let mut actors = Vec::new();
        let mut act = &answer["act"];
        while let Some(actor) = act["sub"].as_str() {
            actors.push(actor.to_owned());
            act = &act["act"];
        }
        Ok(Caller { subject: answer["sub"].as_str().unwrap_or_default().to_owned(), actors })
    }

    /// Calls the next service for whom this one was called.
    async fn pass_on(&self, token: &str) -> Result<Value, Failure> {
        let Some((audience, url)) = &self.next else { return Ok(Value::Null) };
        let token = self.client.exchange(token, audience).await?;
        let answer = self.client.http.get(url).bearer_auth(token).send().await?;
        Ok(answer.json().await?)
    }
}

impl Client {
    /// Asks the token endpoint, and gives the access token.
    ///
    /// # Errors
    ///
    /// With what the provider said when it gave none.
    pub async fn token(&self, form: &[(&str, &str)]) -> Result<String, Failure> {
        let request = self.http.post(format!("{}/token", self.issuer));
        let request = request.basic_auth(&self.id, Some(&self.secret)).form(form);
        let answer: Value = request.send().await?.json().await?;
        let token = answer["access_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| format!("{}: {answer}", self.id).into())
    }

    /// The app token: the service about itself.
    ///
    /// # Errors
    ///
    /// As [`Client::token`].
    pub async fn own_token(&self, resource: Option<&str>) -> Result<String, Failure> {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(resource.map(|resource| ("resource", resource)));
        self.token(&form).await
    }

    /// The app-asserted token: for whom it was called, in its own name (RFC 8693 §2.1).
    async fn exchange(&self, token: &str, audience: &str) -> Result<String, Failure> {
        let own = self.own_token(None).await?;
        let form = [
            ("grant_type", EXCHANGE),
            ("subject_token", token),
            ("subject_token_type", ACCESS_TOKEN),
            ("actor_token", &*own),
            ("actor_token_type", ACCESS_TOKEN),
            ("audience", audience),
        ];
        self.token(&form).await
    }
}

/// Serves on a free port of this machine, and gives the address.
///
/// # Errors
///
/// When there is no port.
pub async fn serve(service: Service) -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    let service = web::Data::new(service);
    let app = move || App::new().app_data(service.clone()).route("/", web::get().to(answer));
    actix_web::rt::spawn(HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run());
    Ok(url)
}

/// `GET /`: for whom, through whose hands, and what the services behind say.
async fn answer(request: HttpRequest, service: web::Data<Service>) -> HttpResponse {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let Some(token) = header.and_then(|value| value.strip_prefix("Bearer ")) else {
        return HttpResponse::Unauthorized()
            .json(json!({ "service": service.name, "error": "no token" }));
    };
    let caller = match service.check(token).await {
        Ok(caller) => caller,
        Err(error) => {
            let problem = json!({ "service": service.name, "error": error.to_string() });
            return HttpResponse::Unauthorized().json(problem);
        }
    };
    let behind = match service.pass_on(token).await {
        Ok(behind) => behind,
        Err(error) => json!({ "error": error.to_string() }),
    };
    HttpResponse::Ok().json(json!({
        "service": service.name,
        "token": service.form,
        "works_for": caller.subject,
        "called_by": caller.actors,
        "next": behind,
    }))
}
