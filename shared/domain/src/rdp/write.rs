//! Files that Poolwarden writes itself: names from a fixed list, and values that cannot end their line.

use super::{Rdp, parse};
use std::collections::BTreeMap;

/// The longest value written, in characters.
pub const MAX_VALUE_CHARS: usize = 2_048;

/// Why a value cannot be written. The value is not quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// What ends a line, for one reader or another, or cannot be seen: a value could bring properties of its own.
    #[error("the value for {name} has a control character or a line's end at character {at}")]
    Control {
        /// The property.
        name: &'static str,
        /// Counted from 1.
        at: usize,
    },
    /// More characters than [`MAX_VALUE_CHARS`].
    #[error("the value for {0} has more than {MAX_VALUE_CHARS} characters")]
    TooLong(&'static str),
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 without a byte order mark.
    Utf8,
    /// UTF-16LE with a byte order mark, as Windows' own client writes.
    Utf16Le,
}

macro_rules! names {
    ($(#[$about:meta])* $kind:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $kind { $($(#[$doc])* $variant,)* }

        impl $kind {
            /// Every one of them, in the order in which they are written.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name as it stands in a file.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

names! {
    /// The properties with text that are written.
    Text {
        /// The host to connect to.
        FullAddress = "full address",
        /// Another one.
        AlternateFullAddress = "alternate full address",
        /// The gateway, with or without a port.
        GatewayHostname = "gatewayhostname",
        /// What the broker finds the pool by.
        LoadBalanceInfo = "loadbalanceinfo",
        /// The id the service knows the pool by.
        EndpointPool = "wvd endpoint pool",
        /// The pool's resource id.
        ArmPath = "armpath",
        /// `arm` in the current model.
        ResourceProvider = "resourceprovider",
        /// The workspace's object id.
        WorkspaceId = "workspace id",
        /// The Entra tenant.
        TenantId = "aadtenantid",
        /// Where the pool's metadata is.
        Geo = "geo",
        /// What users call the desktop.
        RemoteDesktopName = "remotedesktopname",
        /// `||` and the RemoteApp's alias.
        RemoteApplicationProgram = "remoteapplicationprogram",
        /// What users call it.
        RemoteApplicationName = "remoteapplicationname",
        /// Its arguments.
        RemoteApplicationCommandLine = "remoteapplicationcmdline",
        /// Who signs in.
        UserName = "username",
        /// Whose domain that is.
        Domain = "domain",
    }
}

names! {
    /// The properties with numbers that are written.
    Integer {
        /// 1 starts a RemoteApp.
        RemoteApplicationMode = "remoteapplicationmode",
        /// Whether a gateway is used.
        GatewayUsageMethod = "gatewayusagemethod",
        /// Whether this file's gateway is the one.
        GatewayProfileUsageMethod = "gatewayprofileusagemethod",
        /// How the gateway finds the host.
        GatewayBrokeringType = "gatewaybrokeringtype",
        /// Whether the host is joined to Entra.
        TargetIsAadJoined = "targetisaadjoined",
        /// Whether users sign in to the host with Entra.
        EnableRdsAadAuth = "enablerdsaadauth",
        /// Whether the host's own name is used after a redirection.
        UseRedirectionServerName = "use redirection server name",
        /// Whether the client asks for a password before it connects.
        PromptForCredentials = "prompt for credentials",
        /// Whether all screens are used.
        UseMultimon = "use multimon",
        /// 1 for a window, 2 for the full screen.
        ScreenModeId = "screen mode id",
    }
}

/// A file in the making. Each property stands in it once; setting it again replaces it.
#[derive(Clone, Default)]
pub struct Builder {
    texts: BTreeMap<Text, String>,
    integers: BTreeMap<Integer, i32>,
}

impl Builder {
    /// A file with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a text, or refuses one that a client might read as more than that.
    pub fn text(mut self, property: Text, value: &str) -> Result<Self, ValueError> {
        let name = property.name();
        for (index, c) in value.chars().enumerate() {
            if index == MAX_VALUE_CHARS {
                return Err(ValueError::TooLong(name));
            }
            // Unicode's line and paragraph separators are no control characters; NEL (U+0085) is one.
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                return Err(ValueError::Control { name, at: index + 1 });
            }
        }
        self.texts.insert(property, value.to_owned());
        Ok(self)
    }

    /// Sets a number.
    pub fn integer(mut self, property: Integer, value: i32) -> Self {
        self.integers.insert(property, value);
        self
    }

    /// The file, with lines that end in CRLF; `None` as long as nothing is set. It is not signed.
    pub fn build(&self, encoding: Encoding) -> Option<Rdp> {
        if self.texts.is_empty() && self.integers.is_empty() {
            return None;
        }
        let texts = self.texts.iter().map(|(property, value)| format!("{}:s:{value}\r\n", property.name()));
        let integers = self.integers.iter().map(|(property, value)| format!("{}:i:{value}\r\n", property.name()));
        let text: String = texts.chain(integers).collect();
        let bytes = match encoding {
            Encoding::Utf8 => text.into_bytes(),
            Encoding::Utf16Le => {
                std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
            }
        };
        Some(parse(&bytes).expect("names of the list and values within the limits make lines that can be read"))
    }
}
