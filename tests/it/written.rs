//! Mails as they are written: each one as people read it, and hostile text that stays text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mail_parser::{HeaderValue, MessageParser};
use shared::channel::header::{one_line, subject};
use shared::channel::mail::{Mail, Writer};
use shared::channel::ses::Ses;
use shared::domain::id::LeadId;
use shared::domain::outbox::{Order, OutboxItem};
use shared::domain::pii::Pii;
use shared::domain::token::TokenKeys;
use shared::flow::capture::mail_item;
use shared::site::Site;
use shared::site::source::load;
use tests::project;
use tests::world::{START, World};

const TO: &str = "ada@analytical-engines.com";
const FROM: &str = "hello@aldermoor.example";

fn site() -> Site {
    load(&project("infra/site")).unwrap().site
}

fn item(template: &str, form: &str, magnet: Option<&str>, name: &str) -> OutboxItem {
    let order = Order {
        template: template.into(),
        to: Pii::new(TO.into()),
        form: Some(form.into()),
        magnet: magnet.map(str::to_owned),
        first_name: Pii::new(name.into()),
        confirms: vec!["newsletter".into()],
        ..Order::default()
    };
    mail_item(LeadId::from_bytes([7; 16]), order, "sub_1", START, "site")
}

fn written(site: &Site, item: &OutboxItem) -> Mail {
    let keys = TokenKeys::single("a1", [9; 32]);
    let writer = Writer {
        site,
        keys: &keys,
        public_url: "https://leads.aldermoor.example",
        from: FROM,
    };
    writer.to_lead(item, START).unwrap()
}

/// A mail as one text: headers, subject, both parts.
fn shown(mail: &Mail) -> String {
    let mut text = format!("From: {}\nSubject: {}\n", mail.from, mail.subject);
    for (name, value) in &mail.headers {
        writeln!(text, "{name}: {value}").unwrap();
    }
    format!("{text}\n{}\n=== HTML ===\n{}", mail.text, mail.html)
}

#[test]
fn each_mail_to_a_lead_as_it_is_read() {
    let site = site();
    let mut back = item("confirm", "guide", Some("heat-guide"), "Ada");
    back.order.came_back = true;
    let mut follow_up = item(
        "follow-up-figures",
        "checklist",
        Some("site-checklist"),
        "Ada",
    );
    follow_up.order.purpose = Some("newsletter".into());
    follow_up.order.confirms.clear();
    let mut last = follow_up.clone();
    last.order.template = "follow-up-visit".into();
    for (name, item) in [
        ("magnet", item("magnet", "guide", Some("heat-guide"), "Ada")),
        (
            "magnet_without_a_name",
            item("magnet", "guide", Some("heat-guide"), ""),
        ),
        (
            "magnet_in_german",
            item("magnet", "checkliste", Some("checkliste"), "Ada"),
        ),
        ("confirm", item("confirm", "demo", None, "Ada")),
        ("confirm_of_somebody_who_left", back),
        (
            "reminder",
            item("reminder", "checklist", Some("site-checklist"), "Ada"),
        ),
        (
            "reminder_without_a_magnet",
            item("reminder", "demo", None, ""),
        ),
        ("follow_up_figures", follow_up),
        ("follow_up_visit", last),
    ] {
        insta::assert_snapshot!(name, shown(&written(&site, &item)));
    }
}

/// Pieces that have broken headers before.
const PIECES: [&str; 24] = [
    "\r\nBcc: evil@example.com",
    "\nSubject: other",
    "\r\n\r\n<html>",
    "\u{0}",
    "\u{85}X-Evil: 1",
    "\u{2028}To: evil@example.com",
    "\u{2029}",
    "\u{202e}moc.live",
    "\u{2066}x\u{2069}",
    "\"",
    "\\\"",
    "<evil@example.com>",
    ", evil@example.com",
    "; (comment)",
    "=?utf-8?q?=0D=0ABcc=3A_evil=40example.com?=",
    "=?utf-8?b?DQpCY2M6IGV2aWxAZXhhbXBsZS5jb20=?=",
    "Łukasz Żółć",
    "日本語の会社",
    "👩‍🔬 R&D",
    "%0d%0aBcc:%20evil@example.com",
    "{{ 7 * 7 }}{% raw %}",
    "<script>alert(1)</script>",
    "\t folded",
    "ééééééééééééééééééééééééééééééééééééééééééééééééééééé",
];

