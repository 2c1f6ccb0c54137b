//! What a simulator is started with.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use crate::{clock::Clock, estate::spec::EstateSpec, fault::Fault, service_bus::QueueSpec};

/// The client that can sign in unless others are named.
pub const DEFAULT_CLIENT_ID: &str = "0c1e47f0-51a0-4ed5-b0a3-5f0000000001";
/// Its secret.
pub const DEFAULT_CLIENT_SECRET: &str = "simulated-client-secret";
/// What `X-IDENTITY-HEADER` must say unless another value is set.
pub const DEFAULT_IDENTITY_HEADER: &str = "simulated";
/// Session-host lists per subscription and five minutes, as in the larger of
/// the two rings seen.
pub const DEFAULT_AVD_LIMIT: u32 = 6_000;

/// Whether calls are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThrottleMode {
    /// As Azure limits them.
    Azure,
    /// Not at all; the headers show full buckets.
    #[default]
    Off,
}

/// An application that may sign in.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its client id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// What a simulator is started with. The default is a small estate on a free
/// port of 127.0.0.1, without delay, throttling or faults.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// What to plant.
    pub estate: EstateSpec,
    /// The seed of the estate, of its oddities and of the faults.
    pub seed: u64,
    /// Added to every answer except those of `/_sim`.
    pub rtt: Duration,
    /// Whether calls are limited.
    pub throttle: ThrottleMode,
    /// Session-host lists per subscription and five minutes when throttling;
    /// [`DEFAULT_AVD_LIMIT`] when `None`.
    pub avd_rate_limit: Option<u32>,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
    /// How long tokens are valid.
    pub token_lifetime: Duration,
    /// The value of `X-IDENTITY-HEADER` the managed identity demands.
    pub identity_header: String,
    /// Who may sign in.
    pub clients: Vec<Client>,
    /// The queues of the Service Bus namespace; [`QueueSpec::defaults`] are
    /// those Poolwarden uses.
    pub queues: Vec<QueueSpec>,
    /// Whether the classic service, its feed and its management, is retired.
    pub classic_retired: bool,
    /// The clock to live by.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            estate: EstateSpec::default(),
            seed: 1,
            rtt: Duration::ZERO,
            throttle: ThrottleMode::Off,
            avd_rate_limit: None,
            faults: Vec::new(),
            token_lifetime: Duration::from_secs(3600),
            identity_header: DEFAULT_IDENTITY_HEADER.to_owned(),
            clients: vec![Client { id: DEFAULT_CLIENT_ID.to_owned(), secret: DEFAULT_CLIENT_SECRET.to_owned() }],
            queues: QueueSpec::defaults(),
            classic_retired: false,
            clock: Clock::system(),
        }
    }
}
