//! Whether two files say the same.

use super::Rdp;
use crate::text::sha256_hex;

/// The properties that change without anybody changing anything: which gateway and which region's services answer, how
/// the service finds its way back to a pool, and with them the signature. Lower case, sorted.
pub const CHANGES_BY_ITSELF: [&str; 8] = [
    "activityhint",
    "alternate full address",
    "diagnosticserviceurl",
    "full address",
    "gatewayhostname",
    "hubdiscoverygeourl",
    "signature",
    "signscope",
];

impl Rdp {
    /// A digest of what the file says: every property but those that [change by themselves](CHANGES_BY_ITSELF), in
    /// order. The encoding, the ends of lines, blank lines and the case of names say nothing.
    pub fn content_sha256(&self) -> String {
        let mut said = String::with_capacity(self.text.len());
        for property in self.properties() {
            let name = property.name.to_ascii_lowercase();
            if CHANGES_BY_ITSELF.binary_search(&name.as_str()).is_err() {
                // No part can hold the end of a line, and neither name nor type a colon: so this can be read one way only.
                said.extend([name.as_str(), ":", property.kind.encode_utf8(&mut [0; 4]), ":", property.value, "\n"]);
            }
        }
        sha256_hex(said.as_bytes())
    }
}
