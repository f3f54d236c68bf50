//! The library: versions, what is expected of them, races, and the wall between tenants.

use std::sync::Arc;

use futures::future::join_all;
use model::{ContentHash, EntryName, library::Kind};
use store::{
    Store, StoreError,
    library::{Change, ChangeError, EntryRow, NewEntry, Place},
    limits::{MAX_CONTENT_BYTES, MAX_TITLE_BYTES},
};

use crate::fixture::tenant;

fn name(text: &str) -> EntryName {
    EntryName::new(text).expect("a token")
}

fn place(owner: &str, kind: Kind, text: &str) -> Place {
    Place {
        tenant: tenant(owner),
        kind,
        name: name(text),
    }
}

fn entry(content: &str) -> NewEntry {
    NewEntry {
        hash: ContentHash::of(content.as_bytes()),
        content: content.to_owned(),
        title: format!("title of {content}"),
        author: "mia".to_owned(),
    }
}

fn numbers(rows: Result<Vec<EntryRow>, StoreError>) -> Vec<u32> {
    rows.expect("reads").iter().map(|row| row.version).collect()
}

pub(crate) async fn entries_come_back_in_versions(store: Arc<dyn Store>) {
    let tern = place("acme", Kind::Brand, "tern");
    assert_eq!(store.entry(&tern, None).await, Ok(None));
    let first = store.put_entry(&tern, None, entry("one")).await;
    assert_eq!(first, Ok(Change::Made(1)));
    let same = store.put_entry(&tern, Some(7), entry("one")).await;
    assert_eq!(same, Ok(Change::Same(1)), "a repeat, whatever it expected");
    let second = store.put_entry(&tern, None, entry("two")).await;
    assert_eq!(second, Ok(Change::Made(2)));
    // What it was before is a new version too, of the same content.
    let back = store.put_entry(&tern, None, entry("one")).await;
    assert_eq!(back, Ok(Change::Made(3)));

    for (version, content) in [(None, "one"), (Some(2), "two"), (Some(1), "one")] {
        let (row, kept) = store
            .entry(&tern, version)
            .await
            .expect("reads")
            .expect("is there");
        assert_eq!(kept, content);
        assert_eq!(row.hash, ContentHash::of(content.as_bytes()));
        assert_eq!(
            (row.title.as_str(), row.author.as_str(), row.bytes),
            (format!("title of {content}").as_str(), "mia", 3)
        );
        assert_eq!((row.version, row.deleted), (version.unwrap_or(3), false));
        assert!(row.created.0 > 0);
    }
    assert_eq!(store.entry(&tern, Some(4)).await, Ok(None));
    let template = place("acme", Kind::Template, "tern");
    assert_eq!(store.entry(&template, None).await, Ok(None), "another kind");
}

pub(crate) async fn only_the_expected_version_is_changed(store: Arc<dyn Store>) {
    let tern = place("acme", Kind::Brand, "tern");
    let put =
        |expected, content: &'static str| store.put_entry(&tern, Some(expected), entry(content));
    assert_eq!(put(1, "a").await, Err(ChangeError::Stale(0)));
    assert_eq!(put(0, "a").await, Ok(Change::Made(1)));
    assert_eq!(put(0, "b").await, Err(ChangeError::Stale(1)));
    assert_eq!(put(1, "b").await, Ok(Change::Made(2)));
    let delete = |expected| store.delete_entry(&tern, expected);
    assert_eq!(delete(Some(1)).await, Err(ChangeError::Stale(2)));
    assert_eq!(delete(Some(2)).await, Ok(Change::Made(2)));
    assert_eq!(
        put(2, "c").await,
        Err(ChangeError::Stale(0)),
        "it is out of use"
    );
}

pub(crate) async fn a_deleted_name_keeps_its_versions(store: Arc<dyn Store>) {
    let tern = place("acme", Kind::Resource, "tern");
    assert_eq!(store.delete_entry(&tern, None).await, Ok(Change::Same(0)));
    for content in ["a", "b"] {
        assert!(store.put_entry(&tern, None, entry(content)).await.is_ok());
    }
    assert_eq!(store.delete_entry(&tern, None).await, Ok(Change::Made(2)));
    assert_eq!(
        store.delete_entry(&tern, Some(2)).await,
        Ok(Change::Same(0))
    );
    let listed = store.entries(&tern.tenant, tern.kind, None, 10).await;
    assert_eq!(listed, Ok(Vec::new()));
    let (row, content) = store
        .entry(&tern, Some(1))
        .await
        .expect("reads")
        .expect("stays");
    assert_eq!((content.as_str(), row.deleted), ("a", true));
    assert_eq!(numbers(store.entry_versions(&tern, None, 10).await), [2, 1]);

    // Numbers go on, so that none ever means two contents.
    let again = store.put_entry(&tern, Some(0), entry("b")).await;
    assert_eq!(again, Ok(Change::Made(3)));
    let (row, _) = store
        .entry(&tern, None)
        .await
        .expect("reads")
        .expect("is back");
    assert_eq!((row.version, row.deleted), (3, false));
}

