//! A site with one form more: a lenient one, known by a name at every service whose pages may post to it.

use std::fs;

use lodestone::app::Options;
use lodestone::stack::Data;
use shared::runtime::Clock;
use tempfile::TempDir;

use crate::project;
use crate::world::{START, World};

/// The form's file.
const FORM: &str = r#"title = "Contact"
success_message = "Thank you, we call you."
allowed_origins = ["https://www.shop.example"]
country = "NL"

[elsewhere]
formspree = "xpzgkqyw"
hubspot = "8f2e5c1a-7b3d-4e6f-9a0b-1c2d3e4f5a6b"
web_to_lead = "00D5g000004abcd"
netlify = "contact"
mautic = ["7", "contactus"]
google = "9007199254740993"
google_key = "google-leads"
meta = "444555666"
meta_app_secret = "meta-app"
meta_verify_token = "meta-verify"

[[redirect]]
name = "done"
to = "/done"

[[field]]
name = "email"
label = "Email"
kind = "email"

[[field]]
name = "first_name"
label = "First name"
kind = "text"

[[field]]
name = "last_name"
label = "Last name"
kind = "text"

[[field]]
name = "phone"
label = "Phone"
kind = "phone"

[[field]]
name = "country"
label = "Country"
kind = "country"

[[field]]
name = "employees"
label = "Employees"
kind = "number"

[[field]]
name = "interests"
label = "Interests"
kind = "choices"
options = ["pumps", "tanks"]

[[field]]
name = "product"
label = "Product"
kind = "text"
aliases = ["00N5g00000AbCdE", "item_meta[8]"]

[[field]]
name = "postcode_nl"
label = "Postcode"
kind = "text"
pattern = "[0-9]{4} ?[A-Z]{2}"
message = "Four digits and two letters, such as 1234 AB."

[[consent]]
purpose = "newsletter"
text = "Send me news & offers."
"#;

/// A system with that form at `/f/moved`, and its secrets.
pub async fn world(seed: u64) -> anyhow::Result<(World, TempDir)> {
    let folder = tempfile::tempdir()?;
    let site = folder.path().join("site");
    crate::copy_site(&site)?;
    fs::write(site.join("forms/moved.toml"), FORM)?;
    let secrets = folder.path().join("data/secrets/site");
    fs::create_dir_all(&secrets)?;
    for (name, value) in [
        ("google-leads", "k-e-y"),
        ("meta-app", "app-secret"),
        ("meta-verify", "ask-me"),
    ] {
        fs::write(secrets.join(name), value)?;
    }
    let mut options = Options::step(
        seed,
        Clock::from_fn(|| START),
        site,
        project("infra/template.yaml"),
    );
    options.data = Data::Folder(folder.path().join("data"));
    Ok((World::start(options).await?, folder))
}
