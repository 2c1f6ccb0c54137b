//! Clients that know nothing of the simulator: Azure's own management
//! packages for Python list what was planted.

use std::process::Command;

use simulator::{EstateSpec, Options};

use crate::support::start;

/// Runs `clients/list_planted.py` against an estate, on the machine's clock,
/// because the clients check when tokens expire.
async fn list_planted(estate: EstateSpec, seed: u64) {
    let python = std::env::var("SIMULATOR_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let azure = start(Options { estate, seed, ..Options::default() }).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/list_planted.py");
    let url = azure.running.url();
    let run = tokio::task::spawn_blocking(move || Command::new(python).arg(script).arg(url).output());
    let output = run.await.unwrap().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    assert!(printed.starts_with("as planted: "), "{printed}");
}

#[tokio::test]
#[ignore = "needs a Python with clients/requirements.txt, named by SIMULATOR_PYTHON; clients/check does it all"]
async fn independent_clients_list_the_small_estate() {
    list_planted(EstateSpec::built_in("small").unwrap(), 1).await;
}

#[tokio::test]
#[ignore = "needs a Python with clients/requirements.txt, named by SIMULATOR_PYTHON; clients/check does it all"]
async fn independent_clients_list_an_estate_in_which_everything_is_odd() {
    let small = EstateSpec::built_in("small").unwrap();
    list_planted(EstateSpec { odd_names_share: 1.0, odd_wire_share: 1.0, ..small }, 2).await;
}
