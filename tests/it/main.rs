//! The whole system, from outside. One file for each thing a person relies on.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

// A form becomes a lead, the magnet arrives, the score rises, sales gets one alert.
mod whole_path;
// The same thing again changes nothing.
mod repeats;
// What goes wrong is said clearly.
mod bad_input;
// What may not come from a person is set aside.
mod abuse;
// Mail bombing: one mailbox, thousands of posts.
mod bombing;
// Captcha services: what they may say, and what follows.
mod captcha;
// No answer tells whether an address is known.
mod oracle;
// JSON or a redirect, and where a visitor without scripts ends up.
mod answers;
// Pages and services that speak to others as they always did.
mod dialects;
// Forms as they are found in the wild.
mod real_forms;
// Links: machines change nothing, leaving is one press.
mod links;
// Mail scanners over many mails.
mod scanners;
// Mails as they are written, and hostile text in them.
mod written;
// What comes after the first mail: reminders, follow-ups, counted links, preferences, the way back.
mod afterwards;
// What the mail service says.
mod feedback;
// Each documented event of the mail service, in any order, any number of times.
mod feedback_events;
// The rate and the quota of mails to leads, and their pause.
mod sending;
// Seeded faults over the whole path.
mod faults;
// Seeded faults between a claim and the word of the mail service.
mod ses_faults;
// What the code may depend on.
mod architecture;
// What lapses.
mod keep;
// Proving, handing out, erasing, letting mail go out again.
mod person;
// The template is the truth, and it and the code agree.
mod template;
// The binary itself: started, stopped, killed.
mod binary;
// Log lines name no person.
mod logs;
// What was stored can be read.
mod shapes;
// Records at once, twice and out of order; what time alone moves.
mod scoring;
// Another scoring model on all history.
mod replay;
// People and their history from a file.
mod import;
// Another scoring model, put in force.
mod rescore;
// Sales answers from the mail.
mod sales;
// The list of leads on one machine.
mod lead_list;
// Stages, sources, rules and sales over some days.
mod report;
// Webhooks, chat and CRM: what goes out, how it is verified, and what happens while a receiver is down.
mod channels;
// The functions' own binaries, killed at each of their calls.
#[cfg(target_os = "linux")]
mod children;
