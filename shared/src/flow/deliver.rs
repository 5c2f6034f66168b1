//! Deciding whether a mail to a lead may go out now, and as what.

use crate::domain::consent::Decision;
use crate::domain::form::Form;
use crate::domain::guard::{Guard, Suppression, SuppressionReason};
use crate::domain::lead::Lead;
use crate::domain::outbox::{Order, OutboxItem};
use crate::domain::send_limit::{SendLimit, Sent};
use crate::domain::stage::Stage;
use crate::domain::time::{HOUR_MS, Timestamp};

/// Template of the mail that asks for a click and gives nothing else.
pub const CONFIRM: &str = "confirm";
/// Template of the mail that reminds of a click.
pub const REMINDER: &str = "reminder";
/// Template of the mail that brings what was asked for.
pub const MAGNET: &str = "magnet";

/// How long somebody who left is not even asked: what is posted right after it may be a machine's repeat, or somebody else's doing.
pub const AWAY_DAYS: i64 = 1;

/// How long a mail waits for its turn where its domain gets too many.
pub const WAITS_HOURS: i64 = 24;

/// What a claim is decided from.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Whether mail may go out at all.
    pub guard: &'a Guard,
    /// What was said of the whole mailbox, in whatever spelling: counts while nobody proved that this spelling is theirs.
    pub mailbox: &'a Guard,
    /// The lead; needed for what is marketing only.
    pub lead: Option<&'a Lead>,
    /// The form that the mail comes from.
    pub form: Option<&'a Form>,
    /// Send times of the mailbox.
    pub limit: &'a SendLimit,
    /// When it is decided.
    pub now: Timestamp,
}

/// What becomes of a mail at its claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It goes out as it was ordered.
    Send,
    /// It goes out as this order instead.
    SendAs(Box<Order>),
    /// It is not wanted any more.
    Skip(String),
    /// It is wanted, and not before this.
    PutOff(Timestamp),
}

/// What becomes of the mail. Asked at the claim, not earlier: nobody cancels work, its reader rechecks it.
pub fn decide(item: &OutboxItem, known: Known<'_>) -> Wish {
    let Known { guard, limit, .. } = known;
    let skip = |reason: &str| Wish::Skip(reason.to_owned());
    if guard
        .erased_at
        .is_some_and(|erased| item.created_at <= erased)
    {
        return skip("erased");
    }
    let mut order = None;
    let of_mailbox = known.mailbox.suppressed.as_ref();
    let unproved = of_mailbox.filter(|_| guard.confirmed_at.is_none());
    if let Some(suppression) = guard.suppressed.as_ref().or(unproved) {
        match way_back(item, suppression) {
            Some(asks) => order = Some(Box::new(asks)),
            None => return skip(suppression.reason.name()),
        }
    }
    // Who was erased gets what they ask for anew, and nothing that was thought of for them until they confirm.
    if item.order.purpose.is_some()
        && let Some(reason) = guard.bars_marketing()
    {
        return skip(reason);
    }
    if let Some(purpose) = &item.order.purpose
        && let Some(reason) = ended(purpose, item, known)
    {
        return skip(reason);
    }
    if item.order.template == REMINDER && guard.confirmed_at.is_some() {
        return skip("confirmed already");
    }
    let subject = order.as_deref().unwrap_or(&item.order);
    let confirmed = is_confirmed(guard, subject);
    match limit.refuses(&limit_name(subject), &item.id, confirmed, known.now) {
        Some(reason) => skip(reason),
        None => order.map_or(Wish::Send, Wish::SendAs),
    }
}

/// Whether somebody proved that the address is theirs, and has not left since.
const fn is_confirmed(guard: &Guard, order: &Order) -> bool {
    guard.confirmed_at.is_some() && !order.came_back
}

/// The domain whose hourly limit a mail counts in: only what goes to an address that nobody proved counts, and a resend is no further
/// mail.
pub fn counts_in_domain<'i>(
    item: &'i OutboxItem,
    wish: &Wish,
    known: Known<'_>,
) -> Option<&'i str> {
    let order = match wish {
        Wish::Send => &item.order,
        Wish::SendAs(order) => order,
        Wish::Skip(_) | Wish::PutOff(_) => return None,
    };
    let counted = known.limit.has(&item.id);
    let domain = item.order.domain_key.as_deref();
    domain.filter(|_| !counted && !is_confirmed(known.guard, order))
}

/// What becomes of a mail whose domain has had its mails of this hour: it waits for the next one. Once it is older than
/// [`WAITS_HOURS`] nobody waits for it any more.
pub fn over_domain_limit(item: &OutboxItem, now: Timestamp) -> Wish {
    if now.since(item.created_at) >= WAITS_HOURS * HOUR_MS {
        return Wish::Skip("limited: too many mails to one domain for a day".into());
    }
    Wish::PutOff(Timestamp((now.0.div_euclid(HOUR_MS) + 1) * HOUR_MS))
}

/// The mail that asks somebody who had left and asked again since, whether it was them. Complaints and bounces know no way back.
fn way_back(item: &OutboxItem, left: &Suppression) -> Option<Order> {
    let asked = matches!(item.order.template.as_str(), MAGNET | CONFIRM);
    let can = left.reason == SuppressionReason::Unsubscribed
        && left.at.plus_days(AWAY_DAYS) <= item.created_at;
    (asked && can).then(|| Order {
        template: CONFIRM.into(),
        came_back: true,
        ..item.order.clone()
    })
}

