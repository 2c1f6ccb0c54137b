//! The files of one workspace's resources: icons and `.rdp` files. What one of them meets is no concern of the others,
//! except that a service which fails every time is not asked thousands of times more.

use super::client::{Answer, Ask, FeedClient};
use crate::answers::safe;
use poolwarden_domain::feed::FeedModel;
use poolwarden_domain::icon::{self, IconError, MAX_ICON_BYTES};
use poolwarden_domain::rdp::{self, MAX_RDP_BYTES, Rdp};
use poolwarden_domain::tswp::{Icon, IconForm};
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use url::Url;

/// Failures in a row after which a kind of file is not asked for any more in this listing.
const FAILURES_IN_A_ROW: u32 = 16;
/// What the files of one listing may take together, in bytes.
const LISTING_BYTES: usize = 128 << 20;
/// How long the files of one listing may take together; then the rest is left for the next run.
const LISTING_TIME: Duration = Duration::from_secs(20 * 60);
/// Properties of a `.rdp` file that are secrets when they are filled. No file of the service's has one.
const SECRETS: [&str; 2] = ["password 51", "gatewayaccesstoken"];
/// How much is said of a file that cannot be read, in characters.
const STORY_CHARS: usize = 300;
/// Icons of one resource that are tried.
const ICONS_TRIED: usize = 4;
/// The edge that a file of many sizes is taken to have at least, in pixels.
const RAW_ICON_EDGE: u32 = 48;
/// The largest edge that an icon may say it has, in pixels: larger ones are refused when they are read.
const LARGEST_EDGE: u32 = 1_024;

/// A `.rdp` file that was read.
pub(super) struct RdpFile {
    /// As it came.
    pub(super) bytes: Vec<u8>,
    /// The host pool that it names.
    pub(super) host_pool: Option<String>,
}

/// What became of a resource's icons.
pub(super) struct Picture {
    /// The best that could be had: a PNG that can be used.
    pub(super) bytes: Option<Vec<u8>>,
    /// Whether there is no better one; otherwise it is worth asking again next time.
    pub(super) is_settled: bool,
}

/// Fetches the files of one listing.
pub(super) struct Files<'a> {
    client: &'a FeedClient,
    model: FeedModel,
    /// The feed's own address, which its links are relative to.
    base: &'a Url,
    /// Whether they are of any use.
    pub(super) are_wanted: bool,
    rdp_failures: AtomicU32,
    icon_failures: AtomicU32,
    bytes: AtomicUsize,
    began: Instant,
}

impl<'a> Files<'a> {
    pub(super) fn new(client: &'a FeedClient, model: FeedModel, base: &'a Url) -> Self {
        let (rdp_failures, icon_failures, bytes) = Default::default();
        Self { client, model, base, are_wanted: true, rdp_failures, icon_failures, bytes, began: Instant::now() }
    }

    /// The same for resources that are not published: nothing needs to be asked for.
    pub(super) fn not_wanted(self) -> Self {
        Self { are_wanted: false, ..self }
    }

    /// The same with nothing left of what they may take together.
    #[cfg(test)]
    pub(super) fn spent(mut self) -> Self {
        *self.bytes.get_mut() = LISTING_BYTES;
        self
    }

    /// Whether they are fetched though nothing says that they changed.
    pub(super) fn anew(&self) -> bool {
        self.client.look.anew
    }

    /// The `.rdp` file at this address.
    pub(super) async fn rdp(&self, scope: &ArmId, url: &str) -> Reading<RdpFile> {
        let what = "the .rdp file";
        let bytes = self.file(what, scope, url, MAX_RDP_BYTES, &self.rdp_failures).await?;
        let file = rdp::parse(&bytes)
            .map_err(|error| safe(&error.to_string(), STORY_CHARS))
            .and_then(|file| match secret_in(&file) {
                Some(secret) => Err(format!("it holds a secret, `{secret}`, and is not kept")),
                None => Ok(file),
            })
            .map_err(|why| Unreadable::new(Why::Malformed, format!("{what} of {scope}: {why}")))?;
        Ok(RdpFile { host_pool: file.host_pool(), bytes })
    }

    /// The largest of these icons that can be had and used.
    pub(super) async fn icon(&self, scope: &ArmId, icons: &[Icon]) -> Picture {
        let mut by_size: Vec<&Icon> = icons.iter().collect();
        by_size.sort_by_key(|icon| Reverse(edge(icon)));
        by_size.dedup_by(|a, b| a.file_url == b.file_url);
        let mut is_settled = true;
        for icon in by_size.into_iter().take(ICONS_TRIED) {
            match self.file("the icon", scope, &icon.file_url, MAX_ICON_BYTES, &self.icon_failures).await {
                Ok(bytes) => match accepted(bytes).await {
                    Ok(png) => return Picture { bytes: Some(png), is_settled },
                    Err(error) => tracing::warn!(%scope, %error, "an icon that cannot be used is left out"),
                },
                Err(reason) => {
                    tracing::warn!(%scope, %reason, "an icon is left out");
                    is_settled &= matches!(reason.why, Why::Missing | Why::Malformed | Why::TooLarge);
                }
            }
        }
        Picture { bytes: None, is_settled }
    }

