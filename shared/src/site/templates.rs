//! How mail templates are compiled: one set of rules for the checker and for the renderer, so that a template that passed
//! `lodestone check` renders in a function.
//!
//! Every template is there as `<name>.subject`, `<name>.txt` and `<name>.html`; parts whose name begins with `_` are layouts that the
//! others extend. A variable that does not exist is an error, never an empty text. HTML parts escape every value.

use std::collections::BTreeMap;

use minijinja::{Environment, Error, UndefinedBehavior};

use super::MailTemplate;

/// An engine with the rules and no templates.
pub fn engine<'s>() -> Environment<'s> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    // A line that holds only a tag leaves nothing behind, so that text parts can be laid out readably.
    engine.set_trim_blocks(true);
    engine.set_lstrip_blocks(true);
    engine
}

/// The engine with all templates of a site.
pub fn environment(templates: &BTreeMap<String, MailTemplate>) -> Result<Environment<'_>, Error> {
    with(templates.iter())
}

/// The engine with one mail and the layouts, which is all that rendering it needs: parsing takes longer than rendering.
pub fn environment_for<'s>(
    name: &str,
    templates: &'s BTreeMap<String, MailTemplate>,
) -> Result<Environment<'s>, Error> {
    with(
        templates
            .iter()
            .filter(|(other, _)| *other == name || other.starts_with('_')),
    )
}

fn with<'s>(
    templates: impl Iterator<Item = (&'s String, &'s MailTemplate)>,
) -> Result<Environment<'s>, Error> {
    let mut environment = engine();
    for (name, template) in templates {
        environment.add_template_owned(format!("{name}.subject"), template.subject.as_str())?;
        environment.add_template_owned(format!("{name}.txt"), template.text.as_str())?;
        environment.add_template_owned(format!("{name}.html"), template.html.as_str())?;
    }
    Ok(environment)
}
