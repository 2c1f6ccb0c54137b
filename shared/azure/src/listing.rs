//! Lists of ARM: `{value: […], nextLink}`, page after page.
//!
//! One malformed item never hides its neighbours, and a page that cannot be had never hides the pages before it.

use crate::answers::safe;
use crate::arm::{Arm, Call, json};
use poolwarden_domain::{ArmId, Reading, UnknownScope, Unreadable, Why};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;

/// Pages of one list at most.
pub(crate) const PAGES: usize = 1_000;

/// What a list held.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    /// The items that could be understood, each id once.
    pub(crate) items: Vec<T>,
    /// The items that could not.
    pub(crate) flaws: Vec<UnknownScope>,
    /// Why the list may go on after this.
    pub(crate) stopped: Option<Unreadable>,
}

impl<T> Listed<T> {
    pub(crate) fn new() -> Self {
        Self { items: Vec::new(), flaws: Vec::new(), stopped: None }
    }

    /// The items, if nothing is missing: for those who must not take a part for the whole.
    pub(crate) fn whole(self) -> Reading<Vec<T>> {
        match (self.stopped, self.flaws.into_iter().next()) {
            (Some(reason), _) => Err(reason),
            (None, Some(flaw)) => {
                Err(Unreadable::new(flaw.reason.why, format!("{}: {}", flaw.scope, flaw.reason.detail)))
            }
            (None, None) => Ok(self.items),
        }
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    // Without a list of values it is no list: an empty one says so.
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "nextLink", alias = "@odata.nextLink")]
    next_link: Option<Cow<'a, str>>,
}

/// The id of an item, when it is legible.
pub(crate) fn id_of(item: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }
    serde_json::from_str::<Id<'_>>(item.get()).ok().map(|item| item.id.into_owned()).filter(|id| !id.trim().is_empty())
}

/// One item as it was read: its id when that is legible, and what became of it.
pub(crate) type Item<T> = (Option<String>, Result<T, String>);

/// Reads the items of one page, each by itself.
pub(crate) fn read_items<T>(items: &[&RawValue], read: impl Fn(&RawValue) -> Result<T, String>) -> Vec<Item<T>> {
    items.iter().map(|item| (id_of(item), read(item))).collect()
}

impl<T> Listed<T> {
    /// Another part of the same list.
    pub(crate) fn append(&mut self, mut part: Self) {
        self.items.append(&mut part.items);
        self.flaws.append(&mut part.flaws);
        self.stopped = self.stopped.take().or(part.stopped);
    }

    /// Takes in one page's items; an id that came before is the same thing.
    pub(crate) fn take_in(&mut self, seen: &mut HashSet<String>, list: &ArmId, items: Vec<Item<T>>) {
        for (id, item) in items {
            if id.as_ref().is_some_and(|id| !seen.insert(ArmId::new(id).canonical())) {
                continue;
            }
            match item {
                Ok(value) => self.items.push(value),
                Err(text) => self.flaws.push(UnknownScope {
                    scope: id.map_or_else(|| list.clone(), |id| ArmId::new(&safe(&id, 500))),
                    reason: Unreadable::new(Why::Malformed, format!("an item of the list of {list} {text}")),
                }),
            }
        }
    }
}

impl Arm {
    /// The whole list, as far as it can be had. `None`: what is listed does not exist.
    pub(crate) async fn list<T>(
        &self,
        first: Call,
        read: impl Fn(&RawValue) -> Result<T, String>,
    ) -> Reading<Option<Listed<T>>> {
        let mut listed = Listed::new();
        let (mut seen, mut visited) = (HashSet::new(), HashSet::new());
        let mut call = first;
        for page in 0..PAGES {
            visited.insert(call.url.to_string());
            let read_page = |body: &[u8]| {
                let page: Page<'_> = json(body)?;
                Ok((read_items(&page.value, &read), page.next_link.map(Cow::into_owned)))
            };
            let (items, next) = match self.ask(&call, read_page).await {
                Ok(Some(page)) => page,
                Ok(None) if page == 0 => return Ok(None),
                Err(reason) if page == 0 => return Err(reason),
                Ok(None) => {
                    listed.stopped =
                        Some(stop(&call, Why::Failed, "a page that an earlier one names is not there (404)"));
                    break;
                }
                Err(reason) => {
                    listed.stopped = Some(reason);
                    break;
                }
            };
            listed.take_in(&mut seen, &call.scope, items);
            let Some(next) = next.filter(|next| !next.is_empty()) else { break };
            // A relative link is resolved; where it leads is checked when it is asked.
            call.url = match call.url.join(&next) {
                Ok(url) if visited.contains(url.as_str()) => {
                    listed.stopped = Some(stop(&call, Why::Malformed, "its pages go in a circle"));
                    break;
                }
                Ok(url) => url,
                Err(_) => {
                    listed.stopped = Some(stop(&call, Why::Malformed, "the link to its next page is no URL"));
                    break;
                }
            };
            if page + 1 == PAGES {
                listed.stopped = Some(stop(&call, Why::TooLarge, &format!("it has more than {PAGES} pages")));
            }
        }
        Ok(Some(listed))
    }
}

fn stop(call: &Call, why: Why, text: &str) -> Unreadable {
    Unreadable::new(why, format!("{} of {}: {text}", call.what, call.scope))
}
