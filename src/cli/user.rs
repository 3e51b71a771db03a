//! `user …`: people and what they may do.

mod block;
mod show;

use super::context::{Context, json_file, password_from_stdin};
use super::output::CliError;
use super::sure::{Deletion, Sure};
use crate::domain::audit::Actor;
use crate::domain::ground::Ground;
use crate::domain::identity::users::{self, Account, NewUser, Profile, UserQuery};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

const CREATE_EXAMPLES: &str = "\
Examples:
  printf %s \"$PASSWORD\" | countersign user create --email ada@example.com --password-stdin
  countersign user create --email ada@example.com --name \"Ada Lovelace\" --role admin \\
      --claims-file ada.json --password-stdin --json < password.txt

The claims file holds standard claims of OpenID Connect, for example
  {\"given_name\": \"Ada\", \"phone_number\": \"+44 20 7946 0000\", \"address\": {\"country\": \"GB\"}}";

#[derive(Subcommand)]
pub enum UserCommand {
    /// Make an account
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Create),
    /// List accounts, in the order of their creation
    List(List),
    /// Show one account, with its sessions
    Show(Who),
    /// Change who somebody is; what is not given stays
    Update(Update),
    /// Block somebody: sessions, refresh tokens and access tokens end now
    Block(Block),
    /// Let somebody in again; what the block ended stays ended
    Unblock(Who),
    /// Set a password from the standard input; ends all sessions and tokens
    SetPassword(SetPassword),
    /// End all sessions, refresh tokens and access tokens of somebody
    RevokeTokens(Who),
    /// Sign one browser of somebody out
    EndSession(EndSession),
    /// Give somebody exactly these roles
    SetRoles(SetNames),
    /// Put somebody into exactly these groups
    SetGroups(SetNames),
    /// Delete an account with all it has
    Delete(Deletion<Who>),
}

#[derive(Args)]
pub struct EndSession {
    #[command(flatten)]
    who: Who,
    /// The sid of the session, as `user show` tells it
    #[arg(allow_hyphen_values = true)]
    sid: String,
}

#[derive(Args)]
pub struct Create {
    /// The email address, by which the person signs in
    #[arg(long)]
    email: Option<String>,
    /// A further name to sign in with
    #[arg(long)]
    username: Option<String>,
    /// The full name
    #[arg(long)]
    name: Option<String>,
    /// A role, such as admin; one name, so for several the flag is repeated
    #[arg(long = "role", visible_alias = "roles", value_name = "ROLE")]
    roles: Vec<String>,
    /// A group; one name, so for several the flag is repeated
    #[arg(long = "group", visible_alias = "groups", value_name = "GROUP")]
    groups: Vec<String>,
    /// A JSON file with standard claims: given_name, address, phone_number, …
    #[arg(long, value_name = "FILE")]
    claims_file: Option<PathBuf>,
    /// The email address is known to be the person's
    #[arg(long)]
    email_verified: bool,
    /// The language of the pages, such as en
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// Read the password from the first line of the standard input (8 to 512 bytes)
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args)]
pub struct List {
    /// Only those whose name, email or id contains this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only those with this role
    #[arg(long)]
    role: Option<String>,
    /// Only blocked ones, or with =false only the others
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    blocked: Option<bool>,
    /// At most so many, 1000 at the end
    #[arg(long, default_value_t = 100)]
    limit: i64,
    /// Go on after this one: the last id of the page before
    #[arg(long, value_name = "ID")]
    cursor: Option<String>,
}

/// Whom a command is about.
#[derive(Args)]
pub struct Who {
    /// The id, email address or user name
    #[arg(allow_hyphen_values = true)]
    user: String,
}

#[derive(Args)]
pub struct Update {
    #[command(flatten)]
    who: Who,
    /// The new email address
    #[arg(long)]
    email: Option<String>,
    /// Whether the email address is known to be the person's
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    email_verified: Option<bool>,
    /// A further name to sign in with; empty for none
    #[arg(long)]
    username: Option<String>,
    /// The full name; empty for none
    #[arg(long)]
    name: Option<String>,
    /// The language of the pages; empty for none
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// A JSON file with standard claims, which replace the old ones
    #[arg(long, value_name = "FILE")]
    claims_file: Option<PathBuf>,
}

