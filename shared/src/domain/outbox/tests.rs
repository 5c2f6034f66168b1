//! Each edge of the outbox's state picture, and the ones that must not exist.

use super::*;

const T0: Timestamp = Timestamp(1_772_357_400_000);
const LEASE: i64 = 70_000;

fn item() -> OutboxItem {
    let order = Order {
        template: "magnet".into(),
        ..Order::default()
    };
    let lead = LeadId::from_bytes([3; 16]);
    let request = Request {
        lead_id: lead,
        id: "mal_1".into(),
        reader: Reader::Deliver,
        kind: OutboxKind::Mail,
        order,
        cause: "sub_1",
        not_before: T0,
        site_hash: "s1",
    };
    OutboxItem::new(request, T0)
}

#[track_caller]
fn claim(item: &OutboxItem, now: Timestamp) -> OutboxItem {
    match item.decide_claim(now, "me", LEASE, None, false) {
        ClaimDecision::Claim(claimed) => *claimed,
        other => panic!("expected a claim, got {other:?}"),
    }
}

#[track_caller]
fn write(item: &OutboxItem, now: Timestamp) -> OutboxItem {
    match item.decide_claim(now, "me", LEASE, None, false) {
        ClaimDecision::Write(written) => *written,
        other => panic!("expected a write, got {other:?}"),
    }
}

#[test]
fn evt_9_a_claim_takes_a_lease_and_nobody_else_gets_it_meanwhile() {
    let claimed = claim(&item(), T0);
    assert_eq!((claimed.state, claimed.attempt), (State::Sending, 1));
    assert_eq!(claimed.due_at, claimed.lease_until);
    assert_eq!(
        claimed.decide_claim(T0.plus_ms(LEASE - 1), "you", LEASE, None, false),
        ClaimDecision::Leave
    );
}

#[test]
fn evt_9_a_lapsed_lease_is_unknown_for_mail_and_claimed_again_where_the_receiver_knows_the_id() {
    let claimed = claim(&item(), T0);
    let lapsed = T0.plus_ms(LEASE);
    assert_eq!(write(&claimed, lapsed).state, State::Unknown);
    assert!(matches!(
        claimed.decide_claim(lapsed, "you", LEASE, None, true),
        ClaimDecision::Claim(_)
    ));
}

#[test]
fn evt_10_each_outcome_has_its_state() {
    let claimed = claim(&item(), T0);
    let after = |outcome| claimed.after(&outcome, T0, 5000);
    let sent = after(Outcome::Accepted("ses-1".into()));
    assert_eq!(
        (sent.state, sent.due_key.clone(), sent.due_at),
        (State::Sent, None, None)
    );
    assert_eq!(
        after(Outcome::RefusedForGood("rejected".into())).state,
        State::Dead
    );
    let later = after(Outcome::RefusedForNow("throttled".into()));
    assert_eq!(
        (later.state, later.not_before),
        (State::Pending, T0.plus_ms(5000))
    );
    assert_eq!(
        later.decide_claim(T0.plus_ms(4999), "me", LEASE, None, false),
        ClaimDecision::Leave
    );
    assert_eq!(
        after(Outcome::Unknown("time-out".into())).state,
        State::Unknown
    );
}

#[test]
fn evt_11_an_unknown_send_waits_is_resent_once_marked_and_then_given_up() {
    let unknown = claim(&item(), T0).after(&Outcome::Unknown("time-out".into()), T0, 0);
    assert_eq!(
        unknown.decide_claim(T0.plus_ms(UNKNOWN_WAIT_MS - 1), "me", LEASE, None, false),
        ClaimDecision::Leave
    );
    let resent = claim(&unknown, T0.plus_ms(UNKNOWN_WAIT_MS));
    assert!(resent.possible_duplicate);
    let again = resent.after(
        &Outcome::Unknown("time-out".into()),
        T0.plus_ms(UNKNOWN_WAIT_MS),
        0,
    );
    assert_eq!(
        write(&again, T0.plus_ms(2 * UNKNOWN_WAIT_MS)).state,
        State::Dead
    );
}

#[test]
fn evt_11_an_event_settles_from_any_open_state_and_a_second_accepted_attempt_is_recorded() {
    let claimed = claim(&item(), T0);
    for open in [
        item(),
        claimed.clone(),
        claimed.after(&Outcome::Unknown("reset".into()), T0, 0),
    ] {
        assert_eq!(
            open.after_event("ses-1", T0).map(|i| i.state),
            Some(State::Sent)
        );
    }
    let sent = claimed.after(&Outcome::Accepted("ses-1".into()), T0, 0);
    assert_eq!(sent.after_event("ses-1", T0), None);
    let twice = sent.after_event("ses-2", T0).unwrap();
    assert!(twice.possible_duplicate);
    assert_eq!(twice.provider_ids, ["ses-1", "ses-2"]);
}

