use super::*;
use crate::testing;
use poolwarden_domain::run::Source;
use std::sync::Arc;

#[tokio::test]
async fn a_run_that_does_anothers_work_reads_and_applies_as_that_one_was_asked_to() {
    let store = testing::store();
    let deps = testing::deps(Arc::new(store.clone()), &store);
    for (full, apply) in [(true, false), (false, true), (false, false)] {
        let new = Run::new(format!("{full}-{apply}"), "c", Trigger::Command, Source::Azure, deps.now());
        let undone = Run { full, apply, ..new };
        let id = id_instead_of(&deps, &undone, None, deps.now()).await.unwrap();
        start_instead_of(&deps, &undone, None, &id).await.unwrap();
        let instead: Run = deps.state().value(&keys::run(&id, "c")).await.unwrap().unwrap();
        assert_eq!((instead.full, instead.apply), (full, apply));
    }
}
