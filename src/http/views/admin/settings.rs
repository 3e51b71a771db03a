//! The further settings of a client.

use super::super::Errors;
use super::super::choice::Choice;
use crate::http::page::Page;
use askama::Template;

/// `GET /admin/clients/{id}/settings`. Posts to the same address: each field by its `id`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/client_settings.html")]
pub struct ClientSettings {
    pub page: Page,
    pub errors: Errors,
    /// `/admin/clients/{id}`.
    pub base: String,
    pub name: String,
    /// A mark of what is stored.
    pub version: String,
    pub sections: Vec<SettingSection>,
    /// Where its tokens can be looked at.
    pub preview: String,
}

/// Settings that belong together.
#[derive(Debug, Clone)]
pub struct SettingSection {
    pub id: String,
    pub title: String,
    pub fields: Vec<SettingField>,
}

/// One setting.
#[derive(Debug, Clone)]
pub struct SettingField {
    /// The member of the registration.
    pub id: &'static str,
    pub label: String,
    pub control: Control,
}

/// How a setting is filled in.
#[derive(Debug, Clone)]
pub enum Control {
    Line(String),
    Area(String),
    Flag(bool),
    Select(Vec<Choice>),
    /// Any of these.
    Checks(Vec<Choice>),
}
