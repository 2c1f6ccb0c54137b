//! The function app in this process, with its queues worked by hand: a test decides which message is delivered when,
//! and how often, in the envelope that the Functions host would send.

use crate::expected;
use crate::harness::{files, read};
use axum::Router;
use axum::body::{Body, to_bytes};
use jiff::{SignedDuration, Timestamp};
use poolwarden::config::Config;
use poolwarden::deps::Deps;
use poolwarden::{app, export, letters, runs};
use poolwarden_domain::dead_letter::DeadLetter;
use poolwarden_domain::message::queue;
use poolwarden_domain::run::{Run, Source, Status, Trigger};
use poolwarden_store::{Clock, Delivery, Documents, Options, Outgoing, Queues, Sqlite};
use serde_json::{Value, json};
use simulator::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, EstateSpec, Running, Simulator};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tower::ServiceExt;

/// The connection that can sign in.
pub(crate) const CONNECTION: &str = "contoso";
/// The connection whose secret is wrong; it is disabled unless a test enables it.
pub(crate) const LOCKED_OUT: &str = "fabrikam";
/// Longer than any test.
const LOCK: Duration = Duration::from_secs(300);
/// The largest answer a function may give here.
const ANSWER_BYTES: usize = 1 << 20;

/// How messages are delivered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Post {
    /// Once, in order.
    Tidy,
    /// Whatever waits in a queue backwards, and each message twice.
    BackwardsAndTwice,
}

/// The function app over a store in memory and a simulated Azure.
pub(crate) struct Desk {
    pub(crate) azure: Running,
    pub(crate) deps: Arc<Deps>,
    pub(crate) store: Sqlite,
    router: Router,
    folder: TempDir,
    /// How many seconds its clock is ahead.
    ahead_s: Arc<AtomicI64>,
}

impl Desk {
    /// A desk with two connections, and `more` settings of the second.
    pub(crate) async fn new(estate: EstateSpec, more: &str) -> Self {
        Self::with(estate, more, false).await
    }

    /// The same where a timer sends transient dead letters again.
    pub(crate) async fn reprocessing(estate: EstateSpec) -> Self {
        Self::with(estate, "enabled = false", true).await
    }

