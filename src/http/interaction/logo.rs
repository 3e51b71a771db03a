//! `GET /logo/{client_id}`: the picture of a client, from our own origin.

use crate::domain::clients::{self, logo};
use crate::http::State;
use crate::http::views::initials;
use actix_web::http::header;
use actix_web::{HttpResponse, web};

/// The picture, or letters in its place.
pub async fn get(state: web::Data<State>, client_id: web::Path<String>) -> HttpResponse {
    let client_id = clients::of_segment(&client_id);
    let client = match clients::find(&state.provider, &client_id).await {
        Ok(Some(client)) => client,
        Ok(None) | Err(_) => return HttpResponse::NotFound().finish(),
    };
    match logo::png(&state.provider, &client).await {
        Some(png) => picture("image/png", "public, max-age=86400", png.to_vec()),
        None => {
            picture("image/svg+xml", "public, max-age=60", letters(&initials(&client.name)).into())
        }
    }
}

/// Opened by itself it is a page of our origin, so nothing may run in it.
fn picture(kind: &'static str, caching: &'static str, body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type(kind)
        .body(body)
}

/// Initials are letters and digits, so they need no escape.
fn letters(initials: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 44 44\">\
         <rect width=\"44\" height=\"44\" rx=\"10\" fill=\"#e2f1f2\"/>\
         <text x=\"22\" y=\"28\" text-anchor=\"middle\" font-family=\"sans-serif\" \
         font-size=\"16\" font-weight=\"600\" fill=\"#0b5d66\">{initials}</text></svg>"
    )
}
