//! What holds for any input: parsers never panic, tokens and headers keep their shape.

use proptest::prelude::*;

use super::email::EmailAddress;
use super::id::LeadId;
use super::pii::Pii;
use super::time::Timestamp;
use super::token::{Claims, Purpose, TokenKeys, nonce_of};
use super::touchpoint::{Answer, Touchpoint, TouchpointKind, Value};

const T0: i64 = 1_772_357_400_000;

fn lead_id() -> LeadId {
    LeadId::from_bytes([4; 16])
}

fn kind() -> impl Strategy<Value = TouchpointKind> {
    proptest::sample::select(TouchpointKind::ALL.to_vec())
}

prop_compose! {
    fn touchpoint()(
        kind in kind(),
        n in 0_u8..40,
        minutes in 0_i64..20_000,
        form in proptest::option::of("[ab]"),
        machine in proptest::bool::weighted(0.2),
        budget in proptest::option::of("(high|low)"),
    ) -> Touchpoint {
        // The id decides everything else of a real fact; here at least its time, so that two of one id are the same fact.
        let at = Timestamp(T0 + minutes * 60_000);
        let mut t = Touchpoint::new(lead_id(), format!("{}_{n}_{minutes}", kind.prefix()), kind, at);
        t.form = form;
        t.machine = machine.then(|| "machine".to_owned());
        t.answers = budget.into_iter().map(|b| Answer { name: "budget".into(), value: Value::Text(Pii::new(b)) }).collect();
        t
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_address_is_read_or_refused_and_its_normal_form_reads_as_itself(typed in "\\PC{0,40}@?\\PC{0,40}") {
        if let Ok(address) = EmailAddress::parse(&typed) {
            let normal = address.normalised();
            prop_assert!(normal.is_ascii() && normal.len() <= 254);
            prop_assert_eq!(EmailAddress::parse(&normal).map(|a| a.normalised()), Ok(normal));
        }
    }

    #[test]
    fn tok_2_no_text_but_a_signed_one_is_a_token(text in "(v1\\.)?\\PC{0,120}", byte in any::<u8>()) {
        let keys = TokenKeys::single("a1", [byte; 32]);
        prop_assert!(keys.verify(Purpose::Download, &text, Timestamp(T0)).is_err());
        let claims = Claims::new(Purpose::Download, 7, lead_id(), nonce_of(&text), Timestamp(T0));
        prop_assert_eq!(keys.verify(Purpose::Download, &keys.sign(&claims), Timestamp(T0)), Ok(claims));
    }

    #[test]
    fn a_reader_of_what_is_stored_gets_back_what_was_written(touchpoint in touchpoint()) {
        let item = serde_json::to_value(&touchpoint).unwrap();
        prop_assert_eq!(serde_json::from_value::<Touchpoint>(item).unwrap(), touchpoint);
    }
}
