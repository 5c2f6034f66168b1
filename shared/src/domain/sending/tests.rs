//! The rules of sending: when it pauses, how slots are given, how long a refused mail waits.

use proptest::prelude::*;

use super::*;

const T0: Timestamp = Timestamp(1_772_442_000_000);

fn after(mails: u32) -> Sending {
    Sending::default().counted(mails, Limits::default(), T0, "w".into())
}

fn struck(from: &Sending, kind: StrikeKind, times: u32) -> Sending {
    (0..times).fold(from.clone(), |s, n| s.struck(kind, T0, format!("w{n}")))
}

fn cause(sending: &Sending) -> Option<PauseCause> {
    sending.pause.as_ref().map(|p| p.cause)
}

#[test]
fn ses_6_one_complaint_in_a_thousand_mails_pauses_and_one_in_the_first_ten_does_not() {
    use StrikeKind::Complaint;
    for few in [0, 1, 10, 999] {
        let one = struck(&after(few), Complaint, 1);
        assert_eq!(cause(&one), None, "{few}");
        let two = struck(&one, Complaint, 1);
        assert_eq!(cause(&two), Some(PauseCause::Complaints), "{few}");
    }
    let one = struck(&after(1_000), Complaint, 1);
    let pause = one.pause.unwrap();
    assert_eq!(
        (pause.mails, pause.words().as_str()),
        (1_000, "1 complaint in the last 1000 mails")
    );
}

#[test]
fn ses_6_four_bounces_in_a_hundred_mails_pause_once_there_are_ten() {
    use StrikeKind::HardBounce;
    assert_eq!(cause(&struck(&after(20), HardBounce, 9)), None);
    let pause = |mails, n| cause(&struck(&after(mails), HardBounce, n));
    assert_eq!(pause(20, 10), Some(PauseCause::Bounces));
    assert_eq!(pause(500, 19), None);
    assert_eq!(pause(500, 20), Some(PauseCause::Bounces));
    assert_eq!(pause(5_000, 39), None);
    assert_eq!(pause(5_000, 40), Some(PauseCause::Bounces));
}

#[test]
fn ses_6_what_is_more_than_a_thousand_mails_ago_counts_no_more() {
    let old = struck(&after(500), StrikeKind::Complaint, 1);
    assert_eq!(old.strikes_of(StrikeKind::Complaint), 1);
    let later = old.counted(1_001, Limits::default(), T0, "w".into());
    assert_eq!(later.strikes_of(StrikeKind::Complaint), 0);
    assert_eq!(
        cause(&struck(&later, StrikeKind::HardBounce, 1)),
        None,
        "the old complaint came back"
    );
}

#[test]
fn ses_6_a_lift_begins_the_sample_anew() {
    let paused = struck(&after(5_000), StrikeKind::HardBounce, 45);
    assert_eq!(
        paused.gate(Limits::default(), 0, T0),
        Gate::Paused,
        "{paused:?}"
    );
    let lifted = paused.lifted("l".into());
    assert_eq!(lifted.gate(Limits::default(), 0, T0), Gate::Open);
    assert_eq!((lifted.sample(), lifted.verdict()), (0, None));
    assert_eq!(cause(&struck(&lifted, StrikeKind::HardBounce, 9)), None);
}

#[test]
fn ses_6_the_quota_of_a_day_closes_the_gate_until_its_hours_have_moved_on() {
    let limits = Limits {
        rate: 0,
        quota: 100,
    };
    let used = Sending::default().counted(79, limits, T0, "w".into());
    assert_eq!(
        (used.warned_at, used.gate(limits, 0, T0)),
        (None, Gate::Open)
    );
    let warned = used.counted(1, limits, T0, "w".into());
    assert_eq!(warned.warned_at, Some(T0));
    let full = warned.counted(18, limits, T0.plus_minutes(1), "w".into());
    assert_eq!(full.warned_at, Some(T0), "told once");
    assert_eq!(full.gate(limits, 0, T0.plus_minutes(1)), Gate::Full);
    assert_eq!(full.gate(limits, 0, T0.plus_minutes(24 * 60)), Gate::Full);
    assert_eq!(full.gate(limits, 0, T0.plus_minutes(25 * 60)), Gate::Open);
    assert_eq!(warned.gate(limits, 18, T0), Gate::Full);
}

#[test]
fn ses_6_a_word_of_the_mail_service_closes_the_gate_for_a_quarter_of_an_hour() {
    let closed = Sending::default().closed(T0, "w".into());
    assert_eq!(closed.gate(Limits::default(), 0, T0), Gate::Full);
    let later = T0.plus_minutes(15);
    assert_eq!(closed.gate(Limits::default(), 0, later), Gate::Open);
}

