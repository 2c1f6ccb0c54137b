use super::*;
use crate::testing;
use std::sync::Arc;

#[tokio::test]
async fn a_mark_that_cannot_be_understood_is_kept_and_holds_up_no_other() {
    let store = testing::store();
    let deps = testing::deps(Arc::new(store.clone()), &store);
    let mark = |command: &str| keys::untold("contoso", "app", command);
    let at = deps.now() - 2 * COMMAND_TAKES_AT_MOST;
    deps.state().create(&mark("a"), &"odd").await.unwrap();
    deps.state().create(&mark("b"), &Untold { after: 0, at, purged: None }).await.unwrap();
    assert_eq!(sweep(&deps).await.unwrap(), 1);
    assert_eq!(deps.state().names(keys::UNTOLD).await.unwrap(), ["contoso/app/a"]);
}
