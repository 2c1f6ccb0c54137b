//! The custom handler as a process, and invocations over its port.

use crate::answer::{Verdict, judge};
use crate::app::App;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::stream;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Client};
use serde_json::Value;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// The version the host says it has.
const VERSION: &str = "4.1037.0.0";
/// How often `/` is asked for until it is answered, and for how long.
const ASK_EVERY: Duration = Duration::from_millis(25);
const START_PATIENCE: Duration = Duration::from_secs(30);
/// The chunks that a body is sent in.
const CHUNK_BYTES: usize = 16 * 1024;

/// How the process is started.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Variables beside the host's own; no other is passed on.
    pub environment: Vec<(String, String)>,
    /// Where its standard error is added to; nowhere otherwise.
    pub log: Option<PathBuf>,
}

/// A handler that has answered on its port. Dropped, it is killed.
#[derive(Debug)]
pub struct Handler {
    child: Child,
    caller: Caller,
}

/// What invocations go through; it outlives the process.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    url: String,
    id: u32,
    http: Client,
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The media type with its parameters.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// What the host makes of it.
    pub fn verdict(&self) -> Verdict {
        judge(self.status, self.content_type.as_deref(), &self.body)
    }
}

impl Handler {
    /// Starts the process, and waits until `/` is answered, with whatever.
    pub async fn start(app: &App, settings: &Settings) -> Result<Self> {
        let port = free_port()?;
        let mut command = command(app, settings, port)?;
        let mut child = command.spawn().with_context(|| format!("{} does not start", app.program.display()))?;
        let id = child.id().context("the process has ended")?;
        let http = Client::builder().no_proxy().http1_only().timeout(app.timeout).build()?;
        let caller = Caller { url: format!("http://127.0.0.1:{port}"), id, http };
        let began = Instant::now();
        while caller.root().await.is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("the handler ended before it was ready ({status})");
            }
            if began.elapsed() > START_PATIENCE {
                bail!("the handler did not answer within {START_PATIENCE:?}");
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(Self { child, caller })
    }

    /// The process' id.
    pub fn id(&self) -> u32 {
        self.caller.id
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.caller.url
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it ends.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// Kills it by SIGKILL, as the host does, and waits until it is gone.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        self.child.start_kill().context("the handler cannot be killed")?;
        self.wait().await
    }

    /// Asks for `/`.
    pub async fn root(&self) -> Result<Reply> {
        self.caller.root().await
    }

    /// Posts a body in these chunks to a path.
    pub async fn post(&self, path: &str, chunks: Vec<Bytes>) -> Result<Reply> {
        self.caller.post(path, chunks, None).await
    }

    /// Invokes a function. An answer that broke off is a failure.
    pub async fn invoke(&self, function: &str, envelope: &Value) -> Verdict {
        match self.caller.invoke(function, envelope, None).await {
            Ok(reply) => reply.verdict(),
            Err(error) => Verdict::Failed(format!("{error:#}")),
        }
    }

    pub(crate) fn caller(&self) -> Caller {
        self.caller.clone()
    }
}

fn command(app: &App, settings: &Settings, port: u16) -> Result<Command> {
    let stderr = match &settings.log {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.with_context(|| format!("cannot write {}", path.display()))?.into()
        }
        None => Stdio::null(),
    };
    let mut command = Command::new(&app.program);
    command.args(&app.arguments).current_dir(&app.folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).kill_on_drop(true);
    command.env_clear();
    command.env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string()).env("FUNCTIONS_HTTPWORKER_PORT", port.to_string());
    command.env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", guid()).env("FUNCTIONS_APP_ROOT_PATH", &app.folder);
    command.envs(settings.environment.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

impl Caller {
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    async fn root(&self) -> Result<Reply> {
        reply(self.http.get(format!("{}/", self.url)).timeout(START_PATIENCE)).await
    }

    pub(crate) async fn invoke(&self, function: &str, envelope: &Value, trace: Option<&str>) -> Result<Reply> {
        let bytes = Bytes::from(envelope.to_string());
        self.post(&format!("/{function}"), chunks(&bytes), trace).await
    }

    async fn post(&self, path: &str, chunks: Vec<Bytes>, trace: Option<&str>) -> Result<Reply> {
        // A stream has no length that is known before, so it is sent in chunks.
        let body = Body::wrap_stream(stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>)));
        let mut request = self.http.post(format!("{}{path}", self.url)).body(body);
        request = request.header(CONTENT_TYPE, "application/json; charset=utf-8");
        request = request.header("User-Agent", format!("Azure-Functions-Host/{VERSION}"));
        request = request.header("X-Azure-Functions-HostVersion", VERSION);
        request = request.header("X-Azure-Functions-InvocationId", guid());
        if let Some(trace) = trace {
            request = request.header("traceparent", trace);
        }
        reply(request).await
    }
}

async fn reply(request: reqwest::RequestBuilder) -> Result<Reply> {
    let response = request.send().await.context("the handler gave no answer")?;
    let status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = response.bytes().await.context("the handler's answer broke off")?.to_vec();
    Ok(Reply { status, content_type, body })
}

/// A body in the pieces it is sent in.
pub fn chunks(bytes: &Bytes) -> Vec<Bytes> {
    (0..bytes.len()).step_by(CHUNK_BYTES).map(|at| bytes.slice(at..bytes.len().min(at + CHUNK_BYTES))).collect()
}

fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no free port can be had")?;
    Ok(listener.local_addr()?.port())
}

/// An id that does not repeat in this process.
fn guid() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-0000-4000-8000-{number:012x}", std::process::id())
}