/// Why a mail that needs a consent is over, or none.
fn ended(purpose: &str, item: &OutboxItem, known: Known<'_>) -> Option<&'static str> {
    let Some(lead) = known.lead else {
        return Some("the lead is gone");
    };
    let single = known.form.is_some_and(|f| !f.double_opt_in);
    let agreed = lead
        .consents
        .get(purpose)
        .is_some_and(|c| match c.decision {
            Decision::Confirmed => true,
            Decision::Granted => single,
            Decision::Declined | Decision::Withdrawn => false,
        });
    if !agreed || known.guard.withdrawn.iter().any(|p| p == purpose) {
        return Some("no consent");
    }
    if lead.replied_at.is_some_and(|at| at >= item.created_at) {
        return Some("they wrote back");
    }
    match lead.stage {
        Stage::Subscriber | Stage::Lead | Stage::Recycled => None,
        Stage::Mql | Stage::Sal | Stage::Sql | Stage::Disqualified => Some("sales has the lead"),
    }
}

/// What one mail in a quarter of an hour is counted by: the form, and for other mails than what it gives away their kind too.
fn limit_name(order: &Order) -> String {
    let form = order.form.as_deref().unwrap_or_default();
    if order.template == MAGNET {
        form.to_owned()
    } else {
        format!("{form}/{}", order.template)
    }
}

/// The mailbox's send times with this mail, to be written with the claim; none where it was counted before.
pub fn count(
    item: &OutboxItem,
    wish: &Wish,
    limit: &SendLimit,
    owner: &str,
    now: Timestamp,
) -> Option<SendLimit> {
    let counted = limit.has(&item.id);
    let order = match wish {
        Wish::SendAs(order) => order,
        Wish::Send | Wish::Skip(_) | Wish::PutOff(_) => &item.order,
    };
    let sent = Sent {
        at: now,
        form: limit_name(order),
        outbox_id: item.id.clone(),
    };
    (!counted && item.order.limit_key.is_some())
        .then(|| limit.with(sent, format!("{owner}.{}", item.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::LeadId;
    use crate::flow::capture::mail_item;

    const NOW: Timestamp = Timestamp(1_772_357_400_000);

    fn item(template: &str) -> OutboxItem {
        let order = Order {
            template: template.into(),
            form: Some("guide".into()),
            ..Order::default()
        };
        mail_item(LeadId::from_bytes([1; 16]), order, "sub_1", NOW, "site")
    }

    fn wish(item: &OutboxItem, guard: &Guard) -> Wish {
        with_mailbox(item, guard, &Guard::default())
    }

    fn with_mailbox(item: &OutboxItem, guard: &Guard, mailbox: &Guard) -> Wish {
        let known = Known {
            guard,
            mailbox,
            lead: None,
            form: None,
            limit: &SendLimit::default(),
            now: NOW,
        };
        decide(item, known)
    }

    #[test]
    fn law_3_somebody_who_left_and_asks_again_is_only_asked_whether_it_was_them() {
        let left = Guard::default().suppress(SuppressionReason::Unsubscribed, NOW.plus_days(-3));
        let Wish::SendAs(order) = wish(&item(MAGNET), &left) else {
            panic!("not asked")
        };
        assert!(order.came_back && order.template == CONFIRM);
        assert_eq!(
            wish(&item(REMINDER), &left),
            Wish::Skip("unsubscribed".into())
        );
        let left_after =
            Guard::default().suppress(SuppressionReason::Unsubscribed, NOW.plus_minutes(-60));
        assert_eq!(
            wish(&item(MAGNET), &left_after),
            Wish::Skip("unsubscribed".into())
        );
    }

    #[test]
    fn ses_4_a_complaint_and_a_bounce_know_no_way_back() {
        for reason in [SuppressionReason::Complaint, SuppressionReason::HardBounce] {
            let guard = Guard::default().suppress(reason, NOW.plus_days(-3));
            assert_eq!(
                wish(&item(MAGNET), &guard),
                Wish::Skip(reason.name().into())
            );
        }
    }

    #[test]
    fn frm_4_whoever_left_is_left_alone_under_every_spelling_that_nobody_proved() {
        let nobody = Guard::default();
        let complained = Guard::default().suppress(SuppressionReason::Complaint, NOW.plus_days(-9));
        assert_eq!(
            with_mailbox(&item(MAGNET), &nobody, &complained),
            Wish::Skip("complaint".into())
        );
        let left = Guard::default().suppress(SuppressionReason::Unsubscribed, NOW.plus_days(-9));
        assert!(matches!(
            with_mailbox(&item(MAGNET), &nobody, &left),
            Wish::SendAs(order) if order.template == CONFIRM
        ));
        let proved = Guard::default().confirm(NOW.plus_days(-30), &[]);
        assert_eq!(with_mailbox(&item(MAGNET), &proved, &left), Wish::Send);
    }

    #[test]
    fn frm_4_what_is_over_a_domains_hour_waits_for_the_next_and_not_longer_than_a_day() {
        let mail = item(MAGNET);
        let Wish::PutOff(next) = over_domain_limit(&mail, NOW) else {
            panic!("not put off")
        };
        assert!(next > NOW && next.since(NOW) <= HOUR_MS && next.0 % HOUR_MS == 0);
        let late = NOW.plus_ms(WAITS_HOURS * HOUR_MS);
        assert!(matches!(over_domain_limit(&mail, late), Wish::Skip(_)));
    }

    #[test]
    fn law_2_what_needs_a_consent_does_not_go_out_without_a_lead_that_gave_it() {
        let mut follow_up = item("questions");
        follow_up.order.purpose = Some("newsletter".into());
        assert!(matches!(wish(&follow_up, &Guard::default()), Wish::Skip(_)));
    }
}
