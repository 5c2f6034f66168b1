//! `[[channel]]`.

use super::small_site;

fn with(text: &str) -> super::Files {
    small_site().append("site.toml", &format!("\n[[channel]]\n{text}\n"))
}

#[test]
fn a_channel_of_each_kind_is_read() {
    let site = with(
        "id = \"crm\"\nkind = \"webhook\"\nurl = \"https://crm.acme.example/in\"\nsecret = \"crm-signing\"\nevents = [\"lead.mql\", \"lead.accepted\"]\n\n\
         [[channel]]\nid = \"chat\"\nkind = \"slack\"\nsecret = \"slack-sales\"\n\n\
         [[channel]]\nid = \"hub\"\nkind = \"hubspot\"\nsecret = \"hubspot\"\n\n\
         [[channel]]\nid = \"force\"\nkind = \"salesforce\"\noid = \"00D000000000001\"",
    );
    let channels = site.load().unwrap().site.channels;
    insta::assert_json_snapshot!("channels", channels);
}

#[test]
fn frm_13_a_url_that_leads_inside_is_an_error() {
    with("id = \"crm\"\nkind = \"webhook\"\nurl = \"http://crm.acme.example/in\"\nsecret = \"crm\"").says(&[
        "site.toml:31:7: error: `url` does not begin with https://; help: write it as https://host/path; `/local/sink/NAME` is the local runner's sink",
    ]);
    with("id = \"crm\"\nkind = \"webhook\"\nurl = \"https://169.254.169.254/\"\nsecret = \"crm\"").says(&[
        "site.toml:31:7: error: `url` names an address that is not on the public internet; help: write it as https://host/path; `/local/sink/NAME` is the local runner's sink",
    ]);
}

#[test]
fn frm_15_a_secret_is_named_and_never_written() {
    with("id = \"chat\"\nkind = \"slack\"\nsecret = \"https://hooks.slack.com/services/T0/B0/x\"").says(&[
        "site.toml:31:10: error: `secret` is the name of a secret: a-z, 0-9 and -; help: the secret itself is kept apart; docs/channels.md tells where",
    ]);
    with("id = \"chat\"\nkind = \"slack\"\nurl = \"https://hooks.slack.com/services/T0/B0/x\"").says(&[
        "site.toml:31:7: error: the address of a Slack webhook is a secret and does not belong here; help: keep it as a secret and name it: `secret = \"slack-sales\"`",
    ]);
}

#[test]
fn kinds_events_and_ids_are_known_words() {
    with("id = \"mira\"\nkind = \"slak\"\nevents = [\"lead.mqk\"]").says(&[
        "site.toml:29:6: error: `mira` is the id of a sales person; help: forms name both in `notify`, so give the channel another id",
        "site.toml:30:8: error: there is no kind of channel `slak`; help: did you mean `slack`?",
        "site.toml:31:11: error: there is no event `lead.mqk`; help: did you mean `lead.mql`?",
    ]);
}

#[test]
fn a_form_may_name_a_channel_for_its_notices() {
    with("id = \"crm\"\nkind = \"webhook\"\nurl = \"/local/sink/crm\"\nsecret = \"crm\"\nevents = []")
        .edit("forms/guide.toml", "magnet = \"guide\"", "magnet = \"guide\"\nnotify = [\"mira\", \"crm\"]")
        .says(&[]);
}

#[test]
fn a_deployed_site_has_no_channel_to_a_local_sink() {
    let site =
        with("id = \"crm\"\nkind = \"webhook\"\nurl = \"/local/sink/crm\"\nsecret = \"crm\"")
            .load()
            .unwrap()
            .site;
    assert_eq!(site.channels.len(), 1);
    let deployed = crate::site::source::for_deployment(site.clone());
    assert_eq!(deployed.channels.len(), 0);
    assert_ne!(deployed.hash, site.hash);
}