#[derive(Args)]
pub struct Block {
    /// The id, email address or user name
    #[arg(required_unless_present = "users_file", allow_hyphen_values = true)]
    user: Option<String>,
    /// A file that names many, each in a line of its own; - for the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    users_file: Option<PathBuf>,
    /// Why, for the audit log
    #[arg(long, default_value = "blocked at the command line")]
    reason: String,
}

#[derive(Args)]
pub struct SetPassword {
    #[command(flatten)]
    who: Who,
    /// Read the password from the first line of the standard input (8 to 512 bytes)
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Args)]
pub struct SetNames {
    #[command(flatten)]
    who: Who,
    /// The names, each an argument of its own, without commas; none at all takes every one away
    names: Vec<String>,
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &UserCommand) -> Result<(), CliError> {
    match command {
        UserCommand::Create(create) => make(context, create),
        UserCommand::List(list) => show::list(context, list),
        UserCommand::Show(who) => show::one(context, &who.user),
        UserCommand::Update(update) => change(context, update),
        other => act(context, other),
    }
}

impl List {
    fn query(&self) -> UserQuery {
        UserQuery {
            search: self.search.clone(),
            blocked: self.blocked,
            role: self.role.clone(),
            after: None,
            limit: self.limit.clamp(1, 1000),
        }
    }
}

/// What a claims file says: members that are fields of the account, and the others.
#[derive(Default)]
struct ClaimsFile {
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
    claims: Map<String, Value>,
}

impl ClaimsFile {
    fn read(path: Option<&PathBuf>) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let Value::Object(mut claims) = json_file("--claims-file", path)? else {
            return Err(CliError::Usage("--claims-file: must hold a JSON object".into()));
        };
        let wrong =
            |name: &str| CliError::Usage(format!("--claims-file: {name} is of another type"));
        let text = |value: Value, name: &str| match value {
            Value::String(text) => Ok(text),
            _ => Err(wrong(name)),
        };
        let email = claims.remove("email").map(|value| text(value, "email")).transpose()?;
        let name = claims.remove("name").map(|value| text(value, "name")).transpose()?;
        let verified = claims.remove("email_verified");
        let email_verified =
            verified.map(|value| value.as_bool().ok_or_else(|| wrong("email_verified")));
        // When an account changed is ours to say.
        claims.remove("updated_at");
        Ok(Self { email, email_verified: email_verified.transpose()?, name, claims })
    }
}

fn make(context: &Context<'_>, create: &Create) -> Result<(), CliError> {
    let file = ClaimsFile::read(create.claims_file.as_ref())?;
    let email = create.email.clone().or(file.email);
    let email = email.ok_or_else(|| CliError::Usage("--email is missing".into()))?;
    let password = match create.password_stdin {
        true => Some(password_from_stdin()?),
        false => None,
    };
    let new = NewUser {
        email,
        email_verified: create.email_verified || file.email_verified.unwrap_or(false),
        username: create.username.clone(),
        name: create.name.clone().or(file.name),
        password,
        roles: create.roles.clone(),
        groups: create.groups.clone(),
        claims: file.claims,
        language: create.language.clone(),
    };
    let account = context.with_ground(|ground, _| async move {
        Ok(users::create(&ground, new, &Actor::cli()).await?)
    })?;
    context.output.write(&show::document(&account), || {
        format!("{} has an account.\n\n{}", account.user.display_name(), show::text(&account))
    });
    Ok(())
}

fn change(context: &Context<'_>, update: &Update) -> Result<(), CliError> {
    let file = ClaimsFile::read(update.claims_file.as_ref())?;
    let account = context.with_ground(|ground, _| async move {
        let account = find(&ground, &update.who.user).await?;
        let old = Profile::of(&account.user);
        let or_none = |given: &Option<String>, old: Option<String>| match given.as_deref() {
            Some("") => None,
            Some(text) => Some(text.to_owned()),
            None => old,
        };
        let email = update.email.clone().or(file.email).unwrap_or(old.email);
        let profile = Profile {
            email_verified: update
                .email_verified
                .or(file.email_verified)
                .unwrap_or(old.email_verified && email == account.user.email),
            email,
            username: or_none(&update.username, old.username),
            name: or_none(&update.name, file.name.or(old.name)),
            language: or_none(&update.language, old.language),
            claims: if update.claims_file.is_some() { file.claims } else { old.claims },
        };
        users::update_profile(&ground, &account.user, profile, &Actor::cli()).await?;
        find(&ground, &account.user.id).await
    })?;
    context.output.write(&show::document(&account), || show::text(&account));
    Ok(())
}

