//! `client …`: apps and services that use the provider.

mod backchannel;
mod claims;
mod exchange;
mod logout;
mod members;
mod openid;
mod requests;
mod sender;
mod show;

use super::context::Context;
use super::output::CliError;
use super::sure::{Deletion, Sure};
use crate::domain::audit::Actor;
use crate::domain::clients::management::{self, ClientDraft, Created};
use crate::domain::ground::Ground;
use crate::protocol::client::{Client, GrantType};
use crate::protocol::time::Lifetime;
use clap::{Args, Subcommand};
use members::Members;
use serde_json::json;

const CREATE_EXAMPLES: &str = "\
Examples:
  A web app:         countersign client create --name Shop \\
                         --redirect-uri https://shop.example.com/callback
  In the browser:    countersign client create --name Board --public \\
                         --redirect-uri https://board.example.com/
  On a phone:        countersign client create --name Pocket --public \\
                         --application-type native --redirect-uri com.example.pocket:/callback
  Without a user:    countersign client create --name Nightly \\
                         --grant-type client_credentials --scope api:read

Flags that take several values may be repeated, or hold several separated by spaces or commas.
Without --scope a client that signs people in may ask for openid profile email, and for
offline_access when it has the grant type refresh_token.";

#[derive(Subcommand)]
pub enum ClientCommand {
    /// Register a client; prints its id and, once, its secret
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Box<Create>),
    /// List clients, in the order of their registration
    List(List),
    /// Show one client
    Show(Which),
    /// Change a client; what is not given stays
    Update(Box<Update>),
    /// Make a new secret; the old one works on for a while
    RotateSecret(Rotate),
    /// End one secret at once; the last one stays
    RetireSecret(Retire),
    /// Switch a client off: its tokens end now
    Disable(Which),
    /// Switch a client on again
    Enable(Which),
    /// Delete a client with its secrets and consents
    Delete(Deletion<Which>),
}

#[derive(Args)]
pub struct Create {
    /// What people see when they sign in
    #[arg(long, visible_alias = "client-name")]
    name: String,
    /// The client_id; a random one when not given
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    #[command(flatten)]
    members: Members,
}

#[derive(Args)]
pub struct List {
    /// Only those whose name or id contains this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// At most so many, 1000 at the end
    #[arg(long, default_value_t = 100)]
    limit: i64,
    /// Go on after this one: the last client_id of the page before
    #[arg(long, value_name = "CLIENT_ID")]
    cursor: Option<String>,
}

/// Which client a command is about.
#[derive(Args)]
pub struct Which {
    /// The client_id
    #[arg(allow_hyphen_values = true)]
    client_id: String,
}

#[derive(Args)]
pub struct Update {
    #[command(flatten)]
    which: Which,
    /// What people see when they sign in
    #[arg(long, visible_alias = "client-name")]
    name: Option<String>,
    #[command(flatten)]
    members: Members,
    /// Members to take away, such as jwks_uri or default_max_age
    #[arg(long, value_name = "MEMBER")]
    unset: Vec<String>,
}

#[derive(Args)]
pub struct Rotate {
    #[command(flatten)]
    which: Which,
    /// For how many seconds the old secret works on
    #[arg(long, value_name = "SECONDS", default_value_t = management::DEFAULT_OVERLAP.as_seconds())]
    overlap: u32,
}

#[derive(Args)]
pub struct Retire {
    #[command(flatten)]
    which: Which,
    /// The id of the secret, as `client show` tells it
    #[arg(allow_hyphen_values = true)]
    secret_id: String,
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &ClientCommand) -> Result<(), CliError> {
    match command {
        ClientCommand::Create(create) => make(context, create),
        ClientCommand::List(list) => show::list(context, list),
        ClientCommand::Show(which) => show::one(context, &which.client_id),
        ClientCommand::Update(update) => change(context, update),
        ClientCommand::RotateSecret(rotate) => new_secret(context, rotate),
        ClientCommand::RetireSecret(retire) => end_secret(context, retire),
        ClientCommand::Disable(which) => act(context, &which.client_id, Action::Disable),
        ClientCommand::Enable(which) => act(context, &which.client_id, Action::Enable),
        ClientCommand::Delete(delete) => {
            delete.sure.expect()?;
            act(context, &delete.which.client_id, Action::Delete(&delete.sure))
        }
    }
}

