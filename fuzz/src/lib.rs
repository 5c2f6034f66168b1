//! What the targets share: a form to check posts against, which is the example site's longest.

use std::sync::LazyLock;

use shared::domain::form::Form;
use shared::site::source::load;

/// The form for visits of the example site.
pub static FORM: LazyLock<Form> = LazyLock::new(|| {
    let site = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/site");
    let loaded = load(site.as_ref()).unwrap_or_else(|_| panic!("the example site is not right"));
    loaded.site.forms["demo"].clone()
});
