//! From the start of `poolwarden serve` to its first answer.

use super::stand::median;
use crate::poolwarden::Poolwarden;
use crate::processes::free_address;
use anyhow::Result;
use std::time::Instant;

/// How often it is started.
const STARTS: usize = 20;

/// The median time until `GET /` is answered, in milliseconds. The store is there; the process is new.
pub(super) async fn measure(poolwarden: &Poolwarden) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let address = free_address()?;
        let began = Instant::now();
        let mut serve = poolwarden.spawn_serve(&address)?;
        serve.answers().await?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        serve.process.kill().await?;
    }
    Ok(median(times))
}
