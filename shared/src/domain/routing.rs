//! Who gets a lead, and why: the routes of the site, applied to a lead that has just qualified.
//!
//! ```text
//! somebody had it before   -> they have it again
//! the first route matches  -> its person, or whoever's turn it is in its group
//! nothing matches          -> the fallback
//! ```
//!
//! Whoever has the day off is passed over where somebody else has not. There is always an owner: a checked site names people that exist.
//! Turns are numbered outside ([`Turn`]); a number that was drawn and not used leaves a gap, which harms nobody.

use super::handoff::{Handoff, Known, display, label_of, text};
use super::lead::Lead;
use super::pii::Pii;
use super::sales::{Assignee, Condition, Group, Sales, SalesPerson};
use super::text::people_date;
use super::time::Timestamp;
use super::touchpoint::{Touchpoint, TouchpointKind};
use crate::site::Site;

/// The number of a turn in a group, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Id of the group.
    pub group: String,
    /// The number.
    pub n: u64,
}

/// Who gets a lead, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The person.
    pub owner: SalesPerson,
    /// Why, as the end of a sentence: "because ...".
    pub because: String,
    /// Who had the lead before.
    pub known: Option<Known>,
    /// Ids of those who are asked if the owner does not answer, in order; never the owner.
    pub line: Vec<String>,
}

/// A lead that is to be routed.
#[derive(Clone, Copy, Debug)]
pub struct Routing<'a> {
    /// The lead.
    pub lead: &'a Lead,
    /// Its facts.
    pub facts: &'a [Touchpoint],
    /// Its earlier handoffs.
    pub past: &'a [Handoff],
    /// The site in force.
    pub site: &'a Site,
    /// When.
    pub now: Timestamp,
}

