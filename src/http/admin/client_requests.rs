//! How the requests of a client are protected: the third form of its page.

use super::client::{self, find};
use super::client_form::draft_of;
use super::guard::{Admin, Answer, Posted};
use crate::domain::clients::management::ClientDraft;
use crate::http::views::Errors;
use crate::http::views::admin::{ClientPage, RequestForm};
use crate::protocol::client::Client;
use actix_web::web::Path;

/// The form as it is stored.
pub fn form(client: &Client) -> RequestForm {
    let requests = &client.metadata.requests;
    RequestForm { require_pushed: requests.require_pushed_authorization_requests }
}

/// Saves the form.
pub async fn save(admin: Admin, id: Path<String>, posted: Posted) -> Answer {
    admin.recent()?;
    let client = find(&admin, &id).await?;
    let mut draft = draft_of(&client);
    read(&posted, &mut draft);
    let typed = Client { metadata: draft.metadata.clone(), ..client.clone() };
    match client::save(&admin, &client, draft, Errors::default()).await? {
        Ok(made) => client::saved(&admin, made).await,
        Err(errors) => {
            let page = client::shown(&admin, &client, None).await?;
            Ok(ClientPage { errors, requests: form(&typed), ..page }.respond())
        }
    }
}

fn read(posted: &Posted, draft: &mut ClientDraft) {
    let requests = &mut draft.metadata.requests;
    requests.require_pushed_authorization_requests =
        posted.ticked("require_pushed_authorization_requests");
}
