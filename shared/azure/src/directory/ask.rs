//! Asking Microsoft Graph: lists, and many small requests in one (`$batch`).
//! <https://learn.microsoft.com/graph/json-batching>

use crate::answers::error_text;
use crate::arm::{Arm, Call, THROTTLED_TRIES, TRIES, json, too_long_text};
use crate::cloud::query_text;
use crate::listing::{Listed, read_items};
use crate::rate_headers::retry_after;
use crate::throttle::{Kind, Meter, Patience, backoff, jittered};
use crate::versions::{GRAPH, GRAPH_BATCH};
use bytes::Bytes;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Requests under way at once. What really bounds them is the shared client.
pub(super) const AT_ONCE: usize = 8;

/// A kind of question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Topic {
    /// What is asked for, for a person: "the owners".
    pub(super) what: &'static str,
    /// The permission that lets one ask.
    pub(super) permission: &'static str,
    /// What one request costs, in Microsoft Graph's units.
    pub(super) units: u32,
}

/// What a list held, and why there may be more.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) items: Vec<T>,
    pub(super) gap: Option<Unreadable>,
}

/// One of many small requests. Only lists are asked for.
#[derive(Debug)]
pub(super) struct Part {
    /// What it is about: the answer comes back under this name.
    pub(super) key: String,
    /// Path and query below the version.
    url: String,
    /// Whether it needs the service's index, which may be a little behind.
    eventual: bool,
    failures: u32,
    throttled: u32,
}

impl Part {
    /// `path` holds no text from outside but ids that were checked.
    pub(super) fn new(key: impl Into<String>, path: &str, query: &[(&str, &str)]) -> Self {
        let query = if query.is_empty() { String::new() } else { format!("?{}", query_text(query)) };
        let url = format!("/{path}{query}");
        Self { key: key.into(), url, eventual: false, failures: 0, throttled: 0 }
    }

    pub(super) fn eventual(self) -> Self {
        Self { eventual: true, ..self }
    }
}

/// One answer within a batch.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    status: u16,
    #[serde(default)]
    headers: HashMap<String, serde_json::Value>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Answers<'a> {
    #[serde(borrow)]
    responses: Vec<Answer<'a>>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "@odata.nextLink")]
    next_link: Option<Cow<'a, str>>,
}

/// What became of one part in one round.
enum Outcome<T> {
    Page(Listed<T>, Option<String>),
    NotFound,
    Again(Unreadable, Duration, bool),
    Hopeless(Unreadable),
}

/// A list's items, and what is missing of it.
fn found<T>(listed: Listed<T>) -> Found<T> {
    let flaw = listed.flaws.into_iter().next().map(|flaw| flaw.reason);
    Found { items: listed.items, gap: listed.stopped.or(flaw) }
}

impl Topic {
    pub(super) fn call(&self, url: url::Url, body: Option<Bytes>) -> Call {
        let meter = Meter { units: self.units, ..Meter::new(None, Kind::Graph) };
        Call { url, body, meter, what: self.what, scope: ArmId::new("/"), role: self.permission }
    }

    fn story(&self, why: Why, text: &str) -> Unreadable {
        Unreadable::new(why, format!("{} of the directory: {text}", self.what))
    }

    /// A reason that only the permission can mend.
    pub(super) fn forbidden(&self, text: &str) -> Unreadable {
        self.story(Why::Forbidden, &format!("{text}; grant the permission {} of Microsoft Graph", self.permission))
    }

    pub(super) fn failed(&self, text: &str) -> Unreadable {
        self.story(Why::Failed, text)
    }

    pub(super) fn malformed(&self, text: &str) -> Unreadable {
        self.story(Why::Malformed, text)
    }

    pub(super) fn too_large(&self, text: &str) -> Unreadable {
        self.story(Why::TooLarge, text)
    }
}