/// A moment of one of several senders: it waits for its next slot, and takes a new lease where it has none.
fn send(record: &mut Sending, lease: &mut Lease, limits: Limits, now: Timestamp) -> bool {
    if lease.wait_ms(now).is_none() {
        let (next, new) = record.lease(0, limits, now, "w".into());
        (*record, *lease) = (next, new);
    }
    let due = lease.wait_ms(now) == Some(0);
    if due {
        lease.pass();
    }
    due
}

proptest! {
    /// Senders come when they like, together or apart; what they send stays under the rate in every second, and under nine tenths of it
    /// over longer times.
    #[test]
    fn ses_6_any_number_of_senders_keeps_under_the_rate_in_every_second(
        rate in 1_u32..200,
        steps in proptest::collection::vec((0_usize..4, 0_i64..60), 1..1_500),
    ) {
        let limits = Limits { rate, quota: 0 };
        let mut record = Sending::default();
        let mut leases = [Lease::default(); 4];
        let mut now = T0;
        let mut sent: Vec<i64> = Vec::new();
        for (who, pass) in steps {
            now = now.plus_ms(pass);
            if send(&mut record, &mut leases[who], limits, now) {
                sent.push(now.0);
            }
        }
        let most = usize::try_from(rate).unwrap().max(2);
        for (n, at) in sent.iter().enumerate() {
            let in_second = sent[n..].iter().take_while(|other| **other < at + 1_000).count();
            prop_assert!(in_second <= most, "{in_second} in a second at a rate of {rate}");
        }
        let took = i64::try_from(sent.len()).unwrap();
        let span_us = (now.0 - T0.0 + 1_100) * 1_000;
        prop_assert!(took <= span_us / limits.interval_us() + 1);
    }

    /// A sender that has nothing else to do is not held up: it gets at least four fifths of the rate.
    #[test]
    fn ses_6_a_lone_sender_gets_close_to_the_rate(rate in 1_u32..500) {
        let limits = Limits { rate, quota: 0 };
        let (mut record, mut lease) = (Sending::default(), Lease::default());
        let sent = (0..10_000).filter(|ms| send(&mut record, &mut lease, limits, T0.plus_ms(*ms))).count();
        prop_assert!(sent * 10 >= usize::try_from(rate).unwrap() * 80, "{sent} in ten seconds at {rate} a second");
        // A lease covers more than an eighth of a second, whatever the rate.
        prop_assert!(record.version <= 81, "{} writes for {sent} mails", record.version);
    }

    /// Strikes are a set of facts: their order does not matter to whether it pauses.
    #[test]
    fn ses_6_the_order_of_complaints_and_bounces_does_not_matter(
        mails in 0_u32..3_000,
        kinds in proptest::collection::vec(any::<bool>(), 0..60),
        rotate in 0_usize..60,
    ) {
        let run = |kinds: &[bool]| {
            let kind = |c: bool| if c { StrikeKind::Complaint } else { StrikeKind::HardBounce };
            kinds.iter().fold(after(mails), |s, c| s.struck(kind(*c), T0, "w".into()))
        };
        let one = run(&kinds);
        let mut other = kinds.clone();
        other.rotate_left(if kinds.is_empty() { 0 } else { rotate % kinds.len() });
        prop_assert_eq!(one.pause.is_some(), run(&other).pause.is_some());
        let complaints = one.strikes_of(StrikeKind::Complaint);
        if mails >= 1_000 && complaints > 0 {
            prop_assert!(one.pause.is_some());
        }
        if complaints < 1 && one.strikes_of(StrikeKind::HardBounce) < 10 {
            prop_assert!(one.pause.is_none());
        }
    }

    #[test]
    fn ses_6_a_refused_mail_waits_between_a_second_and_ten_minutes_anywhere_below_a_bound_that_doubles(
        refusals in 0_u32..1_000,
        entropy in any::<u64>(),
    ) {
        let wait = backoff_ms(refusals, entropy);
        let bound = 1_000_i64.saturating_mul(2_i64.saturating_pow(refusals + 1)).min(600_000);
        prop_assert!((1_000..=bound).contains(&wait), "{wait}");
        prop_assert_eq!(backoff_ms(refusals, 0), 1_000);
        prop_assert_eq!(backoff_ms(refusals, u64::try_from(bound - 1_000).unwrap()), bound);
    }

    #[test]
    fn what_is_stored_is_read_back(mails in 0_u32..2_000, strikes in 0_u32..50) {
        let sending = struck(&after(mails), StrikeKind::HardBounce, strikes);
        let text = serde_json::to_string(&sending).unwrap();
        prop_assert_eq!(serde_json::from_str::<Sending>(&text).unwrap(), sending);
    }
}
