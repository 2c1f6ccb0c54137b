use super::*;
use crate::testing::{self, Disturbed};
use poolwarden_domain::package::Change;
use poolwarden_domain::package::Package;
use poolwarden_domain::plan::{Defaults, PoolPlan};
use poolwarden_domain::run::{Source, Trigger};
use poolwarden_store::Documents;

fn report(run: &Run) -> PoolReport {
    PoolReport::new("pool", run.observe(run.started_at), &PoolPlan::default(), 1, Vec::new())
}

#[tokio::test]
async fn a_package_that_is_purged_while_it_is_published_counts_its_revisions_on() {
    let store = testing::store();
    let package = testing::package("excel");
    let key = keys::package(&package.connection, &package.key);
    let purged = keys::purged(&package.connection, &package.key);
    let document = key.clone();
    // The purge comes between everything that was asked before and the first look at the package.
    let disturbed = Disturbed::new(&store, move |store, asked| {
        let (document, purged) = (document.clone(), purged.clone());
        Box::pin(async move {
            let is_over = store.get(&purged).await?.is_some();
            if let Some(known) = store.get(&document).await?.filter(|_| asked == document && !is_over) {
                store.put(&purged, "7".into(), poolwarden_store::Expect::Absent).await?;
                store.delete(&document, &known.version).await?;
            }
            Ok(())
        })
    });
    let deps = testing::deps(Arc::new(disturbed), &store);
    crate::state::State(&store).create(&key, &package).await.unwrap();

    let run = Run::new("r".to_owned(), &package.connection, Trigger::Timer, Source::Azure, deps.now());
    let entry = Entry {
        key: package.key.clone(),
        change: Change::Updated,
        content: package.content,
        defaults: Defaults::default(),
    };
    let outcome = publish(&deps, &run, &report(&run), &[entry], false).await.unwrap();
    assert_eq!(outcome.created, 1);
    let again: Package = deps.state().value(&key).await.unwrap().unwrap();
    assert_eq!((again.revision(), again.revisions[0].change), (8, Change::Created));
}