impl Routing<'_> {
    /// The group whose next turn decides; none where none does.
    pub fn group(&self) -> Option<String> {
        match self.assigned().to {
            Assignee::Group(id) => self.site.sales.group(&id).map(|g| g.id.clone()),
            Assignee::Person(_) => None,
        }
    }

    /// Who gets the lead. Without a turn of the group it is its first one's.
    pub fn owner(&self, turn: Option<&Turn>) -> Routed {
        let sales = &self.site.sales;
        let Assigned { to, because, known } = self.assigned();
        let (id, because) = match &to {
            Assignee::Person(id) => self.or_who_is_there(id, because, turn),
            Assignee::Group(id) => {
                let (id, because) = self.of_group(id, because, turn);
                // All of the team may have the day off.
                self.or_who_is_there(&id, because, turn)
            }
        };
        let owner = sales.person(&id).or_else(|| sales.team.first());
        // A checked site has at least one person.
        let owner = owner.cloned().unwrap_or_else(|| SalesPerson {
            name: id.clone(),
            id,
            email: Pii::new(String::new()),
        });
        Routed {
            line: line(&owner.id, &to, sales),
            because,
            known,
            owner,
        }
    }

    /// What the tables say, before anybody's turn or day off.
    fn assigned(&self) -> Assigned {
        let sales = &self.site.sales;
        if let Some((person, known)) = self.known() {
            return Assigned {
                to: Assignee::Person(person.id.clone()),
                because: format!("{} had this lead before", person.name),
                known: Some(known),
            };
        }
        let route = sales.routes.iter().find(|route| {
            let holds = |c: &Condition| holds(c, self.lead, self.facts);
            route.when.iter().all(holds)
        });
        match route {
            Some(route) => Assigned {
                to: route.to.clone(),
                because: route
                    .when
                    .iter()
                    .map(|c| self.in_words(c))
                    .collect::<Vec<_>>()
                    .join(" and "),
                known: None,
            },
            None => Assigned {
                to: sales.fallback.clone(),
                because: String::from("no route names somebody else"),
                known: None,
            },
        }
    }

    /// The last person of the last cycle, where they are still there, and what came of it.
    fn known(&self) -> Option<(&SalesPerson, Known)> {
        let last = self.past.iter().max_by_key(|h| h.cycle)?;
        let mut said: Vec<&Touchpoint> = self
            .facts
            .iter()
            .filter(|t| t.cycle == Some(last.cycle) && t.machine.is_none())
            .collect();
        said.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        let (mut holder, mut text) = (
            last.owner.id.as_str(),
            format!(
                "It was handed over on {} and never answered.",
                people_date(last.at)
            ),
        );
        for fact in said {
            let on = people_date(fact.at);
            let who = fact.author.as_deref().unwrap_or(holder);
            match fact.kind {
                TouchpointKind::Accepted => (holder, text) = (who, format!("Taken on {on}.")),
                TouchpointKind::Rejected => (holder, text) = (who, format!("Handed back on {on}.")),
                TouchpointKind::Rerouted => {
                    holder = fact.person.as_deref().unwrap_or(holder);
                    text = format!("Passed on on {on}.");
                }
                TouchpointKind::SalesQualified => text = format!("Qualified on {on}."),
                TouchpointKind::Won => text = format!("Won on {on}."),
                TouchpointKind::Lost => text = format!("Lost on {on}."),
                TouchpointKind::FormSubmitted
                | TouchpointKind::AddressConfirmed
                | TouchpointKind::MagnetDownloaded
                | TouchpointKind::LinkClicked
                | TouchpointKind::LinkRenewed
                | TouchpointKind::Delivered
                | TouchpointKind::Bounced
                | TouchpointKind::Delayed
                | TouchpointKind::NotSent
                | TouchpointKind::SuppressionLifted
                | TouchpointKind::Imported
                | TouchpointKind::Overridden
                | TouchpointKind::Complained
                | TouchpointKind::Unsubscribed
                | TouchpointKind::PreferencesChanged
                | TouchpointKind::Replied
                | TouchpointKind::Snoozed => {}
            }
        }
        let person = self.site.sales.person(holder)?;
        let known = Known {
            person: person.id.clone(),
            text,
        };
        Some((person, known))
    }

    /// The person, or the fallback where they have the day off and the fallback has not.
    fn or_who_is_there(&self, id: &str, because: String, turn: Option<&Turn>) -> (String, String) {
        let sales = &self.site.sales;
        if !is_off(id, sales, self.now) {
            return (id.to_owned(), because);
        }
        let (other, _) = match &sales.fallback {
            Assignee::Person(other) => (other.clone(), String::new()),
            Assignee::Group(group) => self.of_group(group, String::new(), turn),
        };
        if other == id || is_off(&other, sales, self.now) {
            return (id.to_owned(), because);
        }
        let name = sales.person(id).map_or(id, |p| p.name.as_str());
        (other, format!("{because}, and {name} has the day off"))
    }

    fn of_group(&self, id: &str, because: String, turn: Option<&Turn>) -> (String, String) {
        let sales = &self.site.sales;
        let Some(group) = sales.group(id) else {
            return (id.to_owned(), because);
        };
        let n = turn.filter(|t| t.group == group.id).map_or(1, |t| t.n);
        let id = in_turn(group, n, sales, self.now).to_owned();
        (
            id,
            format!("{because}; it was their turn in {}", group.name),
        )
    }

    /// A condition that holds, as part of a sentence.
    fn in_words(&self, condition: &Condition) -> String {
        let value = |field: &str| {
            text(self.lead, field)
                .map(|v| display(field, v, self.site))
                .unwrap_or_default()
        };
        match condition {
            Condition::Is { field, .. } | Condition::Between { field, .. } => {
                format!("{} is {}", label_of(field, self.site), value(field))
            }
            Condition::Known { field, known: true } => {
                format!("{} is known", label_of(field, self.site))
            }
            Condition::Known { field, .. } => {
                format!("{} is not known yet", label_of(field, self.site))
            }
            Condition::Form(id) => {
                let form = self.site.forms.get(id).map_or(id.as_str(), |f| &f.title);
                format!("they submitted “{form}”")
            }
            Condition::Magnet(id) => {
                let magnet = self.site.magnets.get(id).map_or(id.as_str(), |m| &m.title);
                format!("they downloaded “{magnet}”")
            }
        }
    }
}