fn hostile(n: usize) -> String {
    let piece = |k: usize| PIECES[k % PIECES.len()];
    match n % 4 {
        0 => format!("Ada{}", piece(n / 4)),
        1 => format!("{}Ada {}", piece(n / 4), piece(n / 7 + 3)),
        2 => format!("A{}B{}C", piece(n / 3), piece(n / 11 + 5)),
        _ => format!("{} {}", piece(n), "x".repeat(n)),
    }
}

/// Names of the headers on a message, with how often each is there, as another program reads them.
fn headers(raw: &[u8]) -> BTreeMap<String, usize> {
    let message = MessageParser::default().parse(raw).unwrap();
    let mut names = BTreeMap::new();
    for header in message.headers() {
        *names.entry(header.name().to_lowercase()).or_default() += 1;
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_7_500_hostile_names_and_subjects_make_exactly_the_expected_headers()
-> anyhow::Result<()> {
    let world = World::calm(131).await?;
    let stack = &world.app.core().stack().model;
    let deliver = stack
        .functions
        .iter()
        .find(|f| f.package == "deliver")
        .unwrap();
    let set = deliver.environment["CONFIGURATION_SET"].clone();
    let ses = Ses::new(world.app.runtime().aws.ses(), set);
    let plain = site();
    let usual = written(&plain, &item("magnet", "guide", Some("heat-guide"), "Ada"));
    ses.send(&item("magnet", "guide", None, ""), &usual).await;

    let mut expected = Vec::new();
    for n in 0..500 {
        let text = hostile(n);
        let mut site = plain.clone();
        // Every place whose text can reach a header: the sender's name and, by the subject, a title; and a name in the text.
        site.sender.name.clone_from(&text);
        let magnet = site.magnets.get_mut("heat-guide").unwrap();
        magnet.title.clone_from(&text);
        site.business.name.clone_from(&text);
        let order = item("magnet", "guide", Some("heat-guide"), &text);
        let mail = written(&site, &order);
        ses.send(&order, &mail).await;
        expected.push((text, mail));
    }
    let mails = world.app.ses().mails()?;
    assert_eq!(mails.len(), 501, "each was accepted");
    let raw = |id: &str| world.get(&format!("/local/mail/{id}/raw"));
    let names = headers(&raw(&mails[0].id).send().await?.bytes().await?);
    assert_eq!(names["list-unsubscribe"], 1);
    for (sent, (text, mail)) in mails[1..].iter().zip(&expected) {
        let source = raw(&sent.id).send().await?.bytes().await?;
        assert_eq!(headers(&source), names, "{text:?}");
        let message = MessageParser::default().parse(&source[..]).unwrap();
        let addresses = |value: &HeaderValue<'_>| -> Vec<String> {
            let list = value.as_address();
            let all = list.into_iter().flat_map(|a| a.iter());
            all.filter_map(|a| a.address().map(str::to_owned)).collect()
        };
        assert_eq!(addresses(message.header("To").unwrap()), [TO], "{text:?}");
        assert_eq!(
            addresses(message.header("From").unwrap()),
            [FROM],
            "{text:?}"
        );
        assert_eq!(
            message.subject().unwrap_or_default(),
            mail.subject,
            "{text:?}"
        );
        assert_eq!(mail.subject, subject(&format!("Your download: {text}")));
        let name = message
            .from()
            .and_then(|f| f.first())
            .and_then(|f| f.name());
        assert_eq!(
            one_line(name.unwrap_or_default()),
            one_line(text),
            "{text:?}"
        );
        assert!(!mail.html.contains("<script>alert"), "{text:?}");
    }
    Ok(())
}
