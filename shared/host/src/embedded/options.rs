//! What the person who starts the host decides, as opposed to what is compiled in.

use super::AccessKeys;
use jiff::Timestamp;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// What time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a `%NAME%` in a function.json stands for.
pub type Settings = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The host's options.
#[derive(Clone)]
pub struct HostOptions {
    /// Where HTTP functions are served; none serves no HTTP at all. By default 127.0.0.1:7071.
    pub listen: Option<SocketAddr>,
    /// The keys HTTP functions ask for.
    pub keys: AccessKeys,
    /// How long a message stays locked between two renewals. By default a minute, as on a new Service Bus queue.
    pub lock_duration: Duration,
    /// How long one look for messages waits for them, a second by default. Where each look is a request that costs
    /// something, wait longer: a stop is heard all the same.
    pub receive_wait: Duration,
    /// Whether timers fire.
    pub timers: bool,
    /// Whether queues are polled.
    pub queues: bool,
    /// How many messages of one queue are worked on at once, instead of what host.json says.
    pub max_concurrent_calls: Option<usize>,
    /// How long invocations in flight may take to end once the host is told to stop.
    pub shutdown_grace: Duration,
    /// Looks up `%NAME%` in function.json. By default in the environment.
    pub settings: Settings,
    /// The clock timers go by.
    pub clock: Clock,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            listen: Some((Ipv4Addr::LOCALHOST, 7071).into()),
            keys: AccessKeys::default(),
            lock_duration: Duration::from_secs(60),
            receive_wait: Duration::from_secs(1),
            timers: true,
            queues: true,
            max_concurrent_calls: None,
            shutdown_grace: Duration::from_secs(20),
            settings: Arc::new(|name| std::env::var(name).ok()),
            clock: Arc::new(Timestamp::now),
        }
    }
}