    async fn file(
        &self,
        what: &'static str,
        scope: &ArmId,
        url: &str,
        limit: usize,
        failures: &AtomicU32,
    ) -> Reading<Vec<u8>> {
        let story = |why, text: &str| Unreadable::new(why, format!("{what} of {scope}: {text}"));
        if failures.load(Ordering::Relaxed) >= FAILURES_IN_A_ROW {
            let text = format!("not asked for: {FAILURES_IN_A_ROW} like it failed in a row; try again later");
            return Err(story(Why::Failed, &text));
        }
        if self.began.elapsed() >= LISTING_TIME {
            let text = format!("not asked for: its group has taken {} minutes already", LISTING_TIME.as_secs() / 60);
            return Err(story(Why::Failed, &text));
        }
        if self.bytes.load(Ordering::Relaxed) >= LISTING_BYTES {
            // Not its own size: next time, when others are known, it may well fit.
            let text = format!("not asked for: the files of its group take {} MiB already", LISTING_BYTES >> 20);
            return Err(story(Why::Failed, &text));
        }
        let url =
            self.base.join(url).map_err(|error| story(Why::Malformed, &format!("its address is no URL: {error}")))?;
        let ask = Ask { url: &url, model: self.model, what, scope, accept: "*/*", limit, validators: None };
        let answer = self.client.ask(&ask).await;
        match &answer {
            Err(reason) if matches!(reason.why, Why::Failed | Why::Throttled) => {
                failures.fetch_add(1, Ordering::Relaxed);
            }
            _ => failures.store(0, Ordering::Relaxed),
        }
        match answer? {
            Answer::Got { body, .. } => {
                self.bytes.fetch_add(body.len(), Ordering::Relaxed);
                // The only owner, so nothing is copied.
                Ok(body.into())
            }
            Answer::Absent { text, .. } => Err(story(Why::Missing, &text)),
            Answer::NotModified => Err(story(Why::Failed, "304, though nothing is known of it")),
        }
    }
}

/// An icon as the PNG that can be stored. Whoever stores it checks it again, but by then no smaller one can be had.
async fn accepted(bytes: Vec<u8>) -> Result<Vec<u8>, IconError> {
    let decode = move || match icon::accept(&bytes)? {
        Cow::Borrowed(_) => Ok(bytes),
        Cow::Owned(png) => Ok(png),
    };
    // It may unpack to megabytes, and meanwhile others are waited for.
    let decoded = tokio::task::spawn_blocking(decode).await;
    decoded.unwrap_or_else(|error| Err(IconError::NotPng(error.to_string())))
}

/// A secret that is filled in a file.
fn secret_in(file: &Rdp) -> Option<&'static str> {
    let is_filled = |secret: &&str| {
        let mut properties = file.properties();
        properties.any(|property| property.name.eq_ignore_ascii_case(secret) && !property.value.is_empty())
    };
    SECRETS.into_iter().find(is_filled)
}

/// How large an icon is, as far as the feed says: the longer edge in pixels, and of two alike the file of many sizes.
fn edge(icon: &Icon) -> (u32, bool) {
    match icon.form {
        IconForm::Sized(edge) => (edge, false),
        IconForm::Raw => (RAW_ICON_EDGE, true),
        IconForm::Other => {
            let dimensions = icon.dimensions.as_deref().unwrap_or_default().split(['x', 'X']);
            let edge = dimensions.filter_map(|edge| edge.trim().parse().ok()).max().unwrap_or(0);
            (if edge > LARGEST_EDGE { 0 } else { edge }, false)
        }
    }
}

/// The workspace and resource that a file's address names: `…/tenants/{workspace}/rdps/{resource}.rdp`.
pub(super) fn named_by(url: &str) -> Option<(&str, &str)> {
    let path = super::workspaces::without_query(url);
    let (workspace, rest) = path[path.find("tenants/")? + "tenants/".len()..].split_once('/')?;
    let resource = rest.strip_prefix("rdps/")?.split(['/', '.']).next()?;
    (!workspace.is_empty() && !resource.is_empty()).then_some((workspace, resource))
}

/// A link's path below its host: what of it stays the same from day to day.
pub(super) fn path_of(base: &Url, url: &str) -> String {
    base.join(url).map_or_else(|_| safe(super::workspaces::without_query(url), 500), |url| url.path().to_owned())
}
