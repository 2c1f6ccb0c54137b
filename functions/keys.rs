//! The keys of every document: readable paths, all in one place.

/// One connection's part of a run.
pub fn run(run: &str, connection: &str) -> String {
    format!("runs/{run}/{connection}")
}

/// All runs; they sort by the time they began.
pub const RUNS: &str = "runs/";

/// A mark that a run has not ended.
pub fn open_run(connection: &str, run: &str) -> String {
    format!("{}{run}", open_runs(connection))
}

/// The marks of a connection's runs that have not ended.
pub fn open_runs(connection: &str) -> String {
    format!("open-runs/{connection}/")
}

/// The work laid out for one pool.
pub fn pending(run: &str, connection: &str, layout: &str, pool: &str) -> String {
    format!("{}{pool}", pending_of(run, connection, layout))
}

/// The work a layout has left.
pub fn pending_of(run: &str, connection: &str, layout: &str) -> String {
    format!("{}{layout}/", pending_all(run, connection))
}

/// The work of every layout of a run.
pub fn pending_all(run: &str, connection: &str) -> String {
    format!("pending/{run}/{connection}/")
}

/// A part of what is to be published of one pool. Of two deliveries each may plan; the digest says whose plan it is.
pub fn plan(run: &str, connection: &str, pool: &str, digest: &str, part: u32) -> String {
    format!("{}{pool}.{digest}.{part}", plans(run, connection))
}

/// The plans of a run.
pub fn plans(run: &str, connection: &str) -> String {
    format!("plans/{run}/{connection}/")
}

/// What became of one pool in a run.
pub fn pool_report(run: &str, connection: &str, pool: &str) -> String {
    format!("{}{pool}", pool_reports(run, connection))
}

/// What became of every pool in a run.
pub fn pool_reports(run: &str, connection: &str) -> String {
    format!("run-pools/{run}/{connection}/")
}

/// A pool as it was last observed.
pub fn snapshot(connection: &str, pool: &str) -> String {
    format!("{}{pool}", snapshots(connection))
}

/// A pool's line-by-line summary of its packages.
pub fn index(connection: &str, pool: &str) -> String {
    format!("{}{pool}", indexes(connection))
}

/// The summaries of a connection's pools.
pub fn indexes(connection: &str) -> String {
    format!("{INDEXES}{connection}/")
}

/// The summaries of every pool.
pub const INDEXES: &str = "index/";

/// A package.
pub fn package(connection: &str, package: &str) -> String {
    format!("{PACKAGES}{connection}/{package}")
}

/// Every package.
pub const PACKAGES: &str = "packages/";

/// What persons did to a package and nobody has been told yet, by one command.
pub fn untold(connection: &str, package: &str, command: &str) -> String {
    format!("{UNTOLD}{connection}/{package}/{command}")
}

/// What persons did to packages and nobody has been told yet.
pub const UNTOLD: &str = "untold/";

/// A mark that a package's promotion waits for approval.
pub fn request(connection: &str, package: &str) -> String {
    format!("{}{package}", requests(connection))
}

/// The marks of a connection's packages whose promotion waits for approval.
pub fn requests(connection: &str) -> String {
    format!("requests/{connection}/")
}

/// A mark that a pool offers a package that stays with another one.
pub fn offered_elsewhere(connection: &str, package: &str, pool: &str) -> String {
    format!("{}{pool}", all_offered_elsewhere(connection, package))
}

/// The marks of the pools that offer a package that stays with another one.
pub fn all_offered_elsewhere(connection: &str, package: &str) -> String {
    format!("elsewhere/{connection}/{package}/")
}

/// The keys of the packages that were made on demand.
pub fn chosen(connection: &str) -> String {
    format!("chosen/{connection}")
}

/// The number of the last revision of a package that was purged: should it come again, its revisions count on.
pub fn purged(connection: &str, package: &str) -> String {
    format!("{}{package}", all_purged(connection))
}

/// The same of every package that was purged.
pub fn all_purged(connection: &str) -> String {
    format!("purged/{connection}/")
}

/// An icon, by the SHA-256 of its PNG.
pub fn icon(sha256: &str) -> String {
    format!("icons/{sha256}")
}

/// A `.rdp` file, by the digest of its connection and of what it says.
pub fn rdp(sha256: &str) -> String {
    format!("rdp/{sha256}")
}

/// What was last written to a target of a connection.
pub fn target(connection: &str, target: &str) -> String {
    format!("targets/{connection}/{target}")
}

/// What a connection's next run may take for granted.
pub fn baseline(connection: &str) -> String {
    format!("baselines/{connection}")
}

/// Whether a connection can sign in.
pub fn health(connection: &str) -> String {
    format!("connections/{connection}/health")
}

/// A message whose work was not done.
pub fn dead_letter(id: &str) -> String {
    format!("{DEAD_LETTERS}{id}")
}

/// Every message whose work was not done.
pub const DEAD_LETTERS: &str = "dead-letters/";

/// When a connection was last due.
pub fn schedule(connection: &str) -> String {
    format!("connections/{connection}/schedule")
}

/// The requests that came, by a hash of what tells them from others.
pub const CLAIMS: [&str; 2] = ["webhook-ids/", "idempotency-keys/"];

/// A signed request, by its id.
pub fn webhook_id(hash: &str) -> String {
    format!("{}{hash}", CLAIMS[0])
}

/// A request whose sender may ask again.
pub fn idempotency_key(hash: &str) -> String {
    format!("{}{hash}", CLAIMS[1])
}

/// The run that gathers what events tell of a connection.
pub fn gathering(connection: &str) -> String {
    format!("connections/{connection}/gathering")
}

/// The snapshots of every connection's pools.
pub const SNAPSHOTS: &str = "snapshots/";

/// The snapshots of a connection's pools.
pub fn snapshots(connection: &str) -> String {
    format!("{SNAPSHOTS}{connection}/")
}

/// A pool that a limited run looked at since the last whole run did, and when.
pub fn part(connection: &str, pool: &str) -> String {
    format!("{}{pool}", parts(connection))
}

/// The pools of a connection that limited runs looked at since the last whole run did.
pub fn parts(connection: &str) -> String {
    format!("parts/{connection}/")
}

/// What was last read about who may do what: the head, which names the parts.
pub fn access(connection: &str) -> String {
    format!("access/{connection}")
}

/// A part of what was read, by the digest of the whole.
pub fn access_part(connection: &str, digest: &str, part: usize) -> String {
    format!("{}{digest}/{part:04}", access_parts(connection))
}

/// Every part of whatever was read of a connection.
pub fn access_parts(connection: &str) -> String {
    format!("access-parts/{connection}/")
}

/// What is wrong with who may do what, of one pool.
pub fn findings(connection: &str, pool: &str) -> String {
    format!("{}{pool}", all_findings(connection))
}

/// The same of every pool of a connection.
pub fn all_findings(connection: &str) -> String {
    format!("findings/{connection}/")
}

/// How a connection's audits came out, one after the other.
pub fn trend(connection: &str) -> String {
    format!("trends/{connection}")
}