    async fn with(estate: EstateSpec, more: &str, reprocesses: bool) -> Self {
        let azure = Simulator::start(simulator::Options { estate, ..simulator::Options::default() }).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("right"), DEFAULT_CLIENT_SECRET).unwrap();
        std::fs::write(folder.path().join("signing"), "whsec_c2ltdWxhdGVkLXNpZ25pbmctc2VjcmV0").unwrap();
        std::fs::write(folder.path().join("wrong"), "not the secret").unwrap();
        let (url, tenant) = (azure.url(), azure.tenant());
        let connection = |name: &str, secret: &str| {
            format!(
                "[[connection]]\nname = \"{name}\"\nschedule = \"* * * * * *\"\n\
                 endpoints = {{ arm = \"{url}\", authority = \"{url}\" }}\naudit = {{ enabled = false }}\n\
                 credential = {{ kind = \"client_secret\", tenant_id = \"{tenant}\", \
                 client_id = \"{DEFAULT_CLIENT_ID}\", secret = {{ file = \"{secret}\" }} }}\n"
            )
        };
        let hook = format!(
            "[[connection.webhook]]\nname = \"ops\"\nurl = \"{url}/_sim/webhook/ops\"\n\
             secret = {{ file = \"signing\" }}\nevents = [\"run.failed\", \"package.created\", \"package.promoted\", \"package.purged\"]\n"
        );
        let text = connection(CONNECTION, "right") + &hook + &connection(LOCKED_OUT, "wrong") + more;
        let path = folder.path().join("poolwarden.toml");
        let config = Config::parse(&text, &path, &HashMap::<&str, &str>::new(), |_| Ok(())).unwrap();
        let ahead_s = Arc::new(AtomicI64::new(0));
        let clock = {
            let ahead_s = Arc::clone(&ahead_s);
            Clock::from_fn(move || Timestamp::now() + SignedDuration::from_secs(ahead_s.load(Ordering::Relaxed)))
        };
        let store = Sqlite::in_memory(Options { clock: clock.clone(), ..Options::default() }).unwrap();
        let deps = Deps::new(config, Arc::new(store.clone()), Arc::new(store.clone())).unwrap();
        let deps = Arc::new(Deps { clock, reprocesses, ..deps });
        let router = app(&deps).into_router();
        Self { azure, deps, store, router, folder, ahead_s }
    }

    /// Lets this time pass, for the functions and the store alike.
    pub(crate) fn pass(&self, time: SignedDuration) {
        self.ahead_s.fetch_add(time.as_secs(), Ordering::Relaxed);
    }

    /// Invokes a function, and returns the answer's status and body.
    pub(crate) async fn invoke(&self, function: &str, envelope: &Value) -> (u16, Value) {
        let request = http::Request::post(format!("/{function}"))
            .header("content-type", "application/json")
            .header("x-azure-functions-invocationid", "6b1f5a9e-0c2d-4e8f-9a3b-1c2d3e4f5a6b")
            .body(Body::from(envelope.to_string()));
        let answer = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), ANSWER_BYTES).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Lets the timer that begins runs tick.
    pub(crate) async fn tick(&self) {
        self.fire("sync_timer").await;
    }

    /// Lets a timer tick.
    pub(crate) async fn fire(&self, timer_function: &str) {
        let timer = json!({"Schedule": {"AdjustForDST": true}, "ScheduleStatus": null, "IsPastDue": false});
        let envelope = json!({"Data": {"timer": timer}, "Metadata": {"sys": {"MethodName": timer_function}}});
        let (status, body) = self.invoke(timer_function, &envelope).await;
        assert_eq!(status, 200, "{body:#}");
    }

    /// Calls an HTTP function; returns the status and the body that the caller gets, and the headers.
    pub(crate) async fn call(
        &self,
        function: &str,
        method: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> (u16, Value, Value) {
        let (status, answer) = self.invoke(function, &http_envelope(method, function, headers, body)).await;
        if status != 200 {
            return (status, answer, Value::Null);
        }
        let output = &answer["Outputs"]["res"];
        (output["statusCode"].as_str().unwrap().parse().unwrap(), output["body"].clone(), output["headers"].clone())
    }

    /// Everything that is kept, with its versions, and how much waits in each queue.
    pub(crate) async fn everything(&self) -> Value {
        let documents = self.store.scan("", None, 100_000).await.unwrap();
        let documents: Vec<Value> = documents
            .iter()
            .map(|(key, document)| json!([key, document.version.0, String::from_utf8_lossy(&document.body)]))
            .collect();
        let mut queues = Vec::new();
        for queue in queue::ALL {
            queues.push(format!("{queue}: {:?}", self.store.depth(queue).await.unwrap()));
        }
        json!({"documents": documents, "queues": queues})
    }

    /// Puts a message with this body into a queue.
    pub(crate) async fn send(&self, queue: &str, id: &str, body: &str) {
        let message = Outgoing::new(id, body);
        self.store.send(queue, vec![message]).await.unwrap();
    }

    /// Begins a run of the connection that can sign in.
    pub(crate) async fn begin(&self, run: &str) {
        let run = Run::new(run.to_owned(), CONNECTION, Trigger::Command, Source::Azure, self.deps.now());
        runs::start(&self.deps, &run).await.unwrap();
    }

    /// How a run ended, if it has.
    pub(crate) async fn ended(&self, run: &str) -> Option<Status> {
        let run: Option<Run> = self.deps.state().value(&format!("runs/{run}/{CONNECTION}")).await.unwrap();
        run.unwrap().finished.map(|finished| finished.report.status)
    }

    /// Delivers one message as often as `times` says, and settles it as the host would.
    async fn deliver(&self, delivery: &Delivery, times: usize) {
        let queue = delivery.lock.queue.as_str();
        let envelope = envelope(queue, delivery);
        let mut answer = (0, Value::Null);
        for _ in 0..times {
            answer = self.invoke(queue, &envelope).await;
        }
        match answer {
            (200, body) => {
                assert!(body.get("Outputs").is_some(), "the host waits for the full object: {body}");
                self.store.complete(&delivery.lock).await.unwrap();
            }
            (_, body) => self.store.abandon(&delivery.lock, Duration::ZERO, &body.to_string()).await.unwrap(),
        }
    }

    /// Delivers what leads to a stage, once and in order; that stage's own messages are left waiting.
    pub(crate) async fn carry_to(&self, stage: &str) {
        for queue in queue::ALL.into_iter().take_while(|queue| *queue != stage) {
            for delivery in self.store.receive(queue, 1000, LOCK, Duration::ZERO).await.unwrap() {
                self.deliver(&delivery, 1).await;
            }
        }
    }

    /// Delivers until no message is ready; returns what was delivered, in order.
    pub(crate) async fn drain(&self, post: Post) -> Vec<Delivery> {
        let mut delivered = Vec::new();
        loop {
            let before = delivered.len();
            for queue in queue::ALL {
                let mut waiting = self.store.receive(queue, 1000, LOCK, Duration::ZERO).await.unwrap();
                let times = match post {
                    Post::Tidy => 1,
                    Post::BackwardsAndTwice => {
                        waiting.reverse();
                        2
                    }
                };
                for delivery in &waiting {
                    self.deliver(delivery, times).await;
                }
                delivered.extend(waiting);
            }
            if delivered.len() == before {
                return delivered;
            }
        }
    }

    /// The dead letters of every queue.
    pub(crate) async fn dead_letters(&self) -> Vec<(String, DeadLetter)> {
        let letters = letters::all(&self.deps).await.unwrap();
        letters.into_iter().map(|letter| (letter.queue.clone(), letter)).collect()
    }

    /// The manifests of the catalogue, which must be what the estate should lead to; and nothing is left in a queue.
    pub(crate) async fn assert_true(&self) -> Vec<Value> {
        for queue in queue::ALL {
            let depth = self.store.depth(queue).await.unwrap();
            assert_eq!((depth.ready, depth.locked, depth.scheduled, depth.dead), (0, 0, 0, 0), "{queue}");
        }
        let catalogue = self.folder.path().join("catalogue");
        export::export(&self.deps, &catalogue, None).await.unwrap();
        let manifests: Vec<Value> = files(&catalogue.join("packages")).iter().map(|file| read(file)).collect();
        let expected = expected::catalogue(&self.azure.estate()).unwrap();
        let differences = expected::differences(&expected, &manifests);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        manifests
    }
}

