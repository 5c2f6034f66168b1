//! Whatever is done to a ledger shows.

use proptest::prelude::*;

use super::*;

const LEAD: LeadId = LeadId::from_bytes([3; 16]);

fn record(purpose: &str) -> ConsentRecord {
    ConsentRecord {
        n: 0,
        purpose: purpose.into(),
        decision: Decision::Granted,
        text: None,
        text_sha256: "aa".into(),
        form: Some("guide".into()),
        form_version: None,
        page: None,
        method: "checkbox".into(),
        ip_hash: None,
        at: Timestamp(5),
        touchpoint: "sub_1".into(),
        field: None,
        language: Some("en".into()),
        agent_class: None,
        mail: None,
        mail_delivered_at: None,
        prev: String::new(),
        seal: String::new(),
    }
}

fn ledger(key: &ConsentKey, lead_id: &LeadId, length: u8) -> (Vec<ConsentRecord>, LedgerHead) {
    let records = (0..length).map(|n| record(&format!("p{}", n % 3)));
    let chain = key.append(None, records.collect());
    let head = key.head(lead_id, chain.last().unwrap());
    (chain, head)
}

#[test]
fn law_1_a_ledger_goes_on_from_its_last_entry_and_holds() {
    let key = ConsentKey::new([1; 32]);
    let mut chain = key.append(None, vec![record("a"), record("b")]);
    let more = key.append(chain.last(), vec![record("c")]);
    chain.extend(more);
    let head = key.head(&LEAD, &chain[2]);
    assert_eq!(chain.iter().map(|r| r.n).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(key.check(&LEAD, &chain, Some(&head), false), []);
    assert_eq!(key.check(&LEAD, &[], None, false), []);
}

#[test]
fn law_1_the_ledger_of_somebody_else_and_a_missing_end_show() {
    let key = ConsentKey::new([1; 32]);
    let (chain, head) = ledger(&key, &LEAD, 3);
    let other = LeadId::from_bytes([4; 16]);
    assert_eq!(
        key.check(&other, &chain, Some(&head), false),
        [LedgerFault::HeadChanged]
    );
    assert_eq!(
        key.check(&LEAD, &chain[..2], Some(&head), false),
        [LedgerFault::Shortened(3)]
    );
    assert_eq!(
        key.check(&LEAD, &[], Some(&head), false),
        [LedgerFault::Shortened(3)]
    );
    assert_eq!(key.check(&LEAD, &chain, None, false), [LedgerFault::NoHead]);
    assert_ne!(
        ConsentKey::new([2; 32]).check(&LEAD, &chain, Some(&head), false),
        []
    );
}

#[test]
fn what_an_earlier_release_sealed_still_holds() {
    // An entry without the fields that came later is the same bytes as before they came.
    let mut old = record("newsletter");
    old.language = None;
    let text = serde_json::to_string(&old).unwrap();
    assert!(!text.contains("language") && !text.contains("mail") && !text.contains("field"));
    let read: ConsentRecord = serde_json::from_str(&text).unwrap();
    assert_eq!(
        ConsentKey::new([1; 32]).seal(&read),
        ConsentKey::new([1; 32]).seal(&old)
    );
}

/// Ways to forge a ledger.
#[derive(Clone, Debug)]
enum Forgery {
    Decision(usize),
    Text(usize),
    At(usize),
    Page(usize),
    Language(usize),
    Mail(usize),
    Number(usize),
    Drop(usize),
    DropEnd(usize),
    Swap(usize, usize),
    Renumber(usize, usize),
    Copy(usize),
    Splice(usize),
    HeadBack(usize),
}

fn forgeries(length: usize) -> impl Strategy<Value = Forgery> {
    let one = 0..length;
    let pair = (0..length, 1..length.max(2));
    prop_oneof![
        one.clone().prop_map(Forgery::Decision),
        one.clone().prop_map(Forgery::Text),
        one.clone().prop_map(Forgery::At),
        one.clone().prop_map(Forgery::Page),
        one.clone().prop_map(Forgery::Language),
        one.clone().prop_map(Forgery::Mail),
        one.clone().prop_map(Forgery::Number),
        one.clone().prop_map(Forgery::Drop),
        one.clone().prop_map(Forgery::DropEnd),
        pair.clone().prop_map(|(a, b)| Forgery::Swap(a, b)),
        pair.prop_map(|(a, b)| Forgery::Renumber(a, b)),
        one.clone().prop_map(Forgery::Copy),
        one.clone().prop_map(Forgery::Splice),
        one.prop_map(Forgery::HeadBack),
    ]
}

/// The ledger after a forgery by somebody who can write to the tables and has no key; none where it would change nothing.
fn forged(
    key: &ConsentKey,
    chain: &[ConsentRecord],
    head: &LedgerHead,
    forgery: &Forgery,
) -> Option<(Vec<ConsentRecord>, LedgerHead)> {
    let (mut chain, mut head, length) = (chain.to_vec(), head.clone(), chain.len());
    match *forgery {
        Forgery::Decision(i) => chain[i].decision = Decision::Withdrawn,
        Forgery::Text(i) => chain[i].text_sha256.push('0'),
        Forgery::At(i) => chain[i].at = Timestamp(6),
        Forgery::Page(i) => chain[i].page = Some("https://elsewhere.example/".into()),
        Forgery::Language(i) => chain[i].language = None,
        Forgery::Mail(i) => chain[i].mail = Some("mal_x".into()),
        Forgery::Number(i) => chain[i].n += 1,
        Forgery::Drop(i) => drop(chain.remove(i)),
        Forgery::DropEnd(i) => chain.truncate(i),
        Forgery::Swap(i, by) => {
            let j = (i + by) % length;
            if i == j {
                return None;
            }
            chain.swap(i, j);
        }
        // Swapped, and each given the other's number.
        Forgery::Renumber(i, by) => {
            let j = (i + by) % length;
            if i == j {
                return None;
            }
            let (a, b) = (chain[i].n, chain[j].n);
            (chain[i].n, chain[j].n) = (b, a);
            chain.sort_by_key(|r| r.n);
        }
        Forgery::Copy(i) => chain.insert(i, chain[i].clone()),
        Forgery::Splice(i) => {
            let (others, _) = ledger(key, &LeadId::from_bytes([9; 16]), 9);
            let mut foreign = others[8].clone();
            foreign.n = chain[i].n;
            chain[i] = foreign;
        }
        Forgery::HeadBack(i) => {
            chain.truncate(i);
            head.n = u32::try_from(i).unwrap();
            head.last = chain.last().map_or_else(String::new, |r| r.seal.clone());
        }
    }
    Some((chain, head))
}

proptest! {
    #[test]
    fn law_1_whatever_is_changed_dropped_moved_or_slipped_in_is_found(
        (length, forgery) in (1_u8..8).prop_flat_map(|n| (Just(n), forgeries(n.into()))),
    ) {
        let key = ConsentKey::new([1; 32]);
        let (chain, head) = ledger(&key, &LEAD, length);
        prop_assert!(key.check(&LEAD, &chain, Some(&head), false).is_empty());
        if let Some((chain, head)) = forged(&key, &chain, &head, &forgery) {
            prop_assert!(!key.check(&LEAD, &chain, Some(&head), false).is_empty(), "{:?}", forgery);
        }
    }
}
