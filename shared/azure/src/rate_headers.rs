//! What Azure's headers say about waiting. Four services, four dialects:
//! ARM (`x-ms-ratelimit-remaining-*`), Resource Graph (`x-ms-user-quota-*`), Azure Virtual Desktop (`X-Rate-Limit-*`),
//! Microsoft Graph (`x-ms-throttle-limit-percentage`).

use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// What is left of a window, and when the next one starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WindowHint {
    /// The service says that it sets no limit here.
    NoLimit,
    /// So many requests more until then.
    Left {
        /// Requests that are still accepted.
        remaining: u64,
        /// When the count starts anew, from now.
        resets_in: Duration,
    },
}

/// How long to wait before the next request: seconds or an HTTP date. `None` when absent or garbage.
///
/// A date is compared with the answer's own `Date`, so that a wrong clock on either side does no harm.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = text(headers, RETRY_AFTER.as_str())?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(until(http_date(text)?, headers, now))
}

/// The lowest of the counts that ARM reports for reads.
pub(crate) fn arm_reads_left(headers: &HeaderMap) -> Option<u64> {
    [
        "x-ms-ratelimit-remaining-subscription-reads",
        "x-ms-ratelimit-remaining-subscription-global-reads",
        "x-ms-ratelimit-remaining-tenant-reads",
        "x-ms-ratelimit-remaining-tenant-global-reads",
    ]
    .into_iter()
    .filter_map(|name| text(headers, name)?.parse().ok())
    .min()
}

/// The lowest of the counts that ARM reports for writes and deletes.
pub(crate) fn arm_writes_left(headers: &HeaderMap) -> Option<u64> {
    [
        "x-ms-ratelimit-remaining-subscription-writes",
        "x-ms-ratelimit-remaining-subscription-global-writes",
        "x-ms-ratelimit-remaining-subscription-deletes",
        "x-ms-ratelimit-remaining-subscription-global-deletes",
        "x-ms-ratelimit-remaining-tenant-writes",
        "x-ms-ratelimit-remaining-tenant-deletes",
    ]
    .into_iter()
    .filter_map(|name| text(headers, name)?.parse().ok())
    .min()
}

/// Resource Graph: `x-ms-user-quota-remaining: 14`, `x-ms-user-quota-resets-after: 00:00:05`.
pub(crate) fn resource_graph_window(headers: &HeaderMap) -> Option<WindowHint> {
    let remaining = text(headers, "x-ms-user-quota-remaining")?.parse().ok()?;
    let resets_in = clock_time(text(headers, "x-ms-user-quota-resets-after")?)?;
    Some(WindowHint::Left { remaining, resets_in })
}

/// Azure Virtual Desktop: `X-Rate-Limit-Limit: 5m`, `-Remaining: 9`, `-Reset: 2026-01-01T00:00:00.1234567Z`; a limit
/// of `0` means none.
pub(crate) fn avd_window(headers: &HeaderMap, now: Timestamp) -> Option<WindowHint> {
    let limit = text(headers, "x-rate-limit-limit")?;
    let remaining = text(headers, "x-rate-limit-remaining")?.parse::<u64>().ok()?;
    if limit == "0" || remaining >= i64::MAX as u64 {
        return Some(WindowHint::NoLimit);
    }
    let reset = text(headers, "x-rate-limit-reset")?;
    let reset = reset.parse::<Timestamp>().or_else(|_| format!("{reset}Z").parse()).ok()?;
    Some(WindowHint::Left { remaining, resets_in: until(reset, headers, now) })
}

