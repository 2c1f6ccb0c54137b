//! The host: it keeps the handler running, and fires functions by messages and timers until it is stopped.

use crate::answer::Verdict;
use crate::app::{App, Trigger};
use crate::envelope;
use crate::process::{Caller, Handler, Settings};
use crate::queues;
use crate::schedule::Schedule;
use crate::service_bus::{ServiceBus, Tokens};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How often a handler may die before it is ready, until the host gives up.
const FAILED_STARTS: usize = 3;
/// How long a broken connection may come before the news that the process has died.
const NEWS: Duration = Duration::from_secs(2);
/// Messages of a queue that are worked on at a time, unless it is said.
const AT_A_TIME: usize = 32;

/// What a host works with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The staged app.
    pub app: PathBuf,
    /// How its handler is started.
    pub settings: Settings,
    /// The namespace whose queues fire functions, and who signs in to it; without it no queue is read.
    pub service_bus: Option<(String, Tokens)>,
    /// Messages of a queue that are worked on at a time.
    pub at_a_time: usize,
    /// Whether timers tick by themselves.
    pub timers: bool,
}

impl Options {
    /// A host of this app that fires nothing by itself.
    pub fn new(app: impl Into<PathBuf>) -> Self {
        Self { app: app.into(), settings: Settings::default(), service_bus: None, at_a_time: AT_A_TIME, timers: false }
    }
}

/// What became of a function's invocations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// They succeeded.
    pub done: usize,
    /// They failed.
    pub failed: usize,
    /// The real host would still be waiting for them.
    pub hung: usize,
    /// They took longer than their message was locked.
    pub lost_locks: usize,
}

/// A running host. Dropped, it kills its handler.
#[derive(Debug)]
pub struct FunctionsHost {
    shared: Arc<Shared>,
    kills: mpsc::Sender<()>,
    tasks: JoinSet<()>,
}

/// What the host's tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) app: App,
    pub(crate) at_a_time: usize,
    state: watch::Receiver<State>,
    settings: Mutex<Settings>,
    counts: Mutex<BTreeMap<String, Counts>>,
    deaths: Mutex<Vec<ExitStatus>>,
}

