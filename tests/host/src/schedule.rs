//! NCRONTAB schedules: `second minute hour day month weekday`, in UTC, with `*`, `*/n`, `a-b`, `a-b/n` and lists.

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The least and the largest value of each field. Weekday 7 is Sunday, too.
const RANGES: [(u8, u8); 6] = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule([Vec<u8>; 6]);

impl Schedule {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        ensure!(fields.len() == RANGES.len(), "{text:?} does not have six fields");
        let mut parsed: [Vec<u8>; 6] = Default::default();
        for ((field, range), values) in fields.iter().zip(RANGES).zip(&mut parsed) {
            *values = values_of(field, range).with_context(|| format!("in the schedule {text:?}"))?;
        }
        Ok(Self(parsed))
    }

    /// Whether it has a tick in this second.
    pub(crate) fn is_due(&self, at: Timestamp) -> bool {
        let time = at.to_zoned(TimeZone::UTC);
        let weekday = time.weekday().to_sunday_zero_offset();
        let now = [time.second(), time.minute(), time.hour(), time.day(), time.month(), weekday];
        self.0.iter().zip(now).all(|(values, now)| u8::try_from(now).is_ok_and(|now| values.contains(&now)))
    }
}

fn values_of(field: &str, (least, largest): (u8, u8)) -> Result<Vec<u8>> {
    let mut values = Vec::new();
    for part in field.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, largest),
            Some((from, to)) => (from.parse()?, to.parse()?),
            None if step.is_some() => (range.parse()?, largest),
            None => (range.parse()?, range.parse()?),
        };
        let step: usize = step.map_or(Ok(1), str::parse)?;
        ensure!(least <= from && from <= to && to <= largest && step > 0, "{part:?} is out of range");
        values.extend((from..=to).step_by(step).map(|value| if largest == 7 { value % 7 } else { value }));
    }
    Ok(values)
}