struct Assigned {
    to: Assignee,
    because: String,
    known: Option<Known>,
}

/// Whether a condition holds for a lead.
pub fn holds(condition: &Condition, lead: &Lead, facts: &[Touchpoint]) -> bool {
    let did = |kind: TouchpointKind, of: &dyn Fn(&Touchpoint) -> Option<&str>, id: &str| {
        facts
            .iter()
            .any(|t| t.kind == kind && t.machine.is_none() && of(t) == Some(id))
    };
    match condition {
        Condition::Is { field, any_of } => {
            text(lead, field).is_some_and(|v| any_of.iter().any(|w| v.is(&w.to_lowercase())))
        }
        Condition::Between { field, min, max } => text(lead, field)
            .and_then(super::touchpoint::Value::to_number)
            .is_some_and(|n| min.is_none_or(|m| m <= n) && max.is_none_or(|m| n <= m)),
        Condition::Known { field, known } => text(lead, field).is_some() == *known,
        Condition::Form(id) => did(TouchpointKind::FormSubmitted, &|t| t.form.as_deref(), id),
        Condition::Magnet(id) => did(
            TouchpointKind::MagnetDownloaded,
            &|t| t.magnet.as_deref(),
            id,
        ),
    }
}

fn is_off(person: &str, sales: &Sales, now: Timestamp) -> bool {
    sales
        .calendar_of(person)
        .is_some_and(|calendar| calendar.is_day_off(now))
}

/// Whose turn it is: among those at work now, else among those without a day off, else among all. While the same people are there,
/// each of them has the same number of turns, one apart at most.
fn in_turn<'g>(group: &'g Group, n: u64, sales: &Sales, now: Timestamp) -> &'g str {
    let those = |there: &dyn Fn(&str) -> bool| -> Vec<&'g str> {
        let members = group.members.iter().map(String::as_str);
        members.filter(|id| there(id)).collect()
    };
    let at_work = |id: &str| {
        let calendar = sales.calendar_of(id);
        calendar.is_none_or(|c| c.is_working(now))
    };
    let choices = [
        those(&at_work),
        those(&|id| !is_off(id, sales, now)),
        those(&|_| true),
    ];
    let Some(there) = choices.iter().find(|c| !c.is_empty()) else {
        return "";
    };
    let place = n.saturating_sub(1) % u64::try_from(there.len()).unwrap_or(1);
    there[usize::try_from(place).unwrap_or_default()]
}

/// Who is asked after the owner: the others of the group in the order of their turns, or of the team, and the fallback at last.
fn line(owner: &str, to: &Assignee, sales: &Sales) -> Vec<String> {
    let everybody = || sales.team.iter().map(|p| p.id.clone()).collect();
    let members = match to {
        Assignee::Group(id) => sales
            .group(id)
            .map_or_else(everybody, |g| g.members.clone()),
        Assignee::Person(_) => everybody(),
    };
    let after = members.iter().position(|m| m == owner).map_or(0, |i| i + 1);
    let mut line: Vec<String> = Vec::new();
    let in_order = members[after..].iter().chain(&members[..after]);
    let fallback = match &sales.fallback {
        Assignee::Person(id) => vec![id.clone()],
        Assignee::Group(id) => sales.group(id).map_or_else(Vec::new, |g| g.members.clone()),
    };
    for id in in_order.chain(&fallback) {
        if id != owner && !line.contains(id) {
            line.push(id.clone());
        }
    }
    line
}

#[cfg(test)]
mod tests;
