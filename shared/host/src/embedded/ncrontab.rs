//! NCRONTAB, the six-field schedules of timer triggers: `{second} {minute} {hour} {day} {month} {day-of-week}`.
//!
//! It differs from the cron most people know: the seconds are not optional, a day must satisfy *both* day fields,
//! Sunday is 0 and never 7, and there is no `L`, `W`, `#`, `?` or `@daily`. So the fields are read here, to numbers;
//! finding the next tick is croner's. Times are UTC.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// When something happens again and again, such as a timer.
#[derive(Debug, Clone)]
pub struct Schedule(Cron);

struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

const FIELDS: [Field; 6] = [
    Field { name: "second", min: 0, max: 59, names: &[] },
    Field { name: "minute", min: 0, max: 59, names: &[] },
    Field { name: "hour", min: 0, max: 23, names: &[] },
    Field { name: "day", min: 1, max: 31, names: &[] },
    Field { name: "month", min: 1, max: 12, names: &MONTHS },
    Field { name: "day-of-week", min: 0, max: 6, names: &DAYS },
];

impl Schedule {
    /// Reads a schedule. The error is a sentence for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        if parts.len() != FIELDS.len() {
            return Err(format!("the schedule {text:?} has {} fields, not six (seconds come first)", parts.len()));
        }
        let fields: Result<Vec<String>, String> =
            FIELDS.iter().zip(parts).map(|(field, part)| field.normalise(part)).collect();
        let fields = fields.map_err(|fault| format!("the schedule {text:?}: {fault}"))?;
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).dom_and_dow(true).build();
        let cron = parser.parse(&fields.join(" ")).map_err(|error| format!("the schedule {text:?}: {error}"))?;
        let schedule = Self(cron);
        match schedule.after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(format!("the schedule {text:?} never fires")),
        }
    }

    /// The first tick after `time`.
    pub fn after(&self, time: Timestamp) -> Option<Timestamp> {
        let next = self.0.find_next_occurrence(&time.to_zoned(TimeZone::UTC), false);
        next.ok().map(|zoned| zoned.timestamp())
    }
}

impl Field {
    fn normalise(&self, text: &str) -> Result<String, String> {
        let items: Result<Vec<String>, String> = text.split(',').map(|item| self.item(item)).collect();
        Ok(items?.join(","))
    }

    /// `*`, `n`, `a-b`, each perhaps with `/step`. `n/step` runs from n to the field's end.
    fn item(&self, text: &str) -> Result<String, String> {
        let (span, step) = match text.split_once('/') {
            Some((span, step)) => (span, Some(step)),
            None => (text, None),
        };
        let step = match step.map(str::parse::<u32>) {
            None => None,
            Some(Ok(step)) if step > 0 => Some(step),
            Some(_) => {
                return Err(format!("{text:?} in the {} field has no valid step", self.name));
            }
        };
        let (first, last) = match span.split_once('-') {
            _ if span == "*" => (self.min, self.max),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None if step.is_some() => (self.value(span)?, self.max),
            None => (self.value(span)?, self.value(span)?),
        };
        if first > last {
            return Err(format!("{text:?} in the {} field runs backwards", self.name));
        }
        Ok(match step {
            _ if span == "*" && step.is_none() => "*".to_owned(),
            _ if first == last => first.to_string(),
            Some(step) => {
                (first..=last).step_by(step as usize).map(|value| value.to_string()).collect::<Vec<_>>().join(",")
            }
            None => format!("{first}-{last}"),
        })
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let fault = || format!("{text:?} in the {} field is not from {} to {}", self.name, self.min, self.max);
        if let Ok(number) = text.parse::<u32>() {
            return if (self.min..=self.max).contains(&number) { Ok(number) } else { Err(fault()) };
        }
        let lower = text.to_ascii_lowercase();
        let named = self.names.iter().position(|name| lower.len() >= 3 && name.starts_with(&lower));
        named.and_then(|index| u32::try_from(index).ok()).map(|index| index + self.min).ok_or_else(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str) -> String {
        let schedule = Schedule::parse(schedule).unwrap();
        schedule.after(after.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn ticks() {
        // 2026-03-01 is a Sunday.
        for (schedule, after, expected) in [
            ("0 */5 * * * *", "2026-03-01T00:00:00Z", "2026-03-01T00:05:00Z"),
            ("0 */5 * * * *", "2026-03-01T00:04:59.5Z", "2026-03-01T00:05:00Z"),
            ("30 0 0 * * *", "2026-03-01T00:00:30Z", "2026-03-02T00:00:30Z"),
            ("*/10 * * * * *", "2026-03-01T00:00:51Z", "2026-03-01T00:01:00Z"),
            ("5/20 * * * * *", "2026-03-01T00:00:26Z", "2026-03-01T00:00:45Z"),
            ("0 0 9-17 * * Mon-Fri", "2026-03-06T17:00:00Z", "2026-03-09T09:00:00Z"),
            ("0 0 0 * * 0", "2026-03-02T00:00:00Z", "2026-03-08T00:00:00Z"),
            ("0 0 0 * * sunday", "2026-03-02T00:00:00Z", "2026-03-08T00:00:00Z"),
            ("0 0 0 1,15 * *", "2026-03-02T00:00:00Z", "2026-03-15T00:00:00Z"),
            ("0 0 0 1 Jan,jul *", "2026-03-02T00:00:00Z", "2026-07-01T00:00:00Z"),
            ("0 0 8-18/4 * * *", "2026-03-01T12:00:00Z", "2026-03-01T16:00:00Z"),
            ("0 0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ] {
            assert_eq!(next(schedule, after), expected, "{schedule} after {after}");
        }
    }

    #[test]
    fn both_day_fields_must_match() {
        // POSIX cron would fire on the next Friday; NCRONTAB waits for a Friday the 13th.
        assert_eq!(next("0 0 0 13 * 5", "2026-03-14T00:00:00Z"), "2026-11-13T00:00:00Z");
        // A step over all days is a restriction like any other.
        assert_eq!(next("0 0 0 */10 * 1", "2026-03-02T00:00:00Z"), "2026-05-11T00:00:00Z");
    }

    #[test]
    fn what_other_crons_know_is_refused() {
        for bad in [
            "*/5 * * * *",
            "0 0 0 * * * *",
            "@daily",
            "00:05:00",
            "0 0 0 L * *",
            "0 0 0 15W * *",
            "0 0 0 * * 5#2",
            "0 0 0 ? * *",
            "0 0 0 * * 7",
            "60 * * * * *",
            "0 0 24 * * *",
            "0 0 0 0 * *",
            "0 0 22-2 * * *",
            "*/0 * * * * *",
            "0 0 0 * Ja *",
            "0 0 0 30 2 *",
            "0,,5 * * * * *",
            "-5 * * * * *",
        ] {
            assert!(Schedule::parse(bad).is_err(), "{bad}");
        }
    }
}
