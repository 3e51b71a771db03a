//! The audit log, as a page and as files.

use super::guard::{Admin, Answer};
use super::list::{self, address};
use crate::domain::admin::{self, Event, LogQuery, Names};
use crate::http::edge::QueryParams;
use crate::http::page::{Nav, Page};
use crate::http::views::Badge;
use crate::http::views::admin::{Audit, AuditFilter, AuditRow};
use crate::http::views::choice::Choice;
use crate::protocol::params::Params;
use crate::protocol::time::{Lifetime, Timestamp};
use actix_web::HttpResponse;
use actix_web::http::header;

/// The fields of the filter.
const FIELDS: [&str; 8] = ["from", "to", "actor", "action", "target", "result", "ip", "code"];

/// Shows the page.
pub async fn list(admin: Admin, QueryParams(query): QueryParams) -> Answer {
    let before = list::text(&query, "before").parse().ok();
    let wanted = LogQuery { before, ..filter(&query) };
    let found = admin::events(&admin.ground(), wanted, list::rows(&query)).await;
    let (events, more) = admin.read(found)?;
    let names = admin.read(admin::names(&admin.ground(), &events).await)?;
    let page = admin.page(Nav::Audit);
    let last = events.last().filter(|_| more).map(|last| last.seq.to_string());
    Ok(Audit {
        filter: typed(&page, &query),
        rows: events.iter().map(|event| row(&page, event, &names)).collect(),
        first: before.map(|_| filtered(&query, "/admin/audit", "")),
        next: last.map(|seq| filtered(&query, "/admin/audit", &seq)),
        csv: filtered(&query, "/admin/audit.csv", ""),
        json: filtered(&query, "/admin/audit.json", ""),
        page,
    }
    .respond())
}

/// An entry as pages show it.
pub fn row(page: &Page, event: &Event, names: &Names) -> AuditRow {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let about =
        event.target.clone().or_else(|| event.user_id.as_ref().map(|id| format!("user:{id}")));
    let about = about.or_else(|| event.client_id.as_ref().map(|id| format!("client:{id}")));
    let target = about.unwrap_or_default();
    let name = |written: &String| names.get(written).cloned().unwrap_or_default();
    AuditRow {
        at: page.text.date_time(Timestamp::from_unix(event.at)),
        actor_name: name(&event.actor),
        actor: event.actor.clone(),
        action: event.action.clone(),
        target_name: name(&target),
        target,
        result: Badge::result(page.text, &event.result),
        ip: text(&event.ip),
        code: text(&event.request_code),
        details: text(&event.details),
    }
}

fn filter(query: &Params) -> LogQuery {
    let given = |name| Some(list::text(query, name)).filter(|value| !value.is_empty());
    LogQuery {
        from: day(&list::text(query, "from")),
        // The last day counts whole.
        to: day(&list::text(query, "to")).map(|day| day + Lifetime::days(1)),
        actor: given("actor"),
        action: given("action"),
        target: given("target"),
        user_id: None,
        result: given("result")
            .filter(|result| ["ok", "denied", "failed"].contains(&result.as_str())),
        ip: given("ip"),
        code: given("code").map(|code| code.to_uppercase()),
        before: None,
    }
}

fn typed(page: &Page, query: &Params) -> AuditFilter {
    let field = |name| list::text(query, name);
    // What is no day does not filter, and does not look as if it did.
    let date = |name| Some(field(name)).filter(|text| day(text).is_some()).unwrap_or_default();
    AuditFilter {
        from: date("from"),
        to: date("to"),
        actor: field("actor"),
        action: field("action"),
        target: field("target"),
        results: Choice::results(page.text, &field("result")),
        ip: field("ip"),
        code: field("code"),
    }
}

fn filtered(query: &Params, path: &str, before: &str) -> String {
    let values = FIELDS.map(|name| list::text(query, name));
    let pairs = FIELDS.iter().copied().zip(values.iter().map(String::as_str));
    let size = if path == "/admin/audit" { list::text(query, "page_size") } else { String::new() };
    let rest = [("page_size", size.as_str()), ("before", before)];
    address(path, &pairs.chain(rest).collect::<Vec<_>>())
}

/// The first second (UTC) of a day such as `2026-11-21`.
fn day(text: &str) -> Option<Timestamp> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month);
    if !in_range || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let in_year = (153 * month + 2) / 5 + day - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + in_year - 719_468;
    Some(Timestamp::from_unix(days * 86_400))
}

/// The entries as a table for other programs (RFC 4180).
pub async fn csv(admin: Admin, QueryParams(query): QueryParams) -> Answer {
    let events = admin.read(admin::export(&admin.ground(), filter(&query)).await)?;
    let mut body = String::from(
        "seq,at,actor,action,target,client_id,user_id,result,ip,request_code,details\r\n",
    );
    for event in &events {
        let optional = [&event.target, &event.client_id, &event.user_id];
        let rest = [&event.ip, &event.request_code, &event.details];
        let [target, client, user] = optional.map(|value| cell(value.as_deref()));
        let [ip, code, details] = rest.map(|value| cell(value.as_deref()));
        let [actor, action, result] =
            [&event.actor, &event.action, &event.result].map(|value| cell(Some(value)));
        body.push_str(&format!(
            "{},{},{actor},{action},{target},{client},{user},{result},{ip},{code},{details}\r\n",
            event.seq, event.at
        ));
    }
    Ok(file("text/csv; charset=utf-8", "audit.csv", body))
}

/// A cell in quotes. What a spreadsheet would run as a formula starts with an apostrophe.
fn cell(value: Option<&str>) -> String {
    let value = value.unwrap_or_default();
    let runs = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if runs { "'" } else { "" };
    format!("\"{mark}{}\"", value.replace('"', "\"\""))
}

/// The entries as JSON.
pub async fn json(admin: Admin, QueryParams(query): QueryParams) -> Answer {
    let events = admin.read(admin::export(&admin.ground(), filter(&query)).await)?;
    let body = serde_json::to_string(&events).expect("entries are numbers and texts");
    Ok(file("application/json", "audit.json", body))
}

fn file(content_type: &'static str, name: &str, body: String) -> HttpResponse {
    let disposition = format!("attachment; filename=\"{name}\"");
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_other_texts_are_not() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(951_782_400)),
            ("2026-11-21", Some(1_795_219_200)),
            ("2026-13-01", None),
            ("2026-11", None),
            ("yesterday", None),
            ("9999999-01-01", None),
        ] {
            assert_eq!(day(text).map(Timestamp::as_unix), expected, "{text}");
        }
    }

    #[test]
    fn a_cell_is_text_to_every_program() {
        assert_eq!(cell(Some("=cmd()")), "\"'=cmd()\"");
        assert_eq!(cell(Some("a \"b\", c")), "\"a \"\"b\"\", c\"");
        assert_eq!(cell(None), "\"\"");
    }
}
