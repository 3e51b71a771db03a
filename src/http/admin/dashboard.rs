//! The first page: how it goes, and what needs attention.

use super::guard::{Admin, Answer};
use super::list::{address, of_client};
use crate::domain::admin::{self, Attention};
use crate::http::page::{Nav, Page};
use crate::http::views::Link;
use crate::http::views::admin::{Dashboard, Day, Tile};

/// Shows the page.
pub async fn get(admin: Admin) -> Answer {
    let figures = admin.read(admin::dashboard(&admin.ground()).await)?;
    let page = admin.page(Nav::Dashboard);
    let today = figures.days.last().map_or((0, 0), |day| (day.sign_ins, day.failed));
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let key_change = figures.signing_since.map(|at| page.text.ago(at, admin.provider().now()));
    let key_change = key_change.unwrap_or_else(|| page.t("none").into_owned());
    let (sign_ins, failed) = (count(today.0), count(today.1));
    let tiles = Tile::list(&page, sign_ins, failed, figures.live_sessions, &key_change);
    let days = figures.days.iter().map(|day| Day {
        label: page.text.date(day.day),
        sign_ins: day.sign_ins,
        failed: day.failed,
    });
    let days = days.collect();
    let attention = figures.attention.iter().map(|what| link(&page, what)).collect();
    Ok(Dashboard { tiles, days, attention, page }.respond())
}

fn link(page: &Page, what: &Attention) -> Link {
    match what {
        Attention::WrongClock(deviation) => {
            let text = match deviation.by > 0 {
                true => "attention-clock-ahead",
                false => "attention-clock-behind",
            };
            let seconds = deviation.seconds().to_string();
            Link { label: page.with(text, &[("seconds", &seconds)]), href: String::new() }
        }
        Attention::OnlyOneAdministrator => Link {
            label: page.t("attention-one-admin").into_owned(),
            href: address("/admin/users", &[("role", "admin")]),
        },
        Attention::OldSecret { client_id, name } => Link {
            label: page.with("attention-old-secret", &[("name", name)]),
            href: of_client(client_id),
        },
        Attention::DiskNearlyFull { used } => Link {
            label: page.with("attention-disk", &[("used", &used.to_string())]),
            href: "/admin/audit".to_owned(),
        },
        Attention::CarelessDatabase { settings } => Link {
            label: page.with("attention-careless", &[("settings", settings)]),
            href: "/admin/audit".to_owned(),
        },
    }
}