/// The commands that do one thing to one person.
fn act(context: &Context<'_>, command: &UserCommand) -> Result<(), CliError> {
    let (user, action) = match command {
        UserCommand::Block(Block { user, users_file, reason }) => match (user, users_file) {
            (Some(user), _) => (user, Action::Block(reason)),
            (None, Some(path)) => return block::many(context, path, reason),
            (None, None) => return Err(CliError::Usage("a user, or --users-file".into())),
        },
        UserCommand::Unblock(who) => (&who.user, Action::Unblock),
        UserCommand::RevokeTokens(who) => (&who.user, Action::RevokeTokens),
        UserCommand::EndSession(end) => (&end.who.user, Action::EndSession(&end.sid)),
        UserCommand::Delete(delete) => {
            delete.sure.expect()?;
            (&delete.which.user, Action::Delete(&delete.sure))
        }
        UserCommand::SetPassword(set) => {
            (&set.who.user, Action::SetPassword(password_from_stdin()?))
        }
        UserCommand::SetRoles(set) => (&set.who.user, Action::SetRoles(set.names.clone())),
        UserCommand::SetGroups(set) => (&set.who.user, Action::SetGroups(set.names.clone())),
        UserCommand::Create(_)
        | UserCommand::List(_)
        | UserCommand::Show(_)
        | UserCommand::Update(_) => return Ok(()),
    };
    let (account, done) = context.with_ground(|ground, _| async move {
        let account = find(&ground, user).await?;
        let done = action.run(&ground, &account).await?;
        Ok((account, done))
    })?;
    let name = account.user.display_name().to_owned();
    let document = json!({ "id": account.user.id, "email": account.user.email, "done": done });
    context.output.write(&document, || format!("{name}: {done}."));
    Ok(())
}

enum Action<'a> {
    Block(&'a str),
    Unblock,
    RevokeTokens,
    EndSession(&'a str),
    Delete(&'a Sure),
    SetPassword(String),
    SetRoles(Vec<String>),
    SetGroups(Vec<String>),
}

impl Action<'_> {
    /// Does it and says what was done.
    async fn run(self, ground: &Ground, account: &Account) -> Result<&'static str, CliError> {
        let (id, actor) = (account.user.id.as_str(), Actor::cli());
        Ok(match self {
            Self::Block(reason) => match users::block(ground, id, reason, &actor).await? {
                true => "blocked",
                false => "was blocked before",
            },
            Self::Unblock => match users::unblock(ground, id, &actor).await? {
                true => "unblocked",
                false => "was not blocked",
            },
            Self::RevokeTokens => {
                users::revoke_tokens(ground, id, &actor).await?;
                "all sessions and tokens revoked"
            }
            Self::EndSession(sid) => match users::end_session(ground, id, sid, &actor).await? {
                true => "the session has ended",
                false => "the session is over, or was never there",
            },
            Self::Delete(sure) => {
                let (name, email) = (account.user.display_name(), &account.user.email);
                sure.ask(&format!("Delete the account of {name} ({email}), with all it has?"))?;
                users::delete(ground, id, &actor).await?;
                "deleted"
            }
            Self::SetPassword(password) => {
                users::set_password(ground, id, password, None, &actor).await?;
                "password set, all sessions and tokens ended"
            }
            Self::SetRoles(roles) => {
                users::set_roles(ground, id, roles, &actor).await?;
                "roles set"
            }
            Self::SetGroups(groups) => {
                users::set_groups(ground, id, groups, &actor).await?;
                "groups set"
            }
        })
    }
}

async fn find(ground: &Ground, name: &str) -> Result<Account, CliError> {
    let found = users::find_by_any_name(ground, name).await?;
    found.ok_or_else(|| CliError::failed("not_found", format!("there is no user {name}")))
}
