//! `[business]`, `[sender]` and `[[magnet]]`.

use super::small_site;

#[test]
fn law_8_a_blank_postal_address_is_an_error() {
    small_site().edit("site.toml", "Acme Ltd, 1 High Street, London, UK", " ").says(&[
        "site.toml:3:18: error: `postal_address` is empty; help: the law of most countries wants one at the foot of each mail; write it as `postal_address = \"Street 1, 12345 City, Country\"`",
    ]);
}

#[test]
fn sections_that_are_missing_are_told_with_what_belongs_there() {
    small_site().edit("site.toml", "[sender]\nname = \"Acme\"\n", "").says(&[
        "site.toml:1:1: error: this file has no [sender]; help: say who mail comes from: `name = \"...\"`",
    ]);
}

#[test]
fn web_addresses_are_https_except_on_this_machine() {
    small_site().edit("site.toml", "https://acme.example\"", "http://acme.example\"").says(&[
        "site.toml:4:11: error: `http://acme.example` is not an absolute https URL; help: write it as in the address bar: https://www.example.com/page",
    ]);
    small_site()
        .edit(
            "site.toml",
            "https://acme.example\"",
            "http://localhost:3000\"",
        )
        .says(&[]);
}

#[test]
fn an_accent_that_is_no_colour_or_too_light_for_white_text_is_told() {
    small_site()
        .edit("site.toml", "#1f5fbf", "blue")
        .says(&["site.toml:6:10: error: `blue` is not a colour; help: write it as #rrggbb, such as `#1f5fbf`"]);
    small_site().edit("site.toml", "#1f5fbf", "#7fb2ff").says(&[
        "site.toml:6:10: warning: white text on `#7fb2ff` is hard to read: contrast 2.2, should be at least 4.5; help: choose a darker colour",
    ]);
}

#[test]
fn a_sender_that_looks_like_an_address_is_refused() {
    small_site().edit("site.toml", "[sender]\nname = \"Acme\"", "[sender]\nname = \"acme@acme.example\"\nreply_to = \"acme\"").says(&[
        "site.toml:9:8: error: `name` of the sender has `@`, `<`, `>` or a quote; help: mail clients take such names for forgeries; use plain words",
        "site.toml:10:12: error: `acme` is not a mail address: it should be an email",
    ]);
}

#[test]
fn a_value_of_the_wrong_type_is_told_with_both_types() {
    small_site()
        .edit("site.toml", "name = \"Acme\"\npostal", "name = 7\npostal")
        .says(&["site.toml:2:8: error: `name` should be a text in quotes, not a whole number"]);
}

#[test]
fn a_magnet_names_a_file_that_is_there() {
    small_site()
        .edit("site.toml", "guide.pdf", "giude.pdf")
        .says(&["site.toml:14:8: error: there is no file magnets/giude.pdf; help: did you mean `guide.pdf`?"]);
    small_site().edit("site.toml", "guide.pdf", "guide.exe").with("magnets/guide.exe", "MZ").says(&[
        "site.toml:14:8: error: what kind of file is `guide.exe`?; help: add its media type, such as `content_type = \"application/pdf\"`",
    ]);
    small_site()
        .with("magnets/guide.pdf", "")
        .says(&["site.toml:14:8: error: magnets/guide.pdf is empty"]);
    small_site().edit("site.toml", "guide.pdf", "../site.toml").says(&[
        "site.toml:14:8: error: `../site.toml` cannot be the file of a magnet; help: use a plain name of a-z, 0-9, - and _ with an extension; `save_as` is what visitors see",
    ]);
}

#[test]
fn ids_have_one_shape_and_one_use() {
    small_site()
        .append("site.toml", "\n[[magnet]]\nid = \"guide\"\ntitle = \"Again\"\nfile = \"guide.pdf\"\n\n[[magnet]]\nid = \"The Guide!\"\ntitle = \"T\"\nfile = \"guide.pdf\"\n")
        .says(&[
            "site.toml:29:6: error: there is another magnet `guide` on line 12",
            "site.toml:34:6: error: `The Guide!` cannot be the id of a magnet; help: use a-z, 0-9 and -, at most 40 characters, such as `the-guide`",
        ]);
}

#[test]
fn a_magnet_is_measured_and_its_defaults_are_filled_in() {
    let site = small_site().load().unwrap().site;
    let magnet = &site.magnets["guide"];
    assert_eq!(
        (
            magnet.bytes,
            magnet.content_type.as_str(),
            magnet.save_as.as_str()
        ),
        (4, "application/pdf", "guide.pdf")
    );
    assert_eq!(
        magnet.sha256,
        "315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027"
    );
}
