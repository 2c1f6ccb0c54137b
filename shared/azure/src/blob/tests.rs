//! The addresses that are taken and refused. What Blob Storage does is tested in `tests/azurite.rs`.

use super::*;
use crate::testing::FixedToken;

fn open(container: &str) -> Result<BlobDocuments, BlobSetUpError> {
    BlobDocuments::new(Http::new().unwrap(), Arc::new(FixedToken::default()), container)
}

#[tokio::test]
async fn an_address_names_a_container() {
    for container in [
        "https://contoso.blob.core.windows.net/poolwarden",
        "https://contoso.blob.core.windows.net/poolwarden/",
        "http://127.0.0.1:10000/devstoreaccount1/poolwarden",
    ] {
        open(container).unwrap();
    }
    for refused in ["https://contoso.blob.core.windows.net", "http://example.net/c", "poolwarden", "https://u:p@h/c"] {
        let error = open(refused).err().unwrap().to_string();
        assert!(error.contains("http") && !error.contains("u:p"), "{error}");
    }
}
