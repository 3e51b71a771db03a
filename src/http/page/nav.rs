//! The navigation of the account and admin pages.

use super::Page;
use crate::http::text::Text;

/// Where a page stands. The sign-in pages stand nowhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Nav {
    #[default]
    None,
    Overview,
    Profile,
    Security,
    Devices,
    Apps,
    Requests,
    Dashboard,
    Users,
    Clients,
    Registration,
    Resources,
    Issuers,
    Upstreams,
    Keys,
    Audit,
}

/// One line of the navigation.
#[derive(Debug)]
pub struct NavItem {
    pub href: &'static str,
    pub label: String,
    pub current: bool,
}

const ACCOUNT: [(Nav, &str, &str); 6] = [
    (Nav::Overview, "/account", "nav-overview"),
    (Nav::Profile, "/account/profile", "nav-profile"),
    (Nav::Security, "/account/security", "nav-security"),
    (Nav::Devices, "/account/devices", "nav-devices"),
    (Nav::Apps, "/account/apps", "nav-apps"),
    (Nav::Requests, "/account/requests", "nav-requests"),
];

const ADMIN: [(Nav, &str, &str); 9] = [
    (Nav::Dashboard, "/admin", "nav-dashboard"),
    (Nav::Users, "/admin/users", "nav-users"),
    (Nav::Clients, "/admin/clients", "nav-clients"),
    (Nav::Registration, "/admin/registration", "nav-registration"),
    (Nav::Resources, "/admin/resources", "nav-resources"),
    (Nav::Issuers, "/admin/issuers", "nav-issuers"),
    (Nav::Upstreams, "/admin/upstreams", "nav-upstreams"),
    (Nav::Keys, "/admin/keys", "nav-keys"),
    (Nav::Audit, "/admin/audit", "nav-audit"),
];

impl Nav {
    /// Whether this is a page for administrators.
    pub fn is_admin(self) -> bool {
        ADMIN.iter().any(|(nav, ..)| *nav == self)
    }
}

impl Page {
    /// Which half of the pages this is, in a word.
    pub fn area(&self) -> String {
        let key = if self.nav.is_admin() { "area-admin" } else { "area-account" };
        self.t(key).into_owned()
    }

    /// The navigation of that half.
    pub fn nav_items(&self) -> Vec<NavItem> {
        let items: &[_] = if self.nav.is_admin() { &ADMIN } else { &ACCOUNT };
        let item = |&(nav, href, key): &(Nav, &'static str, &str)| NavItem {
            href,
            label: self.t(key).into_owned(),
            current: nav == self.nav,
        };
        let across = crossing(self.text, self.nav.is_admin(), self.is_admin);
        items.iter().map(item).chain(across).collect()
    }
}

/// The link to the other half, for those who may go there.
fn crossing(text: Text, on_admin_page: bool, is_admin: bool) -> Option<NavItem> {
    let (href, key) = match (on_admin_page, is_admin) {
        (true, _) => ("/account", "nav-your-account"),
        (false, true) => ("/admin", "area-admin"),
        (false, false) => return None,
    };
    Some(NavItem { href, label: text.t(key).into_owned(), current: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_admin_pages_is_shown_to_administrators() {
        let has_admin = |page: &Page| page.nav_items().iter().any(|item| item.href == "/admin");
        let person = Page { nav: Nav::Security, ..Page::default() };
        assert!(!has_admin(&person));
        assert!(has_admin(&Page { is_admin: true, ..person }));
    }

    #[test]
    fn exactly_one_line_is_current() {
        let page = Page { nav: Nav::Keys, ..Page::default() };
        let current: Vec<_> = page.nav_items().into_iter().filter(|item| item.current).collect();
        assert_eq!(current.len(), 1);
        assert_eq!(current[0].href, "/admin/keys");
    }
}
