use super::*;
use crate::testing::{self, Disturbed};
use poolwarden_domain::run::{Discovered, Source, Trigger};

#[tokio::test]
async fn a_run_is_cleaned_up_after_even_when_nobody_can_be_told_what_persons_did() {
    let store = testing::store();
    let disturbed = Disturbed::new(&store, |_, asked| {
        let refused = StoreError::Unavailable { action: "list".to_owned(), source: "broken".into() };
        let answer = if asked == keys::UNTOLD { Err(refused) } else { Ok(()) };
        Box::pin(std::future::ready(answer))
    });
    let deps = testing::deps(Arc::new(disturbed), &store);
    let new = Run::new("r".to_owned(), "contoso", Trigger::Timer, Source::Azure, deps.now());
    let run = Run { discovered: Some(Discovered { layout: "old".to_owned(), ..Discovered::default() }), ..new };
    deps.state().create(&keys::run("r", "contoso"), &run).await.unwrap();
    deps.state().create(&keys::pending("r", "contoso", "older", "pool"), &1).await.unwrap();
    let message = ConnectionRun { run: "r".to_owned(), connection: "contoso".to_owned() };
    FinishRun::handle(&deps, &message).await.unwrap();
    assert!(deps.state().is_empty(&keys::pending_all("r", "contoso")).await.unwrap());
}
