//! German.

use super::Words;

pub(super) const WORDS: Words = Words {
    privacy: "Datenschutz",

    form_star: "braucht eine Antwort",
    form_required: "(nötig)",
    form_choose: "Bitte wählen",
    form_check: "Bitte prüfen:",
    form_not_sent: "Noch nicht abgeschickt",
    form_not_sent_one: "Noch nicht abgeschickt: Bitte prüfen Sie eine Antwort",
    form_not_sent_some: "Noch nicht abgeschickt: Bitte prüfen Sie {count} Antworten",
    form_no_script: "Ohne JavaScript sieht sich erst ein Mensch Ihre Nachricht an; das kann etwas dauern.",
    thanks_title: "Vielen Dank",
    thanks: "Ihre Nachricht ist angekommen.",

    download: "Herunterladen",
    download_confirms: "Mit „Herunterladen“ bestätigen Sie auch Ihre E-Mail-Adresse.",
    download_confirms_and: "Mit „Herunterladen“ bestätigen Sie auch Ihre E-Mail-Adresse und was Sie angekreuzt haben:",
    download_confirms_ticked: "Mit „Herunterladen“ bestätigen Sie auch, was Sie angekreuzt haben:",

    confirm_title: "Bestätigen Sie Ihre E-Mail-Adresse",
    confirm_where: "Sie wurde in das Formular „{form}“ von {business} eingetragen.",
    confirm_plain: "Mit „Bestätigen“ sagen Sie uns, dass es Ihre ist.",
    confirm_and: "Mit „Bestätigen“ sagen Sie uns, dass es Ihre ist, und bestätigen, was Sie angekreuzt haben:",
    confirm_back: "Sie hatten {business} gebeten, keine E-Mails mehr dorthin zu schicken. „Bestätigen“ nimmt das zurück.",
    confirm: "Bestätigen",
    confirm_not_you: "Das waren nicht Sie? Dann schließen Sie diese Seite, und nichts geschieht.",
    confirmed_title: "Vielen Dank",
    confirmed: "Ihre Adresse ist bestätigt. Sie können diese Seite schließen.",

    expired_title: "Dieser Link ist abgelaufen",
    expired: "Er führte zu „{title}“. Ein Klick, und wir schicken einen frischen Link an die Adresse, die diesen bekommen hat.",
    renew: "Frischen Link schicken",
    renewed_title: "Ein frischer Link ist unterwegs",
    renewed: "Bitte sehen Sie in einer Minute in Ihren Posteingang.",

    unsubscribe: "Abmelden",
    unsubscribe_what: "Ein Klick, und {business} schickt keine E-Mails mehr an die Adresse, die diesen Link bekommen hat. Das gilt sofort.",
    unsubscribed_title: "Sie sind abgemeldet",
    unsubscribed: "Sie bekommen keine E-Mails mehr von uns. Sie können diese Seite schließen.",
    choose_instead: "Stattdessen auswählen, was Sie bekommen",

    preferences_title: "Welche E-Mails möchten Sie?",
    preferences_intro: "{business} schickt Ihnen nur, was hier angekreuzt ist.",
    preferences_none: "Hier gibt es nichts auszuwählen: {business} schickt Ihnen nur, worum Sie bitten.",
    preferences_left: "Sie bekommen keine E-Mails von uns. Wenn Sie das ändern möchten, füllen Sie eines unserer Formulare noch einmal aus.",
    save: "Speichern",
    saved_title: "Gespeichert",
    saved: "Ihre Auswahl gilt ab sofort. Sie können diese Seite schließen.",
    no_mail_title: "Gar keine E-Mails",

    not_ours_title: "Dieser Link funktioniert nicht",
    not_ours: "Bitte kopieren Sie den ganzen Link aus der E-Mail, oder fordern Sie ihn dort neu an, wo Sie ihn gefunden haben.",
    not_that_way_title: "So geht es nicht",
    not_that_way: "Öffnen Sie diesen Link in einem Browser.",
    try_again_title: "Bitte versuchen Sie es noch einmal",
    try_again: "Das ging gerade nicht. Es ist nichts verloren: Bitte versuchen Sie es in ein paar Sekunden noch einmal.",
};