impl Create {
    /// The client that the flags describe.
    pub(super) fn draft(&self) -> Result<ClientDraft, CliError> {
        let mut draft = ClientDraft {
            id: self.client_id.clone(),
            name: self.name.clone(),
            ..ClientDraft::default()
        };
        self.members.apply(&mut draft)?;
        if self.members.names_no_grant() {
            // As in the administration.
            draft.metadata.grant_types.push(GrantType::RefreshToken);
        }
        Ok(draft)
    }
}

fn make(context: &Context<'_>, create: &Create) -> Result<(), CliError> {
    let draft = create.draft()?;
    let created = context.with_ground(|ground, _| async move {
        Ok(management::create(&ground, draft, &Actor::cli()).await?)
    })?;
    warn_of_idle_scopes(context, &created.client);
    write(context, &created, "is registered");
    Ok(())
}

fn change(context: &Context<'_>, update: &Update) -> Result<(), CliError> {
    let updated = context.with_ground(|ground, _| async move {
        let client = find(&ground, &update.which.client_id).await?;
        let mut draft = ClientDraft {
            id: None,
            name: update.name.clone().unwrap_or(client.name),
            metadata: client.metadata,
            policy: client.policy,
        };
        members::unset(&mut draft, &update.unset)?;
        update.members.apply(&mut draft)?;
        Ok(management::update(&ground, &client.id, draft, &Actor::cli()).await?)
    })?;
    warn_of_idle_scopes(context, &updated.client);
    write(context, &updated, "is changed");
    Ok(())
}

/// Says what the client may name and will never get.
fn warn_of_idle_scopes(context: &Context<'_>, client: &Client) {
    let idle = management::idle_scopes(&client.metadata).join(" ");
    if !idle.is_empty() {
        context.output.warn(&format!(
            "{idle}: about people, and client_credentials has none; the client never gets it"
        ));
    }
}

fn write(context: &Context<'_>, created: &Created, done: &str) {
    let Created { client, secret } = created;
    context.output.write(&show::document(client, secret.as_deref()), || {
        let note = match secret {
            Some(_) => "\nThe secret is shown this once; keep it where only the app can read it.",
            None => "",
        };
        format!("{} {done}.\n\n{}{note}", client.name, show::text(client, secret.as_deref()))
    });
}

fn end_secret(context: &Context<'_>, retire: &Retire) -> Result<(), CliError> {
    let (id, secret) = (retire.which.client_id.as_str(), retire.secret_id.as_str());
    context.with_ground(|ground, _| async move {
        Ok(management::retire_secret(&ground, id, secret, &Actor::cli()).await?)
    })?;
    let document = json!({ "client_id": id, "id": secret, "done": "retired" });
    context.output.write(&document, || "The secret does not work any more.".into());
    Ok(())
}

fn new_secret(context: &Context<'_>, rotate: &Rotate) -> Result<(), CliError> {
    let id = rotate.which.client_id.as_str();
    let overlap = Lifetime::seconds(rotate.overlap);
    let secret = context.with_ground(|ground, _| async move {
        Ok(management::rotate_secret(&ground, id, overlap, &Actor::cli()).await?)
    })?;
    let document = json!({
        "client_id": id,
        "client_secret": secret,
        "client_secret_expires_at": 0,
        "old_secret_works_for": rotate.overlap,
    });
    context.output.write(&document, || {
        let seconds = rotate.overlap;
        format!("client_id      {id}\nclient_secret  {secret}\n\nThe old secret works for {seconds} s more.")
    });
    Ok(())
}

#[derive(Clone, Copy)]
enum Action<'a> {
    Disable,
    Enable,
    Delete(&'a Sure),
}

fn act(context: &Context<'_>, id: &str, action: Action<'_>) -> Result<(), CliError> {
    let done = context.with_ground(|ground, _| async move {
        let actor = Actor::cli();
        Ok(match action {
            Action::Disable => match management::disable(&ground, id, &actor).await? {
                true => "disabled",
                false => "was disabled before",
            },
            Action::Enable => match management::enable(&ground, id, &actor).await? {
                true => "enabled",
                false => "was enabled before",
            },
            Action::Delete(sure) => {
                let name = find(&ground, id).await?.name;
                sure.ask(&format!("Delete {name} ({id}) with its secrets and consents?"))?;
                management::delete(&ground, id, &actor).await?;
                "deleted"
            }
        })
    })?;
    let document = json!({ "client_id": id, "done": done });
    context.output.write(&document, || format!("{id}: {done}."));
    Ok(())
}

async fn find(ground: &Ground, id: &str) -> Result<Client, CliError> {
    let found = management::find(ground, id).await?;
    found.ok_or_else(|| CliError::failed("not_found", format!("there is no client {id}")))
}
