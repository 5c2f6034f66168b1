//! What a visitor reads when an answer is wrong, in the form's language.
//!
//! The English texts are fragments that read after a field's label ("Email should be an email"), as clients of form services show them;
//! those of other languages are sentences of their own. A language that is not here gets English. To add one: a column in [`say`].

use super::email::EmailError;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was answered.
    Missing,
    /// A box that has to be ticked is not.
    Unticked,
    /// Not an address that mail can be sent to.
    Email(EmailError),
    /// An address of a service that gives out throw-away mailboxes.
    Disposable,
    /// More characters than the field takes.
    TooLong(u16),
    /// More text than any field takes.
    FarTooLong,
    /// Not a phone number.
    Phone,
    /// Not a whole number.
    WholeNumber,
    /// A number out of bounds.
    Between(i64, i64),
    /// Not one of the choices.
    Choice,
    /// Not a day.
    Date,
    /// Not the address of a web page.
    WebPage,
    /// Not a country.
    Country,
    /// Not of the form that the field asks for.
    Pattern,
    /// A field that the form does not have.
    UnknownField,
}

/// The text for a fault in a language (BCP 47; the first part counts).
pub fn say(fault: Fault, language: &str) -> String {
    let primary = language.split('-').next().unwrap_or_default();
    let [en, de, fr, nl, es, it] = texts(fault);
    match primary {
        "de" => de,
        "fr" => fr,
        "nl" => nl,
        "es" => es,
        "it" => it,
        _ => en,
    }
}

/// English, German, French, Dutch, Spanish, Italian.
#[expect(clippy::too_many_lines, reason = "a table of texts")]
fn texts(fault: Fault) -> [String; 6] {
    match fault {
        Fault::Missing => [
            "is required",
            "Bitte ausfüllen.",
            "Ce champ est obligatoire.",
            "Vul dit veld in.",
            "Este campo es obligatorio.",
            "Questo campo è obbligatorio.",
        ]
        .map(str::to_owned),
        Fault::Unticked => [
            "needs to be ticked",
            "Bitte ankreuzen.",
            "Veuillez cocher cette case.",
            "Vink dit aan.",
            "Marque esta casilla.",
            "Selezionare questa casella.",
        ]
        .map(str::to_owned),
        Fault::Email(error) => email(error),
        Fault::Disposable => [
            "should be an address that you keep; this one is from a throw-away service",
            "Bitte eine dauerhafte E-Mail-Adresse angeben, keine Wegwerfadresse.",
            "Indiquez une adresse e-mail durable, pas une adresse jetable.",
            "Geef een blijvend e-mailadres op, geen wegwerpadres.",
            "Indique una dirección de correo permanente, no una desechable.",
            "Indicare un indirizzo e-mail permanente, non usa e getta.",
        ]
        .map(str::to_owned),
        Fault::TooLong(max) => [
            format!("should be at most {max} characters"),
            format!("Bitte höchstens {max} Zeichen."),
            format!("{max} caractères au maximum."),
            format!("Hoogstens {max} tekens."),
            format!("Como máximo {max} caracteres."),
            format!("Al massimo {max} caratteri."),
        ],
        Fault::FarTooLong => [
            "is too long",
            "Das ist zu lang.",
            "C'est trop long.",
            "Dit is te lang.",
            "Es demasiado largo.",
            "È troppo lungo.",
        ]
        .map(str::to_owned),
        Fault::Between(min, max) => [
            format!("should be between {min} and {max}"),
            format!("Bitte eine Zahl von {min} bis {max}."),
            format!("Indiquez un nombre entre {min} et {max}."),
            format!("Geef een getal van {min} tot en met {max}."),
            format!("Indique un número entre {min} y {max}."),
            format!("Indicare un numero tra {min} e {max}."),
        ],
        Fault::Phone => [
            "should be a phone number",
            "Bitte eine Telefonnummer angeben.",
            "Indiquez un numéro de téléphone.",
            "Geef een telefoonnummer op.",
            "Indique un número de teléfono.",
            "Indicare un numero di telefono.",
        ]
        .map(str::to_owned),
        Fault::WholeNumber => [
            "should be a whole number",
            "Bitte eine ganze Zahl angeben.",
            "Indiquez un nombre entier.",
            "Geef een heel getal op.",
            "Indique un número entero.",
            "Indicare un numero intero.",
        ]
        .map(str::to_owned),
        Fault::Choice => [
            "should be one of the choices",
            "Bitte eine der Möglichkeiten wählen.",
            "Choisissez une des réponses proposées.",
            "Kies een van de mogelijkheden.",
            "Elija una de las opciones.",
            "Scegliere una delle opzioni.",
        ]
        .map(str::to_owned),
        Fault::Date => [
            "should be a date such as 2026-03-01",
            "Bitte ein Datum wie 2026-03-01 angeben.",
            "Indiquez une date comme 2026-03-01.",
            "Geef een datum op zoals 2026-03-01.",
            "Indique una fecha como 2026-03-01.",
            "Indicare una data come 2026-03-01.",
        ]
        .map(str::to_owned),
        Fault::WebPage => [
            "should be the address of a web page",
            "Bitte die Adresse einer Webseite angeben.",
            "Indiquez l'adresse d'un site web.",
            "Geef het adres van een website op.",
            "Indique la dirección de una página web.",
            "Indicare l'indirizzo di una pagina web.",
        ]
        .map(str::to_owned),
        Fault::Country => [
            "should be a country",
            "Bitte ein Land angeben.",
            "Indiquez un pays.",
            "Geef een land op.",
            "Indique un país.",
            "Indicare un paese.",
        ]
        .map(str::to_owned),
        Fault::UnknownField => [
            "is not a field of this form",
            "Dieses Feld gehört nicht zum Formular.",
            "Ce champ ne fait pas partie du formulaire.",
            "Dit veld hoort niet bij het formulier.",
            "Este campo no pertenece al formulario.",
            "Questo campo non appartiene al modulo.",
        ]
        .map(str::to_owned),
        Fault::Pattern => [
            "does not have the form that is asked for",
            "Das hat nicht die verlangte Form.",
            "Le format n'est pas celui demandé.",
            "Dit heeft niet de gevraagde vorm.",
            "No tiene el formato pedido.",
            "Non ha il formato richiesto.",
        ]
        .map(str::to_owned),
    }
}

