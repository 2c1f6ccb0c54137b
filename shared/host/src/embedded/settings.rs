//! Values of host.json and function.json that are text with a meaning: `%NAME%` and time spans.

use std::time::Duration;

/// Replaces every `%NAME%` by its setting.
pub(super) fn resolve(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut resolved = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        let (name, tail) = after.split_once('%').ok_or_else(|| format!("{text:?} has a single %"))?;
        resolved.push_str(before);
        resolved.push_str(&lookup(name).ok_or_else(|| format!("the setting {name} is missing"))?);
        rest = tail;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

/// Reads .NET's `[d.]hh:mm:ss`.
pub(super) fn time_span(text: &str) -> Result<Duration, String> {
    let fault = || format!("{text:?} is no time span such as 00:10:00");
    let (days, clock) = match text.split_once('.') {
        Some((days, clock)) => (days.parse::<u32>().map_err(|_| fault())?, clock),
        None => (0, text),
    };
    let parts: Vec<u32> = clock.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| fault())?;
    match parts[..] {
        [hours @ 0..24, minutes @ 0..60, seconds @ 0..60] => {
            let seconds = u64::from(hours * 3600 + minutes * 60 + seconds);
            Ok(Duration::from_secs(u64::from(days) * 86_400 + seconds))
        }
        _ => Err(fault()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans() {
        assert_eq!(time_span("00:10:00"), Ok(Duration::from_secs(600)));
        assert_eq!(time_span("1.02:03:04"), Ok(Duration::from_secs(93_784)));
        for bad in ["", "10", "00:10", "24:00:00", "00:60:00", "-00:01:00", "x", "00:00:00.5"] {
            assert!(time_span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_are_replaced_wherever_they_stand() {
        let lookup = |name: &str| (name == "A").then(|| "alpha".to_owned());
        assert_eq!(resolve("x-%A%-y-%A%", &lookup).unwrap(), "x-alpha-y-alpha");
        assert_eq!(resolve("plain", &lookup).unwrap(), "plain");
        assert_eq!(resolve("%B%", &lookup).unwrap_err(), "the setting B is missing");
        assert!(resolve("50%", &lookup).is_err());
    }
}
