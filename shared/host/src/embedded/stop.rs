//! The word to stop, as every loop of the host hears it.

use std::time::Duration;
use tokio::sync::watch;

/// Gives the word.
pub(super) struct Stopper(watch::Sender<bool>);

/// Hears it.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

/// A pair of both.
pub(super) fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    pub(super) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns when the host is to stop. A host that is gone without a word counts as one.
    pub(super) async fn wait(&mut self) {
        let _ = self.0.wait_for(|&stopped| stopped).await;
    }

    pub(super) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Sleeps; false if the word came first.
    pub(super) async fn sleep(&mut self, duration: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.wait() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}
