//! The list of resources, and the way to a new one.

use super::guard::{Admin, Answer, Posted};
use super::list::{self, address, below};
use super::resource::{parse_pairs, shown};
use crate::domain::resources::management::{self, ResourceDraft, ResourceError};
use crate::http::edge::QueryParams;
use crate::http::page::{Nav, Notice, Page};
use crate::http::problems;
use crate::http::text::Text;
use crate::http::views::Errors;
use crate::http::views::admin::{NewResource, ResourceRow, Resources};
use crate::http::views::choice::Choice;
use crate::protocol::client::AccessTokenFormat;
use crate::protocol::resource::Resource;

pub(super) const LIST: &str = "/admin/resources";

/// Shows the list.
pub async fn list(admin: Admin, QueryParams(query): QueryParams) -> Answer {
    let after = list::after(&query);
    let is_first = after.is_none();
    let size = list::rows(&query);
    // One more than is shown tells whether there is another page.
    let found = management::list(&admin.ground(), after, size + 1).await;
    let mut resources = admin.read(found)?;
    let more = resources.len() as i64 > size;
    resources.truncate(usize::try_from(size).unwrap_or_default());
    let page = admin.page(Nav::Resources);
    let size = list::text(&query, "page_size");
    let at = |cursor: &str| address(LIST, &[("page_size", &size), ("after", cursor)]);
    let last = resources.last().filter(|_| more);
    Ok(Resources {
        rows: resources.iter().map(|resource| row(&page, resource)).collect(),
        first: (!is_first).then(|| at("")),
        next: last.map(|last| at(&list::cursor(last.created_at, &last.id))),
        page,
    }
    .respond())
}

fn row(page: &Page, resource: &Resource) -> ResourceRow {
    let scopes: Vec<&str> = resource.settings.scopes.keys().map(String::as_str).collect();
    ResourceRow {
        name: resource.name.clone(),
        href: below(LIST, &resource.id),
        identifier: resource.identifier.clone(),
        format: in_words(page.text, resource.settings.token_format),
        scopes: scopes.join(" "),
    }
}

fn in_words(text: Text, format: AccessTokenFormat) -> String {
    let formats = Choice::token_formats(text, format.as_str());
    formats.into_iter().find(|one| one.chosen).map(|one| one.label).unwrap_or_default()
}

/// Asks for a new one.
pub async fn new(admin: Admin) -> Answer {
    admin.recent()?;
    Ok(NewResource { page: admin.page(Nav::Resources), ..NewResource::default() }.respond())
}

/// Makes one. How its tokens look comes after, on its own page.
pub async fn create(admin: Admin, posted: Posted) -> Answer {
    admin.recent_or("/admin/resources/new")?;
    let mut draft = ResourceDraft {
        identifier: posted.field("identifier"),
        name: posted.field("name"),
        ..ResourceDraft::default()
    };
    draft.settings.set_scopes(parse_pairs(&posted.field("scopes")));
    let seal = Some(admin.provider().resources.seal());
    match management::create(&admin.ground(), draft, seal, &admin.actor()).await {
        Err(error @ (ResourceError::Invalid(_) | ResourceError::Taken)) => {
            let page = admin.page(Nav::Resources);
            let mut errors = Errors::default();
            problems::add(&mut errors, page.text, &error.problems());
            Ok(NewResource {
                errors,
                identifier: posted.field("identifier"),
                name: posted.field("name"),
                scopes: posted.field("scopes"),
                page,
            }
            .respond())
        }
        made => {
            let made = admin.resource(made)?;
            admin.changed().await?;
            match made.secret {
                Some(_) => Ok(shown(&admin, &made.resource, made.secret).respond()),
                None => Ok(admin.done(&below(LIST, &made.resource.id), Notice::ResourceSaved)),
            }
        }
    }
}
