//! The keys HTTP functions ask for. Only their hashes are kept: what is not there cannot be printed.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// The shortest key that is accepted.
pub const MIN_KEY_CHARS: usize = 16;

/// A key that is too short to be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the access key in {setting} has fewer than {MIN_KEY_CHARS} characters")]
pub struct WeakKey {
    /// Where it was found.
    pub setting: String,
}

/// One key.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey([u8; 32]);

impl AccessKey {
    /// Takes a key that was found in `setting`.
    pub fn new(setting: &str, key: &str) -> Result<Self, WeakKey> {
        if key.chars().count() < MIN_KEY_CHARS {
            return Err(WeakKey { setting: setting.to_owned() });
        }
        Ok(Self(Sha256::digest(key).into()))
    }

    /// Whether it is this one, in a time that does not depend on how much of it is right.
    fn is(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        self.0.iter().zip(given).fold(0, |difference, (ours, theirs)| difference | (ours ^ theirs)) == 0
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(…)")
    }
}

/// All keys of the host.
#[derive(Debug, Clone, Default)]
pub struct AccessKeys {
    /// Opens everything, and alone opens functions of level `admin`.
    pub master: Option<AccessKey>,
    /// Opens every function of level `function`.
    pub host: Option<AccessKey>,
    /// Each opens one function of level `function`.
    pub functions: BTreeMap<String, AccessKey>,
}

/// Who may call an HTTP function, from its function.json.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthLevel {
    Anonymous,
    Function,
    Admin,
}

impl AccessKeys {
    /// The setting of the master key.
    pub const MASTER_SETTING: &str = "POOLWARDEN_MASTER_KEY";

    /// The setting of the host key.
    pub const HOST_SETTING: &str = "POOLWARDEN_HOST_KEY";

    /// The setting of one function's key, such as `POOLWARDEN_KEY_IMPORT_WEBHOOK`.
    pub fn function_setting(function: &str) -> String {
        format!("POOLWARDEN_KEY_{}", function.replace('-', "_").to_ascii_uppercase())
    }

    /// Reads the keys of these functions, the host's and the master key from settings; all weak ones are reported
    /// together.
    pub fn from_settings<'a>(
        functions: impl IntoIterator<Item = &'a str>,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<WeakKey>> {
        let mut weak = Vec::new();
        let mut read = |setting: &str| {
            let key = AccessKey::new(setting, &lookup(setting)?);
            key.map_err(|error| weak.push(error)).ok()
        };
        let keys = Self {
            master: read(Self::MASTER_SETTING),
            host: read(Self::HOST_SETTING),
            functions: functions
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), read(&Self::function_setting(name))?)))
                .collect(),
        };
        if weak.is_empty() { Ok(keys) } else { Err(weak) }
    }

    /// The key without which nobody can call the function, if nobody can.
    pub(super) fn lacking(&self, function: &str, level: AuthLevel) -> Option<&'static str> {
        match level {
            AuthLevel::Anonymous => None,
            _ if self.master.is_some() => None,
            AuthLevel::Function if self.host.is_some() || self.functions.contains_key(function) => None,
            AuthLevel::Function => Some("host key"),
            AuthLevel::Admin => Some("master key"),
        }
    }

    /// Whether the given key opens the function. All candidates are compared, whichever fits.
    pub(super) fn admit(&self, function: &str, level: AuthLevel, given: Option<&str>) -> bool {
        if level == AuthLevel::Anonymous {
            return true;
        }
        let Some(given) = given else {
            return false;
        };
        let narrower = [self.host.as_ref(), self.functions.get(function)];
        let candidates = narrower.into_iter().filter(|_| level == AuthLevel::Function).chain([self.master.as_ref()]);
        candidates.flatten().fold(false, |admitted, key| key.is(given) | admitted)
    }
}