pub(crate) async fn names_and_versions_come_in_pages(store: Arc<dyn Store>) {
    let acme = tenant("acme");
    for text in ["b", "a-1", "a_1", "0", "c"] {
        let place = place("acme", Kind::Brand, text);
        for content in ["x", "y"] {
            assert!(store.put_entry(&place, None, entry(content)).await.is_ok());
        }
    }
    let page = async |after: Option<&str>, limit| -> Vec<String> {
        let after = after.map(name);
        let rows = store
            .entries(&acme, Kind::Brand, after.as_ref(), limit)
            .await
            .expect("reads");
        assert!(rows.iter().all(|row| row.version == 2));
        rows.iter().map(|row| row.name.to_string()).collect()
    };
    assert_eq!(page(None, 10).await, ["0", "a-1", "a_1", "b", "c"]);
    assert_eq!(page(None, 2).await, ["0", "a-1"]);
    assert_eq!(page(Some("a-1"), 2).await, ["a_1", "b"]);
    assert_eq!(page(Some("b"), 2).await, ["c"]);
    assert!(page(Some("zzz"), 2).await.is_empty());

    let b = place("acme", Kind::Brand, "b");
    assert!(store.put_entry(&b, None, entry("z")).await.is_ok());
    assert_eq!(numbers(store.entry_versions(&b, None, 2).await), [3, 2]);
    assert_eq!(numbers(store.entry_versions(&b, Some(2), 2).await), [1]);
    let none = place("acme", Kind::Brand, "none");
    assert_eq!(store.entry_versions(&none, None, 2).await, Ok(Vec::new()));
}

/// Writers who all know the same version: one of them wins it, the others are told the new one.
pub(crate) async fn one_writer_wins_each_version_of_a_name(store: Arc<dyn Store>) {
    let tern = place("acme", Kind::Brand, "tern");
    for round in 0..10_u32 {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (store, tern) = (store.clone(), tern.clone());
                let content = format!("{round} {writer}");
                tokio::spawn(async move {
                    let put = store.put_entry(&tern, Some(round), entry(&content)).await;
                    (put, content)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for outcome in join_all(writers).await {
            match outcome.expect("no panic") {
                (Ok(Change::Made(version)), content) => winners.push((version, content)),
                (Err(ChangeError::Stale(newest)), _) => assert_eq!(newest, round + 1),
                (other, _) => panic!("{other:?}"),
            }
        }
        let [(version, content)] = winners.as_slice() else {
            panic!("{winners:?} in round {round}");
        };
        assert_eq!(*version, round + 1);
        let (_, kept) = store
            .entry(&tern, None)
            .await
            .expect("reads")
            .expect("is there");
        assert_eq!(kept, *content);
    }
}

/// Without an expectation everyone's content is kept, each under a number of its own.
pub(crate) async fn many_make_one_name_once(store: Arc<dyn Store>) {
    let writers: Vec<_> = (0..12)
        .map(|writer| {
            let store = store.clone();
            // Half of them share a name, the others make one beside it.
            let text = if writer % 2 == 0 {
                "shared".to_owned()
            } else {
                format!("n{writer}")
            };
            let place = place("acme", Kind::Template, &text);
            tokio::spawn(async move {
                store
                    .put_entry(&place, None, entry(&format!("content {writer}")))
                    .await
            })
        })
        .collect();
    for outcome in join_all(writers).await {
        let made = outcome.expect("no panic");
        assert!(matches!(made, Ok(Change::Made(_))), "{made:?}");
    }
    let shared = place("acme", Kind::Template, "shared");
    let versions = numbers(store.entry_versions(&shared, None, 20).await);
    assert_eq!(versions, [6, 5, 4, 3, 2, 1]);
    let names = store
        .entries(&shared.tenant, Kind::Template, None, 20)
        .await
        .expect("reads");
    assert_eq!(names.len(), 7);
}

pub(crate) async fn libraries_are_the_tenants_own(store: Arc<dyn Store>) {
    let (mine, theirs) = (
        place("acme", Kind::Brand, "tern"),
        place("other", Kind::Brand, "tern"),
    );
    for (place, content) in [(&mine, "mine"), (&theirs, "theirs")] {
        let made = store.put_entry(place, Some(0), entry(content)).await;
        assert_eq!(made, Ok(Change::Made(1)));
    }
    assert_eq!(store.delete_entry(&theirs, None).await, Ok(Change::Made(1)));
    let (row, content) = store
        .entry(&mine, None)
        .await
        .expect("reads")
        .expect("stays");
    assert_eq!((content.as_str(), row.deleted), ("mine", false));
    let third = place("third", Kind::Brand, "tern");
    assert_eq!(store.entry(&third, Some(1)).await, Ok(None));
    assert_eq!(
        store.entries(&third.tenant, Kind::Brand, None, 9).await,
        Ok(Vec::new())
    );
    assert_eq!(store.entry_versions(&third, None, 9).await, Ok(Vec::new()));
    assert_eq!(store.delete_entry(&third, None).await, Ok(Change::Same(0)));
}

pub(crate) async fn what_cannot_be_kept_is_refused(store: Arc<dyn Store>) {
    let tern = place("acme", Kind::Brand, "tern");
    let bad = [
        entry("nul \0"),
        entry(&"x".repeat(MAX_CONTENT_BYTES + 1)),
        NewEntry {
            title: "x".repeat(MAX_TITLE_BYTES + 1),
            ..entry("a")
        },
        NewEntry {
            author: "\0".to_owned(),
            ..entry("a")
        },
    ];
    for entry in bad {
        let refused = store.put_entry(&tern, None, entry).await;
        assert!(
            matches!(refused, Err(ChangeError::Store(StoreError::Refused(_)))),
            "{refused:?}"
        );
    }
    assert_eq!(store.entry(&tern, None).await, Ok(None));
}