/// Whether there is a handler.
#[derive(Debug, Clone)]
enum State {
    Starting,
    Ready(Caller),
    /// It ended for good.
    Down(String),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FunctionsHost {
    /// Starts the handler, and then whatever fires its functions.
    pub async fn start(options: Options) -> Result<Self> {
        let app = App::load(&options.app)?;
        let (news, state) = watch::channel(State::Starting);
        let shared = Arc::new(Shared {
            app,
            at_a_time: options.at_a_time,
            state,
            settings: Mutex::new(options.settings),
            counts: Mutex::default(),
            deaths: Mutex::default(),
        });
        let (kills, orders) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        tasks.spawn(supervise(Arc::clone(&shared), news, orders));
        shared.ready().await?;
        let bus = options.service_bus.map(|(url, tokens)| ServiceBus::new(&url, tokens)).transpose()?.map(Arc::new);
        for function in shared.app.functions.values().cloned() {
            match (function.trigger, &bus) {
                (Trigger::Queue { binding, queue }, Some(bus)) => {
                    let source = queues::Source { function: function.name, binding, queue };
                    tasks.spawn(queues::work(Arc::clone(&shared), Arc::clone(bus), source));
                }
                (Trigger::Timer { schedule, .. }, _) if options.timers => {
                    let schedule = Schedule::parse(&schedule)?;
                    tasks.spawn(tick(Arc::clone(&shared), function.name, schedule));
                }
                _ => {}
            }
        }
        Ok(Self { shared, kills, tasks })
    }

    /// The app.
    pub fn app(&self) -> &App {
        &self.shared.app
    }

    /// Invokes a function, as soon as there is a handler.
    pub async fn invoke(&self, function: &str, envelope: &Value) -> Verdict {
        self.shared.invoke(function, envelope, None).await
    }

    /// Fires a timer now.
    pub async fn fire(&self, function: &str) -> Result<Verdict> {
        self.shared.fire(function).await
    }

    /// The id of the process that handles, while there is one.
    pub fn process_id(&self) -> Option<u32> {
        match &*self.shared.state.borrow() {
            State::Ready(caller) => Some(caller.id()),
            _ => None,
        }
    }

    /// Changes a variable of every handler that is started from here on.
    pub fn set(&self, name: &str, value: &str) {
        let mut settings = locked(&self.shared.settings);
        settings.environment.retain(|(known, _)| known != name);
        settings.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Kills the handler by SIGKILL, whatever it is doing; the next one is started at once. Returns when the old one is
    /// gone.
    pub async fn kill(&self) -> Result<()> {
        let before = self.deaths().len();
        self.kills.send(()).await.context("the host has stopped")?;
        let mut state = self.shared.state.clone();
        while self.deaths().len() == before {
            state.changed().await.context("the host has stopped")?;
        }
        Ok(())
    }

    /// How handlers ended so far, killed or by themselves.
    pub fn deaths(&self) -> Vec<ExitStatus> {
        locked(&self.shared.deaths).clone()
    }

    /// What became of the invocations so far, by function.
    pub fn counts(&self) -> BTreeMap<String, Counts> {
        locked(&self.shared.counts).clone()
    }

    /// Stops firing, and kills the handler. What was under way is left to its locks.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Shared {
    /// The handler, as soon as there is one.
    pub(crate) async fn ready(&self) -> Result<Caller> {
        let mut state = self.state.clone();
        let found = state.wait_for(|state| !matches!(state, State::Starting)).await.context("the host has stopped")?;
        match &*found {
            State::Ready(caller) => Ok(caller.clone()),
            State::Starting => bail!("the handler is not ready"),
            State::Down(why) => bail!("there is no handler: {why}"),
        }
    }

    pub(crate) async fn invoke(&self, function: &str, envelope: &Value, trace: Option<&str>) -> Verdict {
        let caller = match self.ready().await {
            Ok(caller) => caller,
            Err(error) => return Verdict::Failed(format!("{error:#}")),
        };
        let verdict = match caller.invoke(function, envelope, trace).await {
            Ok(reply) => reply.verdict(),
            Err(error) => {
                // Whoever tries again should meet the next handler.
                let mut state = self.state.clone();
                let gone = state.wait_for(|state| !matches!(state, State::Ready(now) if now.id() == caller.id()));
                drop(tokio::time::timeout(NEWS, gone).await);
                Verdict::Failed(format!("{error:#}"))
            }
        };
        self.count(function, |counts| match &verdict {
            Verdict::Done(_) => counts.done += 1,
            Verdict::Failed(_) => counts.failed += 1,
            Verdict::Hangs(_) => counts.hung += 1,
        });
        verdict
    }

    pub(crate) fn count(&self, function: &str, add: impl FnOnce(&mut Counts)) {
        add(locked(&self.counts).entry(function.to_owned()).or_default());
    }

    async fn fire(&self, function: &str) -> Result<Verdict> {
        let Some(Trigger::Timer { binding, .. }) = self.app.functions.get(function).map(|known| &known.trigger) else {
            bail!("{function} is no timer")
        };
        Ok(self.invoke(function, &envelope::timer(function, binding, false), None).await)
    }
}

/// Keeps a handler running.
async fn supervise(shared: Arc<Shared>, news: watch::Sender<State>, mut orders: mpsc::Receiver<()>) {
    let mut failed_starts = 0;
    loop {
        let settings = locked(&shared.settings).clone();
        let mut handler = match Handler::start(&shared.app, &settings).await {
            Ok(handler) => handler,
            Err(error) => {
                failed_starts += 1;
                if failed_starts == FAILED_STARTS {
                    news.send_replace(State::Down(format!("{error:#}")));
                    return;
                }
                continue;
            }
        };
        failed_starts = 0;
        news.send_replace(State::Ready(handler.caller()));
        let ended = tokio::select! {
            ended = handler.wait() => ended,
            Some(()) = orders.recv() => handler.kill().await,
        };
        let status = match ended {
            Ok(status) => status,
            Err(error) => {
                news.send_replace(State::Down(format!("{error:#}")));
                return;
            }
        };
        locked(&shared.deaths).push(status);
        if status.code() == Some(0) {
            news.send_replace(State::Down(
                "it ended by itself with 0, which means that it wants to stay down".to_owned(),
            ));
            return;
        }
        news.send_replace(State::Starting);
    }
}

/// Fires a timer in every second that its schedule names, one invocation at a time.
async fn tick(shared: Arc<Shared>, function: String, schedule: Schedule) {
    let mut last = Timestamp::now().as_second();
    loop {
        let now = Timestamp::now();
        let past_second = u64::try_from(now.subsec_nanosecond()).unwrap_or_default();
        tokio::time::sleep(Duration::from_nanos(1_000_000_000_u64.saturating_sub(past_second))).await;
        let now = Timestamp::now();
        if now.as_second() > last && schedule.is_due(now) {
            last = now.as_second();
            // A timer that fails is counted, and ticks again.
            drop(shared.fire(&function).await);
        }
    }
}
