//! Makes sure that a connection can sign in, before anything is read, and writes down whether it can.
//!
//! The token itself stays in memory, with whoever uses it: it is in no message and no document.

use crate::deps::Deps;
use crate::health::{self, Attempt, Leave};
use crate::keys;
use crate::runs;
use crate::stage::{self, Fault, Stage, outgoing};
use poolwarden_azure::SignInError;
use poolwarden_domain::message::{ConnectionRun, queue};
use poolwarden_domain::run::Source;
use poolwarden_host::{Failure, Invocation, Outcome};
use std::sync::Arc;

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    stage::invoke::<AcquireToken>(deps, invocation).await
}

pub(crate) struct AcquireToken;

impl Stage for AcquireToken {
    type Message = ConnectionRun;
    const QUEUE: &'static str = queue::ACQUIRE_TOKEN;

    async fn handle(deps: &Deps, message: &ConnectionRun) -> Result<(), Fault> {
        let run = runs::find(deps, &message.run, &message.connection).await?;
        if run.finished.is_some() {
            return runs::tell_end(deps, &run).await;
        }
        if run.source == Source::Azure {
            let leave = health::leave_to_try(deps, &run.connection).await?;
            match &leave {
                Leave::Asked => deps.sources.forget_refusal(&run.connection),
                // Another process may have found the credential mended; this one forgets what it knows from before.
                Leave::Usual(Some(mended_at)) => deps.sources.forget_refusal_before(&run.connection, *mended_at),
                Leave::Usual(None) => {}
                Leave::Withheld(why) => return runs::fail(deps, &run, why).await,
            }
            let sign_in = deps.sources.sign_in(&run.connection).await.map_err(Fault::Permanent)?;
            match sign_in {
                Ok(()) => health::record_success(deps, &run.connection, false).await?,
                Err(SignInError::Unreachable(why)) => {
                    health::give_back_try(deps, &run.connection, &leave).await?;
                    return Err(Fault::Transient(why));
                }
                Err(refused) => {
                    let attempt = Attempt { failure: Some(&refused), ..Attempt::default() };
                    health::record(deps, &run.connection, attempt).await?;
                    return runs::fail(deps, &run, &refused.to_string()).await;
                }
            }
        }
        let id = format!("{}/{}/discover", run.id, run.connection);
        deps.send(queue::DISCOVER_HOST_POOLS, vec![outgoing(id, message.clone())]).await?;
        Ok(())
    }

    async fn give_up(deps: &Deps, message: &ConnectionRun, reason: &str) -> Result<(), Fault> {
        give_up_run(deps, message, reason).await
    }
}

/// Ends the run that a message of this kind was about, if there is one.
pub(crate) async fn give_up_run(deps: &Deps, message: &ConnectionRun, reason: &str) -> Result<(), Fault> {
    match deps.state().value(&keys::run(&message.run, &message.connection)).await? {
        Some(run) => runs::fail(deps, &run, reason).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
