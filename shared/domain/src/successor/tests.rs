use super::*;
use proptest::prelude::*;

fn names(own: &str) -> Names {
    // `own=friendly`
    let (own, friendly) = own.split_once('=').map_or((own, None), |(own, friendly)| (own, Some(friendly.to_owned())));
    Names { own: Some(own.to_owned()), friendly }
}

fn offer(key: &str, kind: ResourceKind, [pool, group, app]: [&str; 3]) -> Offer {
    Offer { key: key.to_owned(), kind, pool: names(pool), group: names(group), app: names(app) }
}

fn app(key: &str, names: [&str; 3]) -> Offer {
    offer(key, ResourceKind::RemoteApp, names)
}

fn desktop(key: &str, names: [&str; 3]) -> Offer {
    offer(key, ResourceKind::Desktop, names)
}

fn found(how: How, package: &str) -> Successor {
    Successor::Found(Candidate { how, package: package.to_owned() })
}

#[test]
fn the_best_match_is_found_with_its_reason() {
    let arm = [
        app("same", ["hp-sales", "office", "excel"]),
        app("other-group", ["hp-sales", "extras", "word"]),
        app("other-pool", ["hp-all", "tools", "ledger=Ledger 5"]),
        app("alone", ["hp-all", "misc", "notes"]),
        app("plus", ["hp-c", "code", "c++"]),
        app("sharp", ["hp-c", "code", "c#"]),
        desktop("desk", ["hp-sales=Sales", "hp-sales-DAG", "SessionDesktop"]),
        desktop("named", ["hp-x", "hp-x-DAG", "SessionDesktop=Finance desktop"]),
    ];
    for (classic, expected) in [
        (app("c", ["HP-Sales", "Office", "EXCEL"]), found(How::SameNames, "same")),
        (app("c", ["hp sales", "Office!", "excel"]), found(How::CalledTheSame, "same")),
        (app("c", ["old=HP Sales", "x=Office", "y=Excel"]), found(How::CalledTheSame, "same")),
        (app("c", ["hp-sales", "office", "word"]), found(How::SamePoolAndName, "other-group")),
        (app("c", ["hp-old", "Tools", "Ledger 5"]), found(How::SameGroupAndName, "other-pool")),
        (app("c", ["hp-old", "old", "Notes"]), found(How::SameNameOnly, "alone")),
        (app("c", ["hp-c", "code", "C#"]), found(How::SameNames, "sharp")),
        (desktop("c", ["Sales", "Desktop Application Group", "Remote Desktop"]), found(How::SamePoolAndName, "desk")),
        (
            desktop("c", ["old", "Desktop Application Group", "Remote Desktop=Finance Desktop"]),
            found(How::SameNameOnly, "named"),
        ),
    ] {
        let successors = successors(std::slice::from_ref(&classic), &arm);
        assert_eq!(successors["c"], expected, "{classic:?}");
    }
}