impl Arm {
    /// A request to Microsoft Graph.
    pub(super) fn graph_call(&self, topic: Topic, path: &str, query: &[(&str, &str)], body: Option<Bytes>) -> Call {
        topic.call(self.shared.endpoints.graph_url(&format!("{GRAPH}/{path}"), query), body)
    }

    /// A whole list of Microsoft Graph, as far as it can be had.
    pub(super) async fn graph_list<T>(
        &self,
        topic: Topic,
        call: Call,
        read: impl Fn(&RawValue) -> Result<T, String>,
    ) -> Reading<Found<T>> {
        let listed = self.list(call, read).await?;
        listed.map(found).ok_or_else(|| topic.failed("404, there is no such list"))
    }

    /// Many lists in few requests, each with what became of it. `None`: what it is of does not exist.
    pub(super) async fn graph_lists<T>(
        &self,
        topic: Topic,
        parts: Vec<Part>,
        read: impl Fn(&RawValue) -> Result<T, String> + Copy,
    ) -> Vec<(String, Reading<Option<Found<T>>>)> {
        let mut batches: Vec<Vec<Part>> = Vec::new();
        for part in parts {
            match batches.last_mut().filter(|batch| batch.len() < GRAPH_BATCH) {
                Some(batch) => batch.push(part),
                None => batches.push(vec![part]),
            }
        }
        let answers = stream::iter(batches).map(|batch| self.graph_batch(topic, batch, read));
        let answers: Vec<_> = answers.buffered(AT_ONCE).collect().await;
        answers.into_iter().flatten().collect()
    }

    async fn graph_batch<T>(
        &self,
        topic: Topic,
        mut open: Vec<Part>,
        read: impl Fn(&RawValue) -> Result<T, String> + Copy,
    ) -> Vec<(String, Reading<Option<Found<T>>>)> {
        let mut done = Vec::new();
        let mut patience = Patience(self.shared.patience);
        while !open.is_empty() {
            let call = self.batch_call(topic, &open);
            let read_batch = |body: &[u8]| read_answers(topic, &call, body, read);
            let mut answers = match self.ask(&call, read_batch).await {
                Ok(Some(answers)) => answers,
                Ok(None) => {
                    let reason = topic.failed("404, the service takes no batch");
                    done.extend(open.drain(..).map(|part| (part.key, Err(reason.clone()))));
                    break;
                }
                Err(reason) => {
                    done.extend(open.drain(..).map(|part| (part.key, Err(reason.clone()))));
                    break;
                }
            };
            let (mut again, mut longest) = (Vec::new(), Duration::ZERO);
            for (at, mut part) in std::mem::take(&mut open).into_iter().enumerate() {
                let unanswered =
                    || Outcome::Again(topic.failed("a batch came back without its answer"), self.shared.pause, false);
                match answers.remove(&at).unwrap_or_else(unanswered) {
                    Outcome::Page(listed, next) => {
                        let listed = self.graph_rest(topic, &call, listed, next, read).await;
                        done.push((part.key, Ok(Some(found(listed)))));
                    }
                    Outcome::NotFound => done.push((part.key, Ok(None))),
                    Outcome::Hopeless(reason) => done.push((part.key, Err(reason))),
                    Outcome::Again(reason, wait, is_throttled) => {
                        *(if is_throttled { &mut part.throttled } else { &mut part.failures }) += 1;
                        if part.failures >= TRIES || part.throttled >= THROTTLED_TRIES {
                            done.push((part.key, Err(reason)));
                            continue;
                        }
                        let unnamed = if is_throttled { backoff(part.throttled) } else { jittered(self.shared.pause) };
                        longest = longest.max(if wait.is_zero() { unnamed } else { wait });
                        again.push(part);
                    }
                }
            }
            if let Err(too_long) = patience.spend(longest) {
                let reason = topic.story(Why::Throttled, &too_long_text(too_long));
                done.extend(again.drain(..).map(|part| (part.key, Err(reason.clone()))));
            }
            if !again.is_empty() {
                tokio::time::sleep(longest).await;
            }
            open = again;
        }
        done
    }

