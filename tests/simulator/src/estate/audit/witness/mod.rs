//! Says what is wrong with an estate, straight from the written meaning of the
//! rules: slow, plain, and apart from the code under test. What plants record
//! of themselves must be among what is found here.

mod access;
mod combined;
mod directory;
mod grants;
mod hosts;
mod network;
mod parts;
mod view;

use super::draft::Draft;
pub(crate) use view::View;

/// Records every violation of every rule.
pub(crate) fn record(draft: &mut Draft) {
    let view = View::new(draft);
    let mut found = Vec::new();
    grants::check(&view, &mut found);
    combined::check(&view, &mut found);
    access::check(&view, &mut found);
    directory::check(&view, &mut found);
    network::check(&view, &mut found);
    parts::check(&view, &mut found);
    hosts::check(&view, &mut found);
    draft.violations.extend(found);
}
