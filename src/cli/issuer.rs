//! `issuer …`: who else may vouch for people.

use super::context::{Context, json_file, words};
use super::output::{CliError, date, fields, table};
use super::sure::Deletion;
use crate::domain::audit::Actor;
use crate::domain::ground::Ground;
use crate::domain::issuers::management::{self, IssuerDraft};
use crate::protocol::trusted_issuer::{IssuerSettings, NamedBy, TrustedIssuer};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

const CREATE_EXAMPLES: &str = "\
Example:
  countersign issuer create --issuer https://partner.example.com --name Partner \\
      --jwks-uri https://partner.example.com/jwks --client CLIENT_ID
  countersign issuer map https://partner.example.com --subject 4711 --user ada@example.org

The client needs the grant type urn:ietf:params:oauth:grant-type:jwt-bearer (RFC 7523 section 2.1).";

#[derive(Subcommand)]
pub enum IssuerCommand {
    /// Trust an issuer: its assertions are taken as a grant
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Box<Create>),
    /// List the issuers that are trusted
    List(List),
    /// Show one issuer, and who its subjects are
    Show(Which),
    /// Change an issuer; what is not given stays
    Update(Box<Update>),
    /// Say who a subject of an issuer is
    Map(Map),
    /// Take back who a subject is
    Unmap(Unmap),
    /// Trust an issuer no more
    Delete(Deletion<Which>),
}

#[derive(Args)]
pub struct Create {
    /// Its iss, compared byte for byte
    #[arg(long, value_name = "ISS")]
    issuer: String,
    /// What administrators read
    #[arg(long)]
    name: String,
    #[command(flatten)]
    members: Members,
}

#[derive(Args)]
pub struct List {
    /// At most so many, 1000 at the end
    #[arg(long, default_value_t = 100)]
    limit: i64,
}

/// Which issuer a command is about.
#[derive(Args)]
pub struct Which {
    /// Its iss, or its id
    #[arg(value_name = "ISSUER")]
    issuer: String,
}

#[derive(Args)]
pub struct Update {
    #[command(flatten)]
    which: Which,
    /// What administrators read
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    members: Members,
    /// Members to take away: clients, scope, user_claim
    #[arg(long, value_name = "MEMBER")]
    unset: Vec<String>,
}

#[derive(Args)]
pub struct Map {
    #[command(flatten)]
    which: Which,
    /// The sub of its assertions
    #[arg(long)]
    subject: String,
    /// Who that is: id, email or user name
    #[arg(long)]
    user: String,
}

#[derive(Args)]
pub struct Unmap {
    #[command(flatten)]
    which: Which,
    /// The sub of its assertions
    #[arg(long)]
    subject: String,
}

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct Members {
    /// A file with its public keys, a JWK Set
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks_file: Option<PathBuf>,
    /// Where its public keys are
    #[arg(long, value_name = "URI")]
    jwks_uri: Option<String>,
    /// The clients that may bring its assertions
    #[arg(long = "client", visible_alias = "clients", value_name = "CLIENT_ID", num_args = 1..)]
    clients: Vec<String>,
    /// The most that comes of its assertions; the scope of the client when not given
    #[arg(long, value_name = "SCOPE", num_args = 1..)]
    scope: Vec<String>,
    /// The claim that names the person, for subjects that are not mapped one by one
    #[arg(long, value_name = "CLAIM")]
    user_claim: Option<String>,
    /// By what it names them: id (the default), username or email
    #[arg(long, value_name = "WHAT", value_parser = named_by)]
    named_by: Option<NamedBy>,
}

fn named_by(text: &str) -> Result<NamedBy, String> {
    NamedBy::parse(text).ok_or_else(|| "must be one of: id username email".to_owned())
}

impl Members {
    fn apply(&self, settings: &mut IssuerSettings) -> Result<(), CliError> {
        if let Some(path) = &self.jwks_file {
            settings.jwks = Some(json_file("--jwks-file", path)?);
            settings.jwks_uri = None;
        }
        if self.jwks_uri.is_some() {
            settings.jwks_uri.clone_from(&self.jwks_uri);
            settings.jwks = None;
        }
        let clients = words(&self.clients);
        if !clients.is_empty() {
            settings.clients = clients;
        }
        if !self.scope.is_empty() {
            let scope = words(&self.scope).join(" ").parse();
            settings.scope = scope.map_err(|error: crate::protocol::error::OAuthError| {
                CliError::Usage(format!("--scope: {}", error.description))
            })?;
        }
        if self.user_claim.is_some() {
            settings.user_claim.clone_from(&self.user_claim);
        }
        settings.named_by = self.named_by.unwrap_or(settings.named_by);
        Ok(())
    }
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &IssuerCommand) -> Result<(), CliError> {
    match command {
        IssuerCommand::Create(create) => make(context, create),
        IssuerCommand::List(list) => all(context, list.limit),
        IssuerCommand::Show(which) => one(context, &which.issuer),
        IssuerCommand::Update(update) => change(context, update),
        IssuerCommand::Map(map) => {
            let (subject, user) = (map.subject.clone(), map.user.clone());
            let issuer = context.with_ground(|ground, _| async move {
                let issuer = find(&ground, &map.which.issuer).await?;
                management::map(&ground, &issuer.id, &subject, &user, &Actor::cli()).await?;
                Ok(issuer)
            })?;
            done(context, &issuer, &format!("{} is {}", map.subject, map.user))
        }
        IssuerCommand::Unmap(unmap) => {
            let subject = unmap.subject.clone();
            let issuer = context.with_ground(|ground, _| async move {
                let issuer = find(&ground, &unmap.which.issuer).await?;
                management::unmap(&ground, &issuer.id, &subject, &Actor::cli()).await?;
                Ok(issuer)
            })?;
            done(context, &issuer, &format!("{} is nobody", unmap.subject))
        }
        IssuerCommand::Delete(delete) => {
            delete.sure.expect()?;
            let issuer = context.with_ground(|ground, _| async move {
                let issuer = find(&ground, &delete.which.issuer).await?;
                delete.sure.ask(&format!("Trust {} no more?", issuer.issuer))?;
                management::delete(&ground, &issuer.id, &Actor::cli()).await?;
                Ok(issuer)
            })?;
            done(context, &issuer, "deleted")
        }
    }
}

