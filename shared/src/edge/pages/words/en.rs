//! English.

use super::Words;

pub(super) const WORDS: Words = Words {
    privacy: "Privacy",

    form_star: "needs an answer",
    form_required: "(required)",
    form_choose: "Please choose",
    form_check: "Please check:",
    form_not_sent: "Not sent yet",
    form_not_sent_one: "Not sent yet: please check one answer",
    form_not_sent_some: "Not sent yet: please check {count} answers",
    form_no_script: "Without JavaScript a person looks at what you send first, so it may take a while.",
    thanks_title: "Thank you",
    thanks: "We have received what you sent.",

    download: "Download",
    download_confirms: "Pressing Download also confirms your email address.",
    download_confirms_and: "Pressing Download also confirms your email address and what you ticked:",
    download_confirms_ticked: "Pressing Download also confirms what you ticked:",

    confirm_title: "Confirm your email address",
    confirm_where: "It was typed into the form “{form}” of {business}.",
    confirm_plain: "Press Confirm to tell us that it is yours.",
    confirm_and: "Press Confirm to tell us that it is yours, and to confirm what you ticked:",
    confirm_back: "You once asked {business} to send no more mail to it. Pressing Confirm takes that back.",
    confirm: "Confirm",
    confirm_not_you: "It was not you? Then close this page, and nothing happens.",
    confirmed_title: "Thank you",
    confirmed: "Your address is confirmed. You can close this page.",

    expired_title: "This link has run out",
    expired: "It led to “{title}”. Press the button and we mail a fresh link to the address that got this one.",
    renew: "Mail me a fresh link",
    renewed_title: "A fresh link is on its way",
    renewed: "Please look into your inbox in a minute.",

    unsubscribe: "Unsubscribe",
    unsubscribe_what: "Press the button and {business} sends no more mail to the address that got this link. It works at once.",
    unsubscribed_title: "You are unsubscribed",
    unsubscribed: "You will get no more mail from us. You can close this page.",
    choose_instead: "Choose which mails you get instead",

    preferences_title: "Which mails do you want?",
    preferences_intro: "{business} mails you only what is ticked here.",
    preferences_none: "There is nothing to choose: {business} mails you only what you ask for.",
    preferences_left: "You get no mail from us. To change that, fill in one of our forms again.",
    save: "Save",
    saved_title: "Saved",
    saved: "Your choice holds from now on. You can close this page.",
    no_mail_title: "No mail at all",

    not_ours_title: "This link does not work",
    not_ours: "Please copy the whole link from the mail, or ask for it again where you found it.",
    not_that_way_title: "Not that way",
    not_that_way: "Open this link in a browser.",
    try_again_title: "Please try again",
    try_again: "We could not do this just now. Nothing is lost: please try again in a few seconds.",
};
