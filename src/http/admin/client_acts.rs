//! What is done to a client with a page that asks first.

use super::client::{find, shown};
use super::guard::{Admin, Answer, MARK, Posted};
use super::list::of_client;
use crate::domain::clients;
use crate::domain::clients::management::{self, DEFAULT_OVERLAP};
use crate::http::page::{Nav, Notice};
use crate::http::views::confirm::{Act, Confirm};
use crate::protocol::client::Client;
use crate::protocol::time::Timestamp;
use actix_web::web::Path;

const LIST: &str = "/admin/clients";

/// Asks.
pub async fn ask(admin: Admin, path: Path<(String, String)>) -> Answer {
    let (id, act) = path.into_inner();
    let client = find(&admin, &id).await?;
    admin.recent()?;
    let base = of_client(&client.id);
    let words = admin.found(words(&act, &client))?;
    let action = format!("{base}/{act}");
    let mut page = Confirm::new(admin.page(Nav::Clients), words, &action, &base);
    page.fields.push((MARK.into(), admin.mark()));
    Ok(page.respond())
}

fn words<'a>(act: &str, client: &'a Client) -> Option<Act<'a>> {
    let name = &client.name;
    match act {
        "rotate-secret" => Some(Act::RotateSecret { name }),
        "disable" => Some(Act::DisableClient { name }),
        "enable" => Some(Act::EnableClient { name }),
        "delete" => Some(Act::DeleteClient { name }),
        _ => None,
    }
}

/// Does it.
pub async fn perform(admin: Admin, path: Path<(String, String)>, posted: Posted) -> Answer {
    let (id, act) = path.into_inner();
    let client = find(&admin, &id).await?;
    admin.recent()?;
    let (ground, actor) = (admin.ground(), admin.actor());
    let notice = match act.as_str() {
        "rotate-secret" => return rotate(&admin, &client, &posted).await,
        "disable" => {
            admin.client(management::disable(&ground, &client.id, &actor).await)?;
            Notice::ClientDisabled
        }
        "enable" => {
            admin.client(management::enable(&ground, &client.id, &actor).await)?;
            Notice::ClientEnabled
        }
        "delete" => {
            admin.client(management::delete(&ground, &client.id, &actor).await)?;
            admin.changed().await?;
            return Ok(admin.done(LIST, Notice::ClientDeleted));
        }
        _ => admin.found(None)?,
    };
    admin.changed().await?;
    Ok(admin.done(&of_client(&client.id), notice))
}

/// The answer itself shows the new secret: it stands in no address and no cookie (AD-07).
async fn rotate(admin: &Admin, client: &Client, posted: &Posted) -> Answer {
    if !admin.first(posted).await? {
        return Ok(admin.done(&of_client(&client.id), Notice::SentBefore));
    }
    let (ground, actor) = (admin.ground(), admin.actor());
    let made = management::rotate_secret(&ground, &client.id, DEFAULT_OVERLAP, &actor).await;
    let secret = admin.client(made)?;
    admin.changed().await?;
    Ok(shown(admin, client, Some(secret)).await?.respond())
}

/// Asks before a secret ends.
pub async fn ask_retire(admin: Admin, path: Path<(String, String)>) -> Answer {
    let (id, secret) = path.into_inner();
    let client = find(&admin, &id).await?;
    admin.recent()?;
    let secrets = admin.read(management::secrets(&admin.ground(), &client.id).await)?;
    let secret = admin.found(secrets.into_iter().find(|it| it.id == secret))?;
    let page = admin.page(Nav::Clients);
    let made = page.text.date_time(Timestamp::from_unix(secret.created_at));
    let base = of_client(&client.id);
    let action = format!("{base}/secrets/{}/retire", secret.id);
    Ok(Confirm::new(page, Act::RetireSecret { name: &made }, &action, &base).respond())
}

/// Ends a secret at once.
pub async fn retire(admin: Admin, path: Path<(String, String)>, _posted: Posted) -> Answer {
    let (id, secret) = path.into_inner();
    let id = clients::of_segment(&id);
    admin.recent()?;
    let done = management::retire_secret(&admin.ground(), &id, &secret, &admin.actor()).await;
    admin.client(done)?;
    admin.changed().await?;
    Ok(admin.done(&of_client(&id), Notice::SecretRetired))
}