#[test]
fn evt_11_the_event_of_a_resend_leaves_the_mark_of_a_possible_duplicate() {
    let unknown = claim(&item(), T0).after(&Outcome::Unknown("time-out".into()), T0, 0);
    let resent = claim(&unknown, T0.plus_ms(UNKNOWN_WAIT_MS));
    let settled = resent
        .after_event("ses-2", T0.plus_ms(UNKNOWN_WAIT_MS))
        .unwrap();
    assert_eq!(settled.state, State::Sent);
    assert!(settled.possible_duplicate);
}

#[test]
fn what_is_not_wanted_any_more_is_skipped_with_its_reason() {
    let decision = item().decide_claim(T0, "me", LEASE, Some("unsubscribed"), false);
    let ClaimDecision::Write(skipped) = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(
        (skipped.state, skipped.reason.as_deref()),
        (State::Skipped, Some("unsubscribed"))
    );
    assert_eq!(
        skipped.decide_claim(T0, "me", LEASE, None, false),
        ClaimDecision::Leave
    );
}

#[test]
fn a_channel_that_keeps_refusing_is_given_up() {
    let mut now = T0;
    let mut current = item();
    for _ in 0..MAX_REFUSALS {
        current =
            claim(&current, now).after(&Outcome::RefusedForNow("throttled".into()), now, 1000);
        now = now.plus_ms(1000);
    }
    assert_eq!(current.state, State::Dead);
}

/// An escalation to Jonas, then to Claire two hours later.
fn escalation() -> OutboxItem {
    let mut item = item();
    item.kind = OutboxKind::Escalation;
    item.order.person = Some("jonas".into());
    item.order.later = vec![Step {
        person: "claire".into(),
        at: T0.plus_minutes(120),
    }];
    item
}

#[test]
fn an_escalation_arms_itself_again_for_the_next_in_line_and_ends_with_the_last() {
    let told = claim(&escalation(), T0).after(&Outcome::Accepted("ses-1".into()), T0, 0);
    assert_eq!(
        (told.state, told.order.person.as_deref(), told.due_at),
        (State::Pending, Some("claire"), Some(T0.plus_minutes(120)))
    );
    assert!(told.due_key.is_some() && told.ttl.is_none());
    let later = T0.plus_minutes(120);
    let last = claim(&told, later).after(&Outcome::Accepted("ses-2".into()), later, 0);
    assert_eq!(last.state, State::Sent);
    assert_eq!(last.provider_ids, ["ses-1", "ses-2"]);
    assert!(!last.possible_duplicate, "two people, one mail each");
}

#[test]
fn evt_11_an_event_of_a_step_that_is_done_neither_settles_nor_skips_the_next_one() {
    let claimed = claim(&escalation(), T0);
    let told = claimed.after(&Outcome::Accepted("ses-1".into()), T0, 0);
    assert_eq!(told.after_event("ses-1", T0), None);
    let late = told.after_event("ses-0", T0).unwrap();
    assert_eq!(
        (late.state, late.order.person.as_deref()),
        (State::Pending, Some("claire"))
    );
    assert!(late.possible_duplicate);
    // Where the reply was lost, the event is the news that the step is done.
    let lost = claimed.after(&Outcome::Unknown("reset".into()), T0, 0);
    let known = lost.after_event("ses-1", T0).unwrap();
    assert_eq!(
        (known.state, known.order.person.as_deref()),
        (State::Pending, Some("claire"))
    );
}

#[test]
fn an_escalation_that_one_mailbox_refuses_goes_on_to_the_next() {
    let refused =
        claim(&escalation(), T0).after(&Outcome::RefusedForGood("no such mailbox".into()), T0, 0);
    assert_eq!(
        (refused.state, refused.order.person.as_deref()),
        (State::Pending, Some("claire"))
    );
}

#[test]
fn putting_off_moves_all_that_is_to_come() {
    let off = escalation().put_off(T0.plus_minutes(60));
    assert_eq!(off.not_before, T0.plus_minutes(60));
    assert_eq!(off.order.later[0].at, T0.plus_minutes(180));
}
