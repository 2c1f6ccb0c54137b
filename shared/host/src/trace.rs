//! Which trace an invocation belongs to (W3C Trace Context, <https://www.w3.org/TR/trace-context/>), and what is said
//! of it once it has ended.
//!
//! An invocation's parent comes with the request; messages that the function sends carry the invocation on, so that a
//! run is one trace across functions, processes and machines. Nothing is exported here: whoever wants the ended spans
//! asks for them with [`export_to`]. Whether a trace is sampled is somebody else's decision, which is passed on.

use crate::ids;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

/// One span's place in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace, never 0.
    pub trace_id: u128,
    /// The span, never 0.
    pub span_id: u64,
    /// The flags: 1 is "sampled".
    pub flags: u8,
}

impl TraceContext {
    /// The beginning of a trace.
    #[must_use]
    pub fn root() -> Self {
        let trace_id = (u128::from(ids::unique()) << 64) | u128::from(ids::unique().max(1));
        Self { trace_id, span_id: ids::unique().max(1), flags: 1 }
    }

    /// A further span of the same trace.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span_id: ids::unique().max(1), ..*self }
    }

    /// Reads a `traceparent`; nothing if it is not valid, which means that a trace begins here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version = hex(parts.next()?, 2)?;
        let trace_id = hex(parts.next()?, 32)?;
        let span_id = u64::try_from(hex(parts.next()?, 16)?).ok()?;
        let flags = u8::try_from(hex(parts.next()?, 2)?).ok()?;
        // A later version may say more; this one does not.
        let known = version != 0xff && (version != 0 || parts.next().is_none());
        (known && trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, flags })
    }

    /// The trace's id as it is written in logs.
    #[must_use]
    pub fn trace(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

/// A number of exactly so many lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == digits && text.bytes().all(lower)).then(|| u128::from_str_radix(text, 16).ok())?
}

/// As a `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// What a function says about itself, for the one line in the log and for the span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// The runs it worked for, with commas between.
    pub run: Option<String>,
    /// Their connections.
    pub connection: Option<String>,
    /// How many requests it sent.
    pub requests: Option<u64>,
}

/// A piece of work that has ended.
#[derive(Debug, Clone)]
pub struct Span {
    /// The function, or the command.
    pub name: String,
    /// Whether a message fired it.
    pub by_message: bool,
    /// Its place.
    pub context: TraceContext,
    /// What it is part of.
    pub parent: Option<TraceContext>,
    /// When it began.
    pub started: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// The host's id of the invocation.
    pub invocation_id: Option<String>,
    /// How often the message was delivered.
    pub delivery_count: Option<u32>,
    /// What it said about itself.
    pub notes: Notes,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

type Sink = Box<dyn Fn(Span) + Send + Sync>;
static SINK: OnceLock<Sink> = OnceLock::new();

/// Hands every span of this process that ends from here on to `sink`, which must not block. Only the first call
/// counts, as there is one export in a process; the answer is whether this was it.
pub fn export_to(sink: impl Fn(Span) + Send + Sync + 'static) -> bool {
    SINK.set(Box::new(sink)).is_ok()
}

/// Hands on a span that has ended.
pub(crate) fn export(span: impl FnOnce() -> Span) {
    if let Some(sink) = SINK.get() {
        sink(span());
    }
}

/// Work under way.
pub(crate) struct Scope {
    pub(crate) context: TraceContext,
    pub(crate) parent: Option<TraceContext>,
    pub(crate) started: SystemTime,
    notes: Mutex<Notes>,
}

tokio::task_local! {
    static CURRENT: Arc<Scope>;
}

impl Scope {
    pub(crate) fn new(parent: Option<TraceContext>) -> Arc<Self> {
        let context = parent.as_ref().map_or_else(TraceContext::root, TraceContext::child);
        Arc::new(Self { context, parent, started: SystemTime::now(), notes: Mutex::default() })
    }

    /// Runs a future as this work.
    pub(crate) async fn run<F: Future>(self: &Arc<Self>, work: F) -> F::Output {
        CURRENT.scope(Arc::clone(self), work).await
    }

    pub(crate) fn notes(&self) -> Notes {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Runs a future as the beginning of a trace: for work that no host invokes, such as a command.
pub async fn root<T, E: fmt::Display>(name: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let scope = Scope::new(None);
    let result = scope.run(work).await;
    export(|| Span {
        name: name.to_owned(),
        by_message: false,
        context: scope.context,
        parent: None,
        started: scope.started,
        ended: SystemTime::now(),
        invocation_id: None,
        delivery_count: None,
        notes: scope.notes(),
        error: result.as_ref().err().map(ToString::to_string),
    });
    result
}

/// The place of the work that this is called in, to pass on with a message; nothing outside of any.
#[must_use]
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|scope| scope.context).ok()
}

fn note(add: impl FnOnce(&mut Notes)) {
    // Outside of an invocation there is no line to add to.
    let add = |scope: &Arc<Scope>| add(&mut scope.notes.lock().unwrap_or_else(PoisonError::into_inner));
    CURRENT.try_with(add).unwrap_or_default();
}

/// Says which run and connection this invocation works for. There may be several.
pub fn note_run(run: Option<&str>, connection: Option<&str>) {
    fn add(to: &mut Option<String>, value: Option<&str>) {
        match (to, value) {
            (_, None) => {}
            (to @ None, Some(value)) => *to = Some(value.to_owned()),
            (Some(known), Some(value)) if known.split(',').any(|one| one == value) => {}
            (Some(known), Some(value)) => {
                known.push(',');
                known.push_str(value);
            }
        }
    }
    note(|notes| {
        add(&mut notes.run, run);
        add(&mut notes.connection, connection);
    });
}

/// Says how many requests this invocation has sent so far.
pub fn note_requests(requests: u64) {
    note(|notes| notes.requests = Some(requests));
}

#[cfg(test)]
mod tests;