#[test]
fn what_has_no_successor_says_why() {
    let reason = |classic: Offer, arm: &[Offer]| match successors(&[classic], arm).remove("c") {
        Some(Successor::Unmatched { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let arm = [app("a", ["p", "g", "word"])];
    assert_eq!(reason(app("c", ["p", "g", "x=Excel"]), &arm), "no application is called \"Excel\"");
    let desk = desktop("c", ["p", "g", "Remote Desktop"]);
    assert_eq!(reason(desk.clone(), &arm), "the other connection publishes no Desktop at all");
    let other = [desktop("d", ["q", "Desktop Application Group", "SessionDesktop"])];
    let unnamed = desktop("c", ["p", "Desktop Application Group", "Remote Desktop"]);
    assert!(reason(unnamed, &other).starts_with("no desktop is on a host pool"), "unnamed is not a name");
}

#[test]
fn several_that_match_equally_well_are_all_listed() {
    let arm = [app("a", ["p", "g1", "excel"]), app("b", ["p", "g2", "excel"]), app("far", ["q", "g1", "excel"])];
    let classic = [app("c", ["p", "old", "excel"])];
    let Successor::Ambiguous { candidates, rivals } = successors(&classic, &arm).remove("c").unwrap() else { panic!() };
    assert_eq!(candidates.iter().map(|one| one.package.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(rivals, <[String; 0]>::default());
}

#[test]
fn two_never_share_a_successor_silently() {
    let arm = [app("a", ["p", "g", "excel"])];
    let exact = app("exact", ["p", "g", "excel"]);
    let weaker = app("weaker", ["q", "h", "excel"]);
    let both = successors(&[weaker.clone(), exact.clone()], &arm);
    assert_eq!(both["exact"], found(How::SameNames, "a"));
    let rivals = |fate: &Successor| match fate {
        Successor::Ambiguous { rivals, .. } => rivals.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(rivals(&both["weaker"]), ["exact"]);
    let tie = successors(&[weaker, app("again", ["r", "h", "excel"])], &arm);
    assert_eq!((rivals(&tie["weaker"]), rivals(&tie["again"])), (vec!["again".to_owned()], vec!["weaker".to_owned()]));
}

fn any_names() -> impl Strategy<Value = Names> {
    let name = || proptest::option::of("[abAB]{1,2}[- ]?|[#+]|\\PC{0,2}");
    (name(), name()).prop_map(|(own, friendly)| Names { own, friendly })
}

fn any_offers(prefix: &'static str) -> impl Strategy<Value = Vec<Offer>> {
    let offer = (any::<bool>(), any_names(), any_names(), any_names());
    proptest::collection::vec(offer, 0..8).prop_map(move |offers| {
        let offers = offers.into_iter().enumerate();
        let offer = |(at, (is_app, pool, group, app))| {
            let kind = if is_app { ResourceKind::RemoteApp } else { ResourceKind::Desktop };
            Offer { key: format!("{prefix}{at}"), kind, pool, group, app }
        };
        offers.map(offer).collect()
    })
}

proptest! {
    #[test]
    fn the_order_of_packages_makes_no_difference_and_none_succeeds_two(
        classic in any_offers("c"), arm in any_offers("a"), turn in 0_usize..8,
    ) {
        let fates = successors(&classic, &arm);
        prop_assert_eq!(fates.len(), classic.len(), "every one is accounted for");
        let (mut turned, mut mirrored) = (classic.clone(), arm.clone());
        turned.rotate_left(turn.min(classic.len()));
        mirrored.reverse();
        prop_assert_eq!(&successors(&turned, &mirrored), &fates);

        let mut taken = BTreeSet::new();
        for (key, fate) in &fates {
            let kind = |key: &str, of: &[Offer]| of.iter().find(|offer| offer.key == key).unwrap().kind;
            match fate {
                Successor::Found(candidate) => {
                    prop_assert!(taken.insert(&candidate.package), "{} twice", candidate.package);
                    prop_assert_eq!(kind(&candidate.package, &arm), kind(key, &classic));
                }
                Successor::Ambiguous { candidates, rivals } => prop_assert!(candidates.len() > 1 || !rivals.is_empty()),
                Successor::Unmatched { reason } => prop_assert!(!reason.is_empty()),
            }
        }
    }

    #[test]
    fn new_keys_change_nothing_but_the_keys(classic in any_offers("c"), arm in any_offers("a")) {
        let renamed = |offers: &[Offer]| -> Vec<Offer> {
            offers.iter().map(|offer| Offer { key: format!("z{}", offer.key), ..offer.clone() }).collect()
        };
        let found = |fates: BTreeMap<String, Successor>| -> Vec<(String, String)> {
            let pair = |(key, fate)| match fate {
                Successor::Found(candidate) => Some((key, candidate.package)),
                _ => None,
            };
            fates.into_iter().filter_map(pair).collect()
        };
        let expected: Vec<_> =
            found(successors(&classic, &arm)).into_iter().map(|(c, a)| (format!("z{c}"), format!("z{a}"))).collect();
        prop_assert_eq!(found(successors(&renamed(&classic), &renamed(&arm))), expected);
    }
}
