//! `resource …`: the APIs that tokens are made for.

mod members;
mod show;

use super::context::{Context, ground, master_key_of, runtime};
use super::output::CliError;
use super::sure::Deletion;
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::domain::ground::Ground;
use crate::domain::resources::management::{self, Created, ResourceDraft};
use crate::domain::resources::sealing_key;
use crate::jose::SealingKey;
use crate::protocol::resource::Resource;
use clap::{Args, Subcommand};
use members::Members;
use serde_json::json;

const CREATE_EXAMPLES: &str = "\
Examples:
  countersign resource create --identifier https://orders.example.com --name Orders \\
      --scope 'orders:read=See your orders' 'orders:write=Place orders for you'
  countersign resource create --identifier https://vault.example.com --name Vault \\
      --scope vault:open --token-format jwe --jwks-uri https://vault.example.com/jwks

A client may ask for tokens for a resource when it may have one of its scopes, or when it is
named with `client update ID --allowed-resource URI`. It asks with resource=URI (RFC 8707).";

#[derive(Subcommand)]
pub enum ResourceCommand {
    /// Make a resource; prints, once, the secret that its tokens need, if they do
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Box<Create>),
    /// List resources, in the order of their making
    List(List),
    /// Show one resource
    Show(Which),
    /// Change a resource; what is not given stays
    Update(Box<Update>),
    /// Make a new secret for signing or encrypting its tokens; the old one is used no more
    RotateSecret(Which),
    /// Delete a resource: no token is made for it any more, and those that are out work until they expire
    Delete(Deletion<Which>),
}

#[derive(Args)]
pub struct Create {
    /// Its aud: an absolute URI without a fragment, compared byte for byte
    #[arg(long, value_name = "URI")]
    identifier: String,
    /// What people and administrators read
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

/// Which resource a command is about.
#[derive(Args)]
pub struct Which {
    /// Its identifier, or its id
    #[arg(value_name = "IDENTIFIER")]
    resource: String,
}

#[derive(Args)]
pub struct Update {
    #[command(flatten)]
    which: Which,
    /// What people and administrators read
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    members: Members,
    /// Members to take away, such as scopes, jwks_uri or token_lifetime
    #[arg(long, value_name = "MEMBER")]
    unset: Vec<String>,
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &ResourceCommand) -> Result<(), CliError> {
    match command {
        ResourceCommand::Create(create) => make(context, create),
        ResourceCommand::List(list) => show::list(context, list.limit),
        ResourceCommand::Show(which) => show::one(context, &which.resource),
        ResourceCommand::Update(update) => change(context, update),
        ResourceCommand::RotateSecret(which) => new_secret(context, &which.resource),
        ResourceCommand::Delete(which) => delete(context, which),
    }
}

fn make(context: &Context<'_>, create: &Create) -> Result<(), CliError> {
    let mut draft = ResourceDraft {
        identifier: create.identifier.clone(),
        name: create.name.clone(),
        ..ResourceDraft::default()
    };
    create.members.apply(&mut draft.settings)?;
    let created = context.with_ground(|ground, config| async move {
        let seal = seal_for(&draft, &config, &ground)?;
        Ok(management::create(&ground, draft, seal.as_ref(), &Actor::cli()).await?)
    })?;
    write(context, &created, "is made");
    Ok(())
}

fn change(context: &Context<'_>, update: &Update) -> Result<(), CliError> {
    let updated = context.with_ground(|ground, config| async move {
        let resource = find(&ground, &update.which.resource).await?;
        let mut draft = ResourceDraft {
            identifier: resource.identifier,
            name: update.name.clone().unwrap_or(resource.name),
            settings: resource.settings,
        };
        members::unset(&mut draft.settings, &update.unset)?;
        update.members.apply(&mut draft.settings)?;
        let seal = seal_for(&draft, &config, &ground)?;
        let seal = seal.as_ref();
        Ok(management::update(&ground, &resource.id, draft, seal, &Actor::cli()).await?)
    })?;
    write(context, &updated, "is changed");
    Ok(())
}

/// The master key is asked for only where a secret has to be kept.
fn seal_for(
    draft: &ResourceDraft,
    config: &Config,
    ground: &Ground,
) -> Result<Option<SealingKey>, CliError> {
    match draft.settings.needs_secret() {
        true => Ok(Some(sealing_key(&master_key_of(config, ground)?))),
        false => Ok(None),
    }
}

fn write(context: &Context<'_>, created: &Created, done: &str) {
    let Created { resource, secret } = created;
    context.output.write(&show::document(resource, secret.as_deref()), || {
        let note = match secret {
            Some(_) => "\nThe secret is shown this once; give it to the API and to nobody else.",
            None => "",
        };
        format!("{} {done}.\n\n{}{note}", resource.name, show::text(resource, secret.as_deref()))
    });
}

fn new_secret(context: &Context<'_>, name: &str) -> Result<(), CliError> {
    let config = context.database_config()?;
    let (resource, secret) = runtime()?.block_on(async {
        let ground = ground(&config).await?;
        let resource = find(&ground, name).await?;
        let seal = sealing_key(&master_key_of(&config, &ground)?);
        let secret = management::rotate_secret(&ground, &resource.id, &seal, &Actor::cli()).await?;
        Ok::<_, CliError>((resource, secret))
    })?;
    let identifier = &resource.identifier;
    let document = json!({ "identifier": identifier, "id": resource.id, "secret": secret });
    context.output.write(&document, || {
        format!(
            "identifier  {identifier}\nsecret      {secret}\n\n\
             Tokens are made with it from now on. Let the API take both secrets until the tokens\n\
             of before have expired."
        )
    });
    Ok(())
}

fn delete(context: &Context<'_>, delete: &Deletion<Which>) -> Result<(), CliError> {
    delete.sure.expect()?;
    let resource = context.with_ground(|ground, _| async move {
        let resource = find(&ground, &delete.which.resource).await?;
        let (name, identifier) = (&resource.name, &resource.identifier);
        delete.sure.ask(&format!(
            "Delete {name} ({identifier})? No token is made for it any more; tokens that are out work \
             until they expire."
        ))?;
        management::delete(&ground, &resource.id, &Actor::cli()).await?;
        Ok(resource)
    })?;
    let identifier = &resource.identifier;
    let document = json!({ "identifier": identifier, "id": resource.id, "done": "deleted" });
    context.output.write(&document, || format!("{identifier}: deleted."));
    Ok(())
}

async fn find(ground: &Ground, name: &str) -> Result<Resource, CliError> {
    let found = management::find(ground, name).await?;
    found.ok_or_else(|| CliError::failed("not_found", format!("there is no resource {name}")))
}
