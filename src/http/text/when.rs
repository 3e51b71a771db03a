//! Times in words. All of them are in UTC and say so: the server cannot know a browser's zone.

use super::Text;
use crate::protocol::time::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Text {
    /// A day: `3 March 2026`.
    pub fn date(&self, at: Timestamp) -> String {
        let (year, month, day) = civil(at.as_unix().div_euclid(DAY));
        let month = self.t(MONTHS[month]);
        let (year, day) = (year.to_string(), day.to_string());
        self.with("date", &[("day", &day), ("month", &month), ("year", &year)])
    }

    /// A day and a minute: `3 March 2026, 09:14 UTC`.
    pub fn date_time(&self, at: Timestamp) -> String {
        let seconds = at.as_unix().rem_euclid(DAY);
        let time = format!("{:02}:{:02}", seconds / HOUR, seconds % HOUR / MINUTE);
        self.with("date-time", &[("date", &self.date(at)), ("time", &time)])
    }

    /// How long ago: `5 minutes ago`, `yesterday`, `11 months ago`.
    pub fn ago(&self, at: Timestamp, now: Timestamp) -> String {
        let seconds = now.seconds_since(at);
        match seconds {
            ..MINUTE => self.t("ago-now").into_owned(),
            MINUTE..HOUR => self.count("ago-minutes", seconds / MINUTE),
            HOUR..DAY => self.count("ago-hours", seconds / HOUR),
            _ if seconds < 31 * DAY => self.count("ago-days", seconds / DAY),
            _ if seconds < 365 * DAY => self.count("ago-months", seconds / (30 * DAY)),
            _ => self.count("ago-years", seconds / (365 * DAY)),
        }
    }
}

const MONTHS: [&str; 12] = [
    "month-1", "month-2", "month-3", "month-4", "month-5", "month-6", "month-7", "month-8",
    "month-9", "month-10", "month-11", "month-12",
];

/// Year, month (0 to 11) and day of a day counted from 1970-01-01, in the Gregorian calendar.
/// Years are taken to start in March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, usize, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let leaps = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = usize::try_from((from_march + 2) % 12).expect("a remainder of 12 is small");
    (era * 400 + year_of_era + i64::from(month < 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let text = Text::default();
        assert_eq!(text.date(at(0)), "1 January 1970");
        assert_eq!(text.date(at(951_782_400)), "29 February 2000");
        assert_eq!(text.date(at(1_798_761_599)), "31 December 2026");
        assert_eq!(text.date_time(at(1_772_529_240)), "3 March 2026, 09:14 UTC");
        assert_eq!(Text::new(Language::German).date(at(1_772_529_240)), "3. März 2026");
    }

    #[test]
    fn spans_read_as_people_say_them() {
        let text = Text::default();
        let ago = |seconds: i64| text.ago(at(1_000_000_000), at(1_000_000_000 + seconds));
        assert_eq!(ago(-5), "just now");
        assert_eq!(ago(59), "just now");
        assert_eq!(ago(60), "1 minute ago");
        assert_eq!(ago(2 * HOUR), "2 hours ago");
        assert_eq!(ago(DAY), "yesterday");
        assert_eq!(ago(40 * DAY), "1 month ago");
        assert_eq!(ago(800 * DAY), "2 years ago");
    }
}
