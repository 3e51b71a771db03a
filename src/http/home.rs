//! The front page.

use super::interaction::Visitor;
use super::views::home::Home;
use actix_web::{HttpResponse, web};

/// Adds the page.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(web::resource("/").route(web::get().to(home)));
}

async fn home(visitor: Visitor) -> HttpResponse {
    let signed_in = visitor.signed_in().await.ok().flatten();
    let mut page = visitor.page();
    page.is_admin = signed_in.as_ref().is_some_and(|signed_in| signed_in.is_admin());
    page.email = signed_in.map(|signed_in| signed_in.user.email);
    Home { page, issuer: visitor.state.provider.issuer.clone() }.respond()
}
