//! `upstream …`: the providers at which people may sign in instead of here.

use super::context::{Context, master_key_of, stdin};
use super::output::{CliError, date, fields, table};
use super::sure::Deletion;
use crate::domain::audit::Actor;
use crate::domain::federation::management::{self, UpstreamDraft};
use crate::domain::federation::sealing_key;
use crate::domain::ground::Ground;
use crate::protocol::upstream::{Upstream, UpstreamKind, UpstreamSettings};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

const CREATE_EXAMPLES: &str = "\
Examples:
  countersign upstream create google --name Google --issuer https://accounts.google.com \\
      --client-id 123.apps.googleusercontent.com --client-secret-stdin < secret
  countersign upstream create github --name GitHub --kind oauth2 --issuer https://github.com \\
      --client-id Iv1.0123 --client-secret-stdin --scope 'read:user user:email' \\
      --authorization-endpoint https://github.com/login/oauth/authorize \\
      --token-endpoint https://github.com/login/oauth/access_token \\
      --userinfo-endpoint https://api.github.com/user \\
      --emails-endpoint https://api.github.com/user/emails < secret

Register ISSUER/login/upstream/SLUG/callback there as the redirect address, and
ISSUER/login/upstream/SLUG/backchannel-logout for back-channel logout.";

#[derive(Subcommand)]
pub enum UpstreamCommand {
    /// Make a provider at which people may sign in
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Box<Create>),
    /// List them, in the order of their making
    List,
    /// Show one
    Show(Which),
    /// Change one; what is not given stays
    Update(Box<Update>),
    /// Delete one: nobody can sign in there any more
    Delete(Deletion<Which>),
}

/// Which provider a command is about.
#[derive(Args)]
pub struct Which {
    /// Its name in addresses
    #[arg(value_name = "SLUG")]
    slug: String,
}

#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    which: Which,
    /// What people read
    #[arg(long)]
    name: String,
    #[command(flatten)]
    members: Members,
}

#[derive(Args)]
pub struct Update {
    #[command(flatten)]
    which: Which,
    /// What people read
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    members: Members,
}

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct Members {
    /// oidc (the default), or oauth2 for a provider without OpenID Connect
    #[arg(long, value_name = "KIND")]
    kind: Option<UpstreamKind>,
    /// Its iss; for oauth2 an address that stands for it
    #[arg(long, value_name = "URI")]
    issuer: Option<String>,
    /// The client_id that it gave us
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Read the client_secret that it gave us from the standard input
    #[arg(long)]
    client_secret_stdin: bool,
    /// What is asked for [default for oidc: openid profile email]
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// For oauth2: where people sign in
    #[arg(long, value_name = "URI")]
    authorization_endpoint: Option<String>,
    /// For oauth2: where codes are redeemed
    #[arg(long, value_name = "URI")]
    token_endpoint: Option<String>,
    /// For oauth2: what says who signed in
    #[arg(long, value_name = "URI")]
    userinfo_endpoint: Option<String>,
    /// For oauth2: what lists their email addresses, each with primary and verified
    #[arg(long, value_name = "URI")]
    emails_endpoint: Option<String>,
    /// For oauth2: the member that says who it is and never changes [default: id]
    #[arg(long, value_name = "NAME")]
    subject_claim: Option<String>,
    /// The claim with the email address [default: email]
    #[arg(long, value_name = "NAME")]
    email_claim: Option<String>,
    /// The claim that says whether it was verified [default: email_verified]
    #[arg(long, value_name = "NAME")]
    email_verified_claim: Option<String>,
    /// The claim with the name [default: name]
    #[arg(long, value_name = "NAME")]
    name_claim: Option<String>,
    /// Email addresses that it calls verified are verified
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    trust_email: Option<bool>,
    /// People whom it knows may make accounts here; needs --trust-email
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    allow_sign_up: Option<bool>,
    /// Nobody is sent there
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    disabled: Option<bool>,
}

impl Members {
    fn apply(&self, draft: &mut UpstreamDraft) -> Result<(), CliError> {
        let settings = &mut draft.settings;
        settings.kind = self.kind.unwrap_or(settings.kind);
        for (member, given) in [
            (&mut settings.issuer, &self.issuer),
            (&mut settings.client_id, &self.client_id),
            (&mut settings.scope, &self.scope),
        ] {
            if let Some(given) = given {
                member.clone_from(given);
            }
        }
        self.apply_optional(settings);
        settings.trust_email = self.trust_email.unwrap_or(settings.trust_email);
        settings.allow_sign_up = self.allow_sign_up.unwrap_or(settings.allow_sign_up);
        settings.disabled = self.disabled.unwrap_or(settings.disabled);
        if self.client_secret_stdin {
            let text = stdin(4096)?;
            draft.client_secret = Some(text.trim().to_owned());
        }
        Ok(())
    }

    /// An empty value takes a member away.
    fn apply_optional(&self, settings: &mut UpstreamSettings) {
        let claims = &mut settings.claims;
        for (member, given) in [
            (&mut settings.authorization_endpoint, &self.authorization_endpoint),
            (&mut settings.token_endpoint, &self.token_endpoint),
            (&mut settings.userinfo_endpoint, &self.userinfo_endpoint),
            (&mut settings.emails_endpoint, &self.emails_endpoint),
            (&mut claims.subject_claim, &self.subject_claim),
            (&mut claims.email_claim, &self.email_claim),
            (&mut claims.email_verified_claim, &self.email_verified_claim),
            (&mut claims.name_claim, &self.name_claim),
        ] {
            if let Some(given) = given {
                *member = Some(given.clone()).filter(|given| !given.is_empty());
            }
        }
    }
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &UpstreamCommand) -> Result<(), CliError> {
    match command {
        UpstreamCommand::Create(create) => make(context, create),
        UpstreamCommand::List => list(context),
        UpstreamCommand::Show(which) => show(context, &which.slug),
        UpstreamCommand::Update(update) => change(context, update),
        UpstreamCommand::Delete(which) => delete(context, which),
    }
}