/// An HTTP request as the Functions host sends it.
pub(crate) fn http_envelope(method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Value {
    let headers: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    let mut request = json!({"Url": format!("http://localhost/api/{path}"), "Method": method, "Query": {},
        "Headers": headers, "Params": {}, "Identities": []});
    if let Some(body) = body {
        request["Body"] = json!(body);
    }
    json!({"Data": {"req": request}, "Metadata": {"Query": {}, "Headers": {}, "sys": {"MethodName": path}}})
}

/// A Service Bus message as the Functions host sends it: the body encoded twice, the metadata as strings, and a
/// body's own top-level scalars over both.
pub(crate) fn envelope(function: &str, delivery: &Delivery) -> Value {
    let body = Value::from(delivery.body.as_str()).to_string();
    let mut metadata = json!({
        "MessageId": Value::from(delivery.id.as_str()).to_string(),
        "DeliveryCount": delivery.delivery_count.to_string(),
        "SequenceNumber": delivery.sequence.to_string(),
        "LockToken": Value::from(delivery.lock.token.as_str()).to_string(),
        "EnqueuedTimeUtc": delivery.enqueued_at.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        "ApplicationProperties": {},
        "Client": {},
        "sys": {"MethodName": function, "UtcNow": "2026-03-01T10:00:00Z", "RandGuid": "guid"},
    });
    if let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(&delivery.body) {
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_object() && !value.is_array()) {
            metadata[name] = Value::from(value.to_string());
        }
    }
    json!({"Data": {"message": body}, "Metadata": metadata})
}