fn email(error: EmailError) -> [String; 6] {
    let [de, fr, nl, es, it] = match error {
        EmailError::LocalNotAscii => [
            "An Adressen mit solchen Zeichen vor dem @ können wir noch nicht schreiben; bitte eine andere angeben.",
            "Nous ne pouvons pas encore écrire aux adresses avec de telles lettres avant le @ ; indiquez-en une autre.",
            "Naar adressen met zulke letters voor de @ kunnen we nog niet schrijven; geef een ander adres op.",
            "Aún no podemos escribir a direcciones con esas letras antes de la @; indique otra.",
            "Non possiamo ancora scrivere a indirizzi con tali lettere prima della @; indicarne un altro.",
        ],
        EmailError::Empty
        | EmailError::Shape
        | EmailError::TooLong
        | EmailError::Domain
        | EmailError::Reserved
        | EmailError::Invisible => [
            "Bitte eine gültige E-Mail-Adresse angeben.",
            "Indiquez une adresse e-mail valide.",
            "Geef een geldig e-mailadres op.",
            "Indique una dirección de correo válida.",
            "Indicare un indirizzo e-mail valido.",
        ],
    }
    .map(str::to_owned);
    [error.to_string(), de, fr, nl, es, it]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_language_decides_and_an_unknown_one_reads_english() {
        for (language, expected) in [
            ("en", "is required"),
            ("de-AT", "Bitte ausfüllen."),
            ("nl", "Vul dit veld in."),
            ("fi", "is required"),
            ("", "is required"),
        ] {
            assert_eq!(say(Fault::Missing, language), expected, "{language}");
        }
        assert_eq!(
            say(Fault::Between(1, 9), "fr"),
            "Indiquez un nombre entre 1 et 9."
        );
    }
}