fn make(context: &Context<'_>, create: &Create) -> Result<(), CliError> {
    let mut draft = UpstreamDraft {
        slug: create.which.slug.clone(),
        name: create.name.clone(),
        ..UpstreamDraft::default()
    };
    create.members.apply(&mut draft)?;
    let made = context.with_ground(|ground, config| async move {
        let seal = match draft.client_secret {
            Some(_) => Some(sealing_key(&master_key_of(&config, &ground)?)),
            None => None,
        };
        Ok(management::create(&ground, draft, seal.as_ref(), &Actor::cli()).await?)
    })?;
    write(context, &made, "is made");
    Ok(())
}

fn change(context: &Context<'_>, update: &Update) -> Result<(), CliError> {
    let changed = context.with_ground(|ground, config| async move {
        let before = find(&ground, &update.which.slug).await?;
        let mut draft = UpstreamDraft {
            slug: before.slug.clone(),
            name: update.name.clone().unwrap_or(before.name),
            settings: before.settings,
            client_secret: None,
        };
        update.members.apply(&mut draft)?;
        let seal = match draft.client_secret {
            Some(_) => Some(sealing_key(&master_key_of(&config, &ground)?)),
            None => None,
        };
        let (seal, slug) = (seal.as_ref(), &before.slug);
        Ok(management::update(&ground, slug, draft, seal, &Actor::cli()).await?)
    })?;
    write(context, &changed, "is changed");
    Ok(())
}

fn write(context: &Context<'_>, upstream: &Upstream, done: &str) {
    context
        .output
        .write(&document(upstream), || format!("{} {done}.\n\n{}", upstream.name, text(upstream)));
}

fn list(context: &Context<'_>) -> Result<(), CliError> {
    let all =
        context.with_ground(|ground, _| async move { Ok(management::list(&ground).await?) })?;
    context.output.write(&Value::Array(all.iter().map(document).collect()), || {
        let row = |one: &Upstream| {
            let state = if one.settings.disabled { "disabled" } else { "active" };
            vec![
                one.slug.clone(),
                one.name.clone(),
                one.settings.kind.to_string(),
                state.to_owned(),
                one.settings.issuer.clone(),
            ]
        };
        let rows: Vec<_> = all.iter().map(row).collect();
        table(&["SLUG", "NAME", "KIND", "STATUS", "ISSUER"], &rows)
    });
    Ok(())
}

fn show(context: &Context<'_>, slug: &str) -> Result<(), CliError> {
    let one = context.with_ground(|ground, _| async move { find(&ground, slug).await })?;
    context.output.write(&document(&one), || text(&one));
    Ok(())
}

fn delete(context: &Context<'_>, delete: &Deletion<Which>) -> Result<(), CliError> {
    delete.sure.expect()?;
    let slug = delete.which.slug.as_str();
    context.with_ground(|ground, _| async move {
        let name = find(&ground, slug).await?.name;
        delete.sure.ask(&format!("Delete {name} ({slug})? Nobody can sign in there any more."))?;
        Ok(management::delete(&ground, slug, &Actor::cli()).await?)
    })?;
    let document = json!({ "slug": slug, "done": "deleted" });
    context.output.write(&document, || format!("{slug}: deleted."));
    Ok(())
}

async fn find(ground: &Ground, slug: &str) -> Result<Upstream, CliError> {
    let found = management::find(ground, slug).await?;
    found.ok_or_else(|| CliError::failed("not_found", format!("there is no provider {slug}")))
}

/// A provider as JSON, without its secret. Times are unix seconds.
fn document(upstream: &Upstream) -> Value {
    let mut document = json!({
        "slug": upstream.slug,
        "name": upstream.name,
        "has_client_secret": upstream.sealed_secret.is_some(),
        "created_at": upstream.created_at.as_unix(),
        "updated_at": upstream.updated_at.as_unix(),
    });
    if let Ok(Value::Object(settings)) = serde_json::to_value(&upstream.settings) {
        document.as_object_mut().expect("it is made as an object").extend(settings);
    }
    document
}

fn text(upstream: &Upstream) -> String {
    let settings = &upstream.settings;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    fields(&[
        ("slug", Some(upstream.slug.clone())),
        ("name", Some(upstream.name.clone())),
        ("status", Some(if settings.disabled { "disabled" } else { "active" }.to_owned())),
        ("kind", Some(settings.kind.to_string())),
        ("issuer", some(&settings.issuer)),
        ("client_id", some(&settings.client_id)),
        ("client_secret", upstream.sealed_secret.as_ref().map(|_| "kept sealed".to_owned())),
        ("scope", some(&settings.scope)),
        ("authorization_endpoint", settings.authorization_endpoint.clone()),
        ("token_endpoint", settings.token_endpoint.clone()),
        ("userinfo_endpoint", settings.userinfo_endpoint.clone()),
        ("emails_endpoint", settings.emails_endpoint.clone()),
        ("trust_email", Some(settings.trust_email.to_string())),
        ("allow_sign_up", Some(settings.allow_sign_up.to_string())),
        ("created", Some(date(upstream.created_at.as_unix()))),
    ])
}
