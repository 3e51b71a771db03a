//! The dashboard, the keys and the audit log.

use super::super::choice::Choice;
use super::super::{Badge, Link};
use crate::http::page::Page;
use askama::Template;

/// The width of a day in the chart, its bar and its height, in the chart's own units.
const DAY_WIDTH: u64 = 20;
const CHART_HEIGHT: u64 = 120;

/// `GET /admin`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/dashboard.html")]
pub struct Dashboard {
    pub page: Page,
    pub tiles: Vec<Tile>,
    /// The last 30 days, oldest first.
    pub days: Vec<Day>,
    /// What needs attention, with where to see to it; without an address when that is not here.
    pub attention: Vec<Link>,
}

/// One figure.
#[derive(Debug, Clone)]
pub struct Tile {
    pub label: String,
    pub value: String,
}

impl Tile {
    /// The tiles of the dashboard, in order.
    pub fn list(
        page: &Page,
        sign_ins: i64,
        failed: i64,
        sessions: i64,
        key_change: &str,
    ) -> Vec<Self> {
        let tile = |key: &str, value: String| Self { label: page.t(key).into_owned(), value };
        vec![
            tile("tile-sign-ins", sign_ins.to_string()),
            tile("tile-failed", failed.to_string()),
            tile("tile-sessions", sessions.to_string()),
            tile("tile-key-change", key_change.to_owned()),
        ]
    }
}

/// One day of the chart.
#[derive(Debug, Clone)]
pub struct Day {
    pub label: String,
    pub sign_ins: u64,
    pub failed: u64,
}

/// A day as two boxes, the failed attempts standing on the sign-ins.
struct Bar {
    x: u64,
    y: u64,
    height: u64,
    failed_y: u64,
    failed_height: u64,
}

impl Dashboard {
    fn bars(&self) -> Vec<Bar> {
        let highest = self.days.iter().map(|day| day.sign_ins.saturating_add(day.failed)).max();
        let highest = highest.unwrap_or(0).max(1);
        let units = |count: u64| {
            let share = u128::from(count) * u128::from(CHART_HEIGHT) / u128::from(highest);
            u64::try_from(share).expect("at most the height of the chart")
        };
        let bar = |(x, day): (u64, &Day)| {
            let (height, failed_height) = (units(day.sign_ins), units(day.failed));
            let y = CHART_HEIGHT - height;
            Bar { x, y, height, failed_y: y.saturating_sub(failed_height), failed_height }
        };
        (0..).step_by(DAY_WIDTH as usize).zip(&self.days).map(bar).collect()
    }

    fn chart_width(&self) -> u64 {
        DAY_WIDTH * self.days.len().max(1) as u64
    }
}

/// `GET /admin/keys`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/keys.html")]
pub struct Keys {
    pub page: Page,
    pub rows: Vec<KeyRow>,
    /// One link for each algorithm, to its confirm page.
    pub rotate: Vec<Link>,
}

/// A signing key.
#[derive(Debug, Clone)]
pub struct KeyRow {
    pub kid: String,
    pub algorithm: String,
    pub state: Badge,
    pub created: String,
    /// Since when, or from when on, it signs.
    pub signs_from: String,
    /// When it leaves the key set; empty while that is not known.
    pub leaves: String,
    /// Where it is retired before its time.
    pub retire_url: Option<String>,
}

/// `GET /admin/audit`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/audit.html")]
pub struct Audit {
    pub page: Page,
    pub filter: AuditFilter,
    pub rows: Vec<AuditRow>,
    /// The address of the newest entries, when these are others.
    pub first: Option<String>,
    /// The address of older entries.
    pub next: Option<String>,
    /// The same entries as files.
    pub csv: String,
    pub json: String,
}

/// The fields of the filter, as typed; their names are those of the fields.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// A day such as `2026-11-21`.
    pub from: String,
    pub to: String,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub results: Vec<Choice>,
    pub ip: String,
    pub code: String,
}

/// An entry of the audit log.
#[derive(Debug, Clone)]
pub struct AuditRow {
    pub at: String,
    /// As it is written: `user:ID`.
    pub actor: String,
    /// What whoever acted is called; empty for what has no name.
    pub actor_name: String,
    pub action: String,
    pub target: String,
    pub target_name: String,
    pub result: Badge,
    pub ip: String,
    pub code: String,
    /// More of it, such as the reason. May be empty.
    pub details: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dashboard(days: &[(u64, u64)]) -> Dashboard {
        let day = |(sign_ins, failed): &(u64, u64)| Day {
            label: String::new(),
            sign_ins: *sign_ins,
            failed: *failed,
        };
        let days = days.iter().map(day).collect();
        Dashboard { page: Page::default(), tiles: Vec::new(), days, attention: Vec::new() }
    }

    #[test]
    fn the_highest_day_fills_the_chart() {
        let bars = dashboard(&[(50, 50), (10, 0)]).bars();
        assert_eq!((bars[0].y, bars[0].height), (60, 60));
        assert_eq!((bars[0].failed_y, bars[0].failed_height), (0, 60));
        assert_eq!((bars[1].x, bars[1].height), (20, 12));
    }

    #[test]
    fn nothing_and_very_much_can_be_drawn() {
        assert!(dashboard(&[]).bars().is_empty());
        assert_eq!(dashboard(&[(0, 0)]).bars()[0].height, 0);
        assert_eq!(dashboard(&[(u64::MAX, u64::MAX)]).bars()[0].height, 120);
    }
}
