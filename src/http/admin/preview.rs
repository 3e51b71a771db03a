//! What tokens would say of a person.

use super::guard::{Admin, Answer};
use super::list;
use crate::domain::admin::preview::{self, NoPreview, Sample};
use crate::http::edge::QueryParams;
use crate::http::page::Nav;
use crate::http::views::admin::{PreviewPage, SampleView};

/// Where it is.
pub(super) const PATH: &str = "/admin/preview";

/// Shows the form and, once it is filled in, the tokens.
pub async fn get(admin: Admin, QueryParams(query): QueryParams) -> Answer {
    let [client, resource, user] =
        ["client", "resource", "user"].map(|name| list::text(&query, name));
    let mut view = PreviewPage {
        client: client.clone(),
        resource: resource.clone(),
        user: user.clone(),
        page: admin.page(Nav::Clients),
        ..PreviewPage::default()
    };
    if client.is_empty() || user.is_empty() {
        return Ok(view.respond());
    }
    let wanted = Some(resource.as_str()).filter(|resource| !resource.is_empty());
    match preview::of(admin.provider(), &client, wanted, &user).await {
        Ok(made) => {
            let samples = [
                ("preview-access-token", Some(made.access_token)),
                ("preview-id-token", made.id_token),
            ];
            let shown = samples.into_iter().filter_map(|(title, one)| Some((title, one?)));
            view.samples = shown.map(|(title, one)| sample(&view, title, &one)).collect();
        }
        Err(NoPreview::Fault(error)) => admin.read(Err::<(), _>(error))?,
        Err(missing) => {
            let key = match missing {
                NoPreview::Client => "preview-no-client",
                NoPreview::Target => "preview-no-target",
                _ => "preview-no-user",
            };
            view.problem = Some(view.page.t(key).into_owned());
        }
    }
    Ok(view.respond())
}

fn sample(view: &PreviewPage, title: &str, one: &Sample) -> SampleView {
    let page = &view.page;
    SampleView {
        id: title.to_owned(),
        title: page.t(title).into_owned(),
        json: one.claims.as_ref().map(|claims| format!("{claims:#}")),
        size: page.with("preview-size", &[("bytes", &one.bytes.to_string())]),
        is_large: one.is_large(),
    }
}