/// Microsoft Graph: `x-ms-throttle-limit-percentage: 0.93`, the share of its limit that is used, from 0.8 on.
pub(crate) fn graph_share_used(headers: &HeaderMap) -> Option<f64> {
    text(headers, "x-ms-throttle-limit-percentage")?.parse().ok().filter(|used| (0.0..=2.0).contains(used))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn http_date(text: &str) -> Option<Timestamp> {
    Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()
}

fn until(then: Timestamp, headers: &HeaderMap, now: Timestamp) -> Duration {
    let now = text(headers, DATE.as_str()).and_then(http_date).unwrap_or(now);
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// `hh:mm:ss`, with or without a fraction.
fn clock_time(text: &str) -> Option<Duration> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let whole =
        hours.parse::<u64>().ok()?.checked_mul(3_600)?.checked_add(minutes.parse::<u64>().ok()?.checked_mul(60)?)?;
    let seconds = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    parts.next().is_none().then(|| Duration::from_secs(whole).checked_add(seconds)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn retry_after_comes_in_four_forms() {
        let wait = |value: &str| retry_after(&headers(&[("retry-after", value)]), now());
        assert_eq!(wait("17"), Some(Duration::from_secs(17)));
        assert_eq!(wait("Thu, 01 Jan 2026 00:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(wait("Wed, 01 Jan 2025 00:00:30 GMT"), Some(Duration::ZERO));
        for garbage in ["soon", "-5", "", "1.5.2", "99999999999999999999999"] {
            assert_eq!(wait(garbage), None, "{garbage}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now()), None);
        let with_date = [("retry-after", "Thu, 01 Jan 2026 01:00:30 GMT"), ("date", "Thu, 01 Jan 2026 01:00:00 GMT")];
        assert_eq!(
            retry_after(&headers(&with_date), now()),
            Some(Duration::from_secs(30)),
            "the service's clock counts"
        );
    }

    #[test]
    fn arm_s_lowest_count_matters() {
        let both = [
            ("x-ms-ratelimit-remaining-subscription-reads", "249"),
            ("x-ms-ratelimit-remaining-subscription-global-reads", "3"),
        ];
        assert_eq!(arm_reads_left(&headers(&both)), Some(3));
        assert_eq!(arm_reads_left(&headers(&[("x-ms-ratelimit-remaining-tenant-reads", "x")])), None);
    }

    #[test]
    fn writes_and_deletes_are_counted_apart_from_reads() {
        let write = [("x-ms-ratelimit-remaining-subscription-writes", "199")];
        assert_eq!((arm_writes_left(&headers(&write)), arm_reads_left(&headers(&write))), (Some(199), None));
        let delete = [("x-ms-ratelimit-remaining-subscription-deletes", "7"), write[0]];
        assert_eq!(arm_writes_left(&headers(&delete)), Some(7));
        assert_eq!(arm_writes_left(&headers(&[("x-ms-ratelimit-remaining-subscription-reads", "3")])), None);
    }

    #[test]
    fn microsoft_graph_s_share_of_its_limit() {
        let used = |value: &str| graph_share_used(&headers(&[("x-ms-throttle-limit-percentage", value)]));
        assert_eq!(used("0.93"), Some(0.93));
        assert_eq!(used("1.8"), Some(1.8));
        for garbage in ["93%", "-1", "1e9", "NaN", ""] {
            assert_eq!(used(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn resource_graph_s_window() {
        let window = |left, reset| {
            resource_graph_window(&headers(&[
                ("x-ms-user-quota-remaining", left),
                ("x-ms-user-quota-resets-after", reset),
            ]))
        };
        assert_eq!(
            window("14", "00:00:05"),
            Some(WindowHint::Left { remaining: 14, resets_in: Duration::from_secs(5) })
        );
        assert_eq!(
            window("0", "01:02:03.5"),
            Some(WindowHint::Left { remaining: 0, resets_in: Duration::from_millis(3_723_500) })
        );
        for garbage in ["5", "a:b:c", "00:00:-1", "00:00:05:00", "99999999999999999:00:00"] {
            assert_eq!(window("0", garbage), None, "{garbage}");
        }
    }

    #[test]
    fn azure_virtual_desktop_s_window_and_its_form_for_no_limit() {
        let window = |limit, left, reset| {
            let all = [("x-rate-limit-limit", limit), ("x-rate-limit-remaining", left), ("x-rate-limit-reset", reset)];
            avd_window(&headers(&all), now())
        };
        let four = Some(WindowHint::Left { remaining: 9, resets_in: Duration::from_nanos(240_123_456_700) });
        assert_eq!(window("5m", "9", "2026-01-01T00:04:00.1234567Z"), four);
        assert_eq!(window("5m", "9", "2026-01-01T00:04:00.1234567"), four);
        assert_eq!(window("0", "9223372036854775807", "0"), Some(WindowHint::NoLimit));
        assert_eq!(window("5m", "many", "2026-01-01T00:04:00Z"), None);
    }
}