    fn batch_call(&self, topic: Topic, parts: &[Part]) -> Call {
        let requests = parts.iter().enumerate().map(|(at, part)| {
            let mut request = serde_json::json!({"id": at.to_string(), "method": "GET", "url": part.url});
            if part.eventual {
                request["headers"] = serde_json::json!({"ConsistencyLevel": "eventual"});
            }
            request
        });
        let body = serde_json::json!({ "requests": requests.collect::<Vec<_>>() }).to_string();
        let mut call = self.graph_call(topic, "$batch", &[], Some(body.into()));
        call.meter.units = topic.units.saturating_mul(u32::try_from(parts.len()).unwrap_or(u32::MAX));
        call
    }

    /// The pages after the one that a batch held.
    async fn graph_rest<T>(
        &self,
        topic: Topic,
        batch: &Call,
        mut listed: Listed<T>,
        next: Option<String>,
        read: impl Fn(&RawValue) -> Result<T, String>,
    ) -> Listed<T> {
        let Some(next) = next.filter(|next| !next.is_empty()) else { return listed };
        let rest = match batch.url.join(&next) {
            Err(_) => Err(topic.malformed("the link to its next page is no URL")),
            Ok(url) => self.list(topic.call(url, None), read).await,
        };
        match rest {
            Ok(Some(rest)) => listed.append(rest),
            Ok(None) => listed.stopped = Some(topic.failed("a page that an earlier one names is not there (404)")),
            Err(reason) => listed.stopped = Some(reason),
        }
        listed
    }
}

/// Reads a batch's answers, by the number of the request that each is for.
fn read_answers<T>(
    topic: Topic,
    call: &Call,
    body: &[u8],
    read: impl Fn(&RawValue) -> Result<T, String> + Copy,
) -> Result<HashMap<usize, Outcome<T>>, String> {
    let answers: Answers<'_> = json(body)?;
    let outcomes = answers.responses.into_iter().filter_map(|answer| {
        let at = answer.id.parse().ok()?;
        Some((at, outcome(topic, call, &answer, read)))
    });
    Ok(outcomes.collect())
}

fn outcome<T>(
    topic: Topic,
    call: &Call,
    answer: &Answer<'_>,
    read: impl Fn(&RawValue) -> Result<T, String>,
) -> Outcome<T> {
    let body = answer.body.map_or("", RawValue::get);
    let text = || format!("{} {}", answer.status, error_text(body.as_bytes()));
    match answer.status {
        200..=299 => match json::<Page<'_>>(body.as_bytes()) {
            Ok(page) => {
                let mut listed = Listed::new();
                listed.take_in(&mut HashSet::new(), &call.scope, read_items(&page.value, read));
                Outcome::Page(listed, page.next_link.map(Cow::into_owned))
            }
            Err(text) => Outcome::Hopeless(topic.malformed(&text)),
        },
        404 => Outcome::NotFound,
        401 | 403 => Outcome::Hopeless(topic.forbidden(&text())),
        429 => Outcome::Again(topic.story(Why::Throttled, &text()), asked_wait(answer), true),
        408 | 500 | 502 | 503 | 504 => Outcome::Again(topic.failed(&text()), asked_wait(answer), false),
        _ => Outcome::Hopeless(topic.failed(&text())),
    }
}

/// How long the service asks to wait; zero when it does not say.
fn asked_wait(answer: &Answer<'_>) -> Duration {
    let named = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(RETRY_AFTER.as_str()));
    let text = named.map(|(_, value)| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let value = text.and_then(|text| HeaderValue::from_str(&text).ok());
    let headers: HeaderMap = value.map(|value| (RETRY_AFTER, value)).into_iter().collect();
    retry_after(&headers, Timestamp::now()).unwrap_or_default()
}