fn make(context: &Context<'_>, create: &Create) -> Result<(), CliError> {
    let mut draft = IssuerDraft {
        issuer: create.issuer.clone(),
        name: create.name.clone(),
        ..IssuerDraft::default()
    };
    create.members.apply(&mut draft.settings)?;
    let issuer = context.with_ground(|ground, config| async move {
        let own = Some(config.issuer.as_str());
        Ok(management::create(&ground, draft, own, &Actor::cli()).await?)
    })?;
    write(context, &issuer, "is trusted");
    Ok(())
}

fn change(context: &Context<'_>, update: &Update) -> Result<(), CliError> {
    let issuer = context.with_ground(|ground, _| async move {
        let before = find(&ground, &update.which.issuer).await?;
        let mut draft = IssuerDraft {
            issuer: before.issuer,
            name: update.name.clone().unwrap_or(before.name),
            settings: before.settings,
        };
        for name in words(&update.unset) {
            match name.replace('-', "_").as_str() {
                "clients" => draft.settings.clients.clear(),
                "scope" => draft.settings.scope = Default::default(),
                "user_claim" => draft.settings.user_claim = None,
                _ => {
                    let says = format!("--unset {name}: not a member that can be taken away");
                    return Err(CliError::Usage(says));
                }
            }
        }
        update.members.apply(&mut draft.settings)?;
        Ok(management::update(&ground, &before.id, draft, &Actor::cli()).await?)
    })?;
    write(context, &issuer, "is changed");
    Ok(())
}

fn all(context: &Context<'_>, limit: i64) -> Result<(), CliError> {
    let issuers = context
        .with_ground(|ground, _| async move { Ok(management::list(&ground, limit).await?) })?;
    let document = Value::Array(issuers.iter().map(document).collect());
    context.output.write(&document, || {
        let row = |issuer: &TrustedIssuer| {
            vec![issuer.issuer.clone(), issuer.name.clone(), issuer.settings.clients.join(" ")]
        };
        table(&["ISSUER", "NAME", "CLIENTS"], &issuers.iter().map(row).collect::<Vec<_>>())
    });
    Ok(())
}

fn one(context: &Context<'_>, name: &str) -> Result<(), CliError> {
    let (issuer, subjects) = context.with_ground(|ground, _| async move {
        let issuer = find(&ground, name).await?;
        let subjects = management::subjects(&ground, &issuer.id).await?;
        Ok((issuer, subjects))
    })?;
    let mut document = document(&issuer);
    let pair = |(subject, user): &(String, String)| json!({ "subject": subject, "user": user });
    document["subjects"] = Value::Array(subjects.iter().map(pair).collect());
    context.output.write(&document, || {
        let rows: Vec<_> =
            subjects.iter().map(|(subject, user)| vec![subject.clone(), user.clone()]).collect();
        match rows.is_empty() {
            true => text(&issuer),
            false => format!("{}\n{}", text(&issuer), table(&["SUBJECT", "USER"], &rows)),
        }
    });
    Ok(())
}

fn write(context: &Context<'_>, issuer: &TrustedIssuer, done: &str) {
    context
        .output
        .write(&document(issuer), || format!("{} {done}.\n\n{}", issuer.name, text(issuer)));
}

fn done(context: &Context<'_>, issuer: &TrustedIssuer, what: &str) -> Result<(), CliError> {
    let document = json!({ "issuer": issuer.issuer, "id": issuer.id, "done": what });
    context.output.write(&document, || format!("{}: {what}.", issuer.issuer));
    Ok(())
}

/// An issuer as JSON. Times are unix seconds.
fn document(issuer: &TrustedIssuer) -> Value {
    let mut document = json!({ "id": issuer.id, "issuer": issuer.issuer, "name": issuer.name });
    if let Ok(Value::Object(settings)) = serde_json::to_value(&issuer.settings) {
        document.as_object_mut().expect("it is made as an object").extend(settings);
    }
    document["created_at"] = json!(issuer.created_at.as_unix());
    document["updated_at"] = json!(issuer.updated_at.as_unix());
    document
}

fn text(issuer: &TrustedIssuer) -> String {
    let settings = &issuer.settings;
    let some = |text: String| (!text.is_empty()).then_some(text);
    let keys = settings.jwks_uri.clone().or(settings.jwks.as_ref().map(|_| "jwks".into()));
    let named_by = settings.user_claim.as_ref().map(|_| settings.named_by.as_str().to_owned());
    fields(&[
        ("issuer", Some(issuer.issuer.clone())),
        ("name", Some(issuer.name.clone())),
        ("id", Some(issuer.id.clone())),
        ("keys", keys),
        ("clients", some(settings.clients.join(" "))),
        ("scope", some(settings.scope.to_string())),
        ("user_claim", settings.user_claim.clone()),
        ("named_by", named_by),
        ("created", Some(date(issuer.created_at.as_unix()))),
    ])
}

async fn find(ground: &Ground, name: &str) -> Result<TrustedIssuer, CliError> {
    let found = management::find(ground, name).await?;
    found.ok_or_else(|| CliError::failed("not_found", format!("there is no issuer {name}")))
}
