use super::*;
use reqwest::header::{HeaderName, HeaderValue};

const TWO_MINUTES: Patience = Patience(Duration::from_secs(120));

fn meter(kind: Kind) -> Meter {
    Meter::new(Some("S1"), kind)
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
}

async fn enter_now(throttle: &Throttle, kind: Kind) -> Pass {
    throttle.admit(&meter(kind), &mut TWO_MINUTES.clone()).await.unwrap()
}

/// How long the next one waits after a 429 with this header.
async fn wait_after(retry_after: Option<&str>) -> Duration {
    let throttle = Throttle::default();
    let answer = retry_after.map(|value| headers(&[("retry-after", value)])).unwrap_or_default();
    enter_now(&throttle, Kind::Read).await.answered(429, &answer, 0);
    let start = Instant::now();
    enter_now(&throttle, Kind::Read).await;
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn everyone_on_a_lane_obeys_retry_after_in_all_its_forms() {
    let whole = |wait: Duration| wait.as_secs_f64().round() as u64;
    assert_eq!(whole(wait_after(Some("17")).await), 17);
    let date = Timestamp::now() + Duration::from_secs(40);
    let date = httpdate::fmt_http_date(date.into());
    let wait = wait_after(Some(&date)).await;
    assert!(wait > Duration::from_secs(30) && wait <= Duration::from_secs(40), "{wait:?}");
    for absent_or_garbage in [None, Some("soon"), Some("-1")] {
        let wait = wait_after(absent_or_garbage).await;
        assert!(wait >= FIRST_BACKOFF / 2 && wait <= FIRST_BACKOFF * 2, "{absent_or_garbage:?}: {wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_lanes_go_on() {
    let throttle = Throttle::default();
    enter_now(&throttle, Kind::Read).await.answered(429, &headers(&[("retry-after", "60")]), 0);
    let start = Instant::now();
    throttle.admit(&Meter::new(Some("S2"), Kind::Read), &mut TWO_MINUTES.clone()).await.unwrap();
    enter_now(&throttle, Kind::Query).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_patience_is_not_begun() {
    let throttle = Throttle::default();
    enter_now(&throttle, Kind::Read).await.answered(429, &headers(&[("retry-after", "500")]), 0);
    let start = Instant::now();
    let refused = throttle.admit(&meter(Kind::Read), &mut TWO_MINUTES.clone()).await.unwrap_err();
    assert!(refused.0 > Duration::from_secs(499));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn four_hundred_reads_take_no_longer_than_they_must() {
    let throttle = Arc::new(Throttle::default());
    let start = Instant::now();
    let reads = (0..401).map(|_| {
        let throttle = Arc::clone(&throttle);
        tokio::spawn(async move { drop(enter_now(&throttle, Kind::Read).await) })
    });
    for read in reads.collect::<Vec<_>>() {
        read.await.unwrap();
    }
    let floor = Duration::from_secs_f64((401.0 - 250.0) / 25.0);
    assert!(start.elapsed() >= floor && start.elapsed() < floor.mul_f64(1.1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn those_who_were_paced_wait_too_when_a_429_comes() {
    let throttle = Arc::new(Throttle::default());
    let mut passes = Vec::new();
    for _ in 0..245 {
        passes.push(enter_now(&throttle, Kind::Read).await);
    }
    let start = Instant::now();
    let paced = tokio::spawn({
        let throttle = Arc::clone(&throttle);
        async move { drop(enter_now(&throttle, Kind::Read).await) }
    });
    tokio::task::yield_now().await;
    passes.pop().unwrap().answered(429, &headers(&[("retry-after", "10")]), 0);
    paced.await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn resource_graph_is_asked_fifteen_times_in_five_seconds() {
    let throttle = Throttle::default();
    let start = Instant::now();
    for _ in 0..16 {
        enter_now(&throttle, Kind::Query).await.answered(200, &HeaderMap::new(), 0);
    }
    assert!(start.elapsed() >= QUERY_WINDOW && start.elapsed() < QUERY_WINDOW * 2);
}

#[tokio::test(start_paused = true)]
async fn the_desktop_service_s_limit_is_learned_from_the_first_answer() {
    let throttle = Arc::new(Throttle::default());
    let first = enter_now(&throttle, Kind::SessionHosts).await;
    let start = Instant::now();
    let second = tokio::spawn({
        let throttle = Arc::clone(&throttle);
        async move { drop(enter_now(&throttle, Kind::SessionHosts).await) }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!second.is_finished(), "until the limit is known, one goes ahead");
    let window = [
        ("x-rate-limit-limit", "5m"),
        ("x-rate-limit-remaining", "0"),
        ("x-rate-limit-reset", "2026-01-01T00:01:00.1234567Z"),
        ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ];
    first.answered(200, &headers(&window), 0);
    second.await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_probe_without_an_answer_lets_the_next_one_probe() {
    let throttle = Throttle::default();
    drop(enter_now(&throttle, Kind::SessionHosts).await);
    let none =
        [("x-rate-limit-limit", "0"), ("x-rate-limit-remaining", "9223372036854775807"), ("x-rate-limit-reset", "0")];
    enter_now(&throttle, Kind::SessionHosts).await.answered(200, &headers(&none), 0);
    let start = Instant::now();
    for _ in 0..50 {
        drop(enter_now(&throttle, Kind::SessionHosts).await);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_429_of_the_desktop_service_does_not_stop_arm() {
    let throttle = Throttle::default();
    let answer = [
        ("retry-after", "60"),
        ("x-rate-limit-limit", "5m"),
        ("x-rate-limit-remaining", "0"),
        ("x-rate-limit-reset", "2026-01-01T00:01:00Z"),
        ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ];
    enter_now(&throttle, Kind::SessionHosts).await.answered(429, &headers(&answer), 0);
    let start = Instant::now();
    enter_now(&throttle, Kind::Read).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    enter_now(&throttle, Kind::SessionHosts).await;
    assert!(start.elapsed() >= Duration::from_secs(60));
}
