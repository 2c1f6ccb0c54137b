//! The simulator's command line: serve an estate, or print what it holds.

use std::{
    io::Write as _,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use simulator::{
    Client, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_IDENTITY_HEADER, EstateSpec, Fault, Options, QueueSpec,
    Simulator, ThrottleMode,
};

const EXAMPLES: &str = "\
Examples:
  simulator serve --estate small
  simulator serve --estate large --rtt-ms 40 --throttle azure
  simulator serve --estate dense --listen 127.0.0.1:0 --fault 429:rate=0.1,retry_after=date
  simulator serve --fault 403:scope=resourcegraph --fault slow:ms=500,path=sessionHosts
  simulator serve --queue publish_package:lock=5s,max_delivery=3 --queue spare
  simulator serve --fault cut:path=/acquire_token/messages,rate=0.1
  simulator serve --classic retired --fault 404:path=/webfeed,after=1
  simulator serve --estate feed5000
  curl -d 'grant_type=password&username=all@contoso.com&password=any' \\
       -d 'scope=https://www.wvd.microsoft.com/.default offline_access' \\
       -d client_id=0c1e47f0-51a0-4ed5-b0a3-5f0000000001 \\
       http://127.0.0.1:7072/organizations/oauth2/v2.0/token
  curl -H 'X-MS-User-Agent: MSRDC/10.0.0' -H \"Authorization: Bearer $TOKEN\" \\
       http://127.0.0.1:7072/api/arm/feeddiscovery
  curl http://127.0.0.1:7072/_sim/feed            # what account names do
  curl 'http://127.0.0.1:7072/_sim/feed/expected?account=guest@contoso.com'
  simulator estate --estate my-estate.toml --seed 7 > planted.json";

/// Azure Virtual Desktop's Azure, simulated: ARM, Resource Graph, the activity
/// log, a Service Bus namespace, sign-in, the user feed and the classic
/// service.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve an estate until interrupted.
    #[command(after_help = EXAMPLES)]
    Serve(Serve),
    /// Print what an estate holds as JSON, as GET /_sim/estate does.
    Estate(Estate),
}

#[derive(Debug, Args)]
struct Planted {
    /// small, large, dense, feed5000, audit, audit-clean, or the path of an estate file (TOML).
    #[arg(long, default_value = "small")]
    estate: String,
    /// The seed of the estate, its oddities and the faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    planted: Planted,
    /// Where to listen; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:7072")]
    listen: SocketAddr,
    /// Allow an address that other machines can reach: the simulator hands out
    /// tokens to anybody who knows its defaults.
    #[arg(long)]
    allow_remote: bool,
    /// Milliseconds added to every answer.
    #[arg(long, default_value_t = 0)]
    rtt_ms: u64,
    /// Whether calls are limited as Azure limits them.
    #[arg(long, value_enum, default_value_t = Throttle::Off)]
    throttle: Throttle,
    /// Session-host lists per subscription and five minutes when throttling.
    #[arg(long)]
    avd_rate_limit: Option<u32>,
    /// What goes wrong: KIND[:key=value,…], with KIND one of 429, 503, 403,
    /// 404, 410, cut, truncate, malformed, html, slow, expired-token, and keys
    /// path, rate, after, count, and per kind retry_after, scope, ms.
    /// Repeatable.
    #[arg(long = "fault", value_name = "SPEC")]
    faults: Vec<Fault>,
    /// Seconds a token is valid.
    #[arg(long, default_value_t = 3600)]
    token_lifetime_s: u64,
    /// What X-IDENTITY-HEADER must say at /msi/token.
    #[arg(long, default_value = DEFAULT_IDENTITY_HEADER)]
    identity_header: String,
    /// A client that may sign in, as ID:SECRET. Repeatable.
    #[arg(long = "client", value_name = "ID:SECRET", value_parser = parse_client)]
    clients: Vec<Client>,
    /// Whether the classic service, its feed and its management, is on or
    /// retired (every call answers 410).
    #[arg(long, value_enum, default_value_t = Classic::On)]
    classic: Classic,
    /// A queue of the Service Bus namespace, beside those Poolwarden uses, or
    /// other settings for one of these: NAME[:key=value,…] with the keys lock,
    /// duplicates, ttl (90s, 500ms, 10m), max_delivery, max_size (bytes) and
    /// lost_lock (404, 409 or 410).
    /// The namespace is at the address of everything else, /NAME/messages.
    /// Repeatable.
    #[arg(long = "queue", value_name = "SPEC")]
    queues: Vec<QueueSpec>,
}

#[derive(Debug, Args)]
struct Estate {
    #[command(flatten)]
    planted: Planted,
    /// Leave iconContent out.
    #[arg(long)]
    no_icons: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Throttle {
    Azure,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Classic {
    On,
    Retired,
}

fn parse_client(text: &str) -> Result<Client> {
    let (id, secret) = text.split_once(':').context("a client is written ID:SECRET")?;
    Ok(Client { id: id.to_owned(), secret: secret.to_owned() })
}

impl Planted {
    fn options(&self) -> Result<Options> {
        Ok(Options { estate: EstateSpec::load(&self.estate)?, seed: self.seed, ..Options::default() })
    }
}

impl Serve {
    fn options(self) -> Result<Options> {
        if !self.allow_remote && !is_loopback(self.listen.ip()) {
            bail!("{} can be reached by other machines; add --allow-remote to mean it", self.listen);
        }
        let mut clients = self.clients;
        if clients.is_empty() {
            let (id, secret) = (DEFAULT_CLIENT_ID.to_owned(), DEFAULT_CLIENT_SECRET.to_owned());
            clients.push(Client { id, secret });
        }
        let mut queues = QueueSpec::defaults();
        queues.retain(|queue| self.queues.iter().all(|other| other.name != queue.name));
        queues.extend(self.queues);
        Ok(Options {
            listen: self.listen,
            rtt: Duration::from_millis(self.rtt_ms),
            throttle: match self.throttle {
                Throttle::Azure => ThrottleMode::Azure,
                Throttle::Off => ThrottleMode::Off,
            },
            avd_rate_limit: self.avd_rate_limit,
            faults: self.faults,
            token_lifetime: Duration::from_secs(self.token_lifetime_s),
            identity_header: self.identity_header,
            clients,
            queues,
            classic_retired: self.classic == Classic::Retired,
            ..self.planted.options()?
        })
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.is_loopback()
}

fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    match Cli::parse().command {
        Command::Serve(command) => serve(command.options()?),
        Command::Estate(command) => {
            let planted = simulator::planted(&command.planted.options()?, !command.no_icons);
            print_whole(&format!("{planted:#}\n"))
        }
    }
}

/// Prints a text; a reader that stops early, such as `head`, is no error.
fn print_whole(text: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("cannot print the estate"),
        _ => Ok(()),
    }
}

#[tokio::main]
async fn serve(options: Options) -> Result<()> {
    let running = Simulator::start(options).await?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", running.url()).context("cannot print the address")?;
    out.flush().context("cannot print the address")?;
    tokio::signal::ctrl_c().await.context("cannot wait for an interrupt")?;
    running.shutdown().await
}
