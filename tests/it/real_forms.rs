//! Forms as they are found in the wild, with the mistakes they have: what each posts, and the answers that must be understood.
//!
//! Written by hand after the public forms of each service, in the order of how many pages have them.

use tests::moved::world;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data; boundary=XX";

/// A post and what must come of it.
struct Case {
    name: &'static str,
    path: &'static str,
    kind: &'static str,
    body: &'static [u8],
    email: &'static str,
    /// Answers by the name they are known under.
    known: &'static [(&'static str, &'static str)],
    /// Names that must not be kept.
    dropped: &'static [&'static str],
}

const CASES: [Case; 22] = [
    Case {
        name: "Formspree's old template: the address is where replies go",
        path: "/f/xpzgkqyw",
        kind: FORM,
        body: b"name=Ada+Lovelace&_replyto=f1%40engines.com&message=Hi+there&_gotcha=&_subject=New!&_next=%2Fdone&_cc=x%40evil.com",
        email: "f1@engines.com",
        known: &[("first_name", "Ada"), ("last_name", "Lovelace"), ("full_name", "Ada Lovelace"), ("message", "Hi there")],
        dropped: &["_gotcha", "_subject", "_next", "_cc", "_replyto"],
    },
    Case {
        name: "Formspree with fetch and JSON",
        path: "/f/xpzgkqyw",
        kind: JSON,
        body: br#"{"email":"f2@engines.com","message":"Hi","newsletter":false,"budget":5000,"topics":["a","b"],"nothing":null}"#,
        email: "f2@engines.com",
        known: &[("message", "Hi"), ("budget", "5000"), ("topics", "a, b")],
        dropped: &["nothing"],
    },
    Case {
        name: "Formspree in a project, as multipart, with a file input left empty",
        path: "/p/12345/f/xpzgkqyw",
        kind: MULTIPART,
        body: b"--XX\r\nContent-Disposition: form-data; name=\"Email\"\r\n\r\nf3@engines.com\r\n--XX\r\nContent-Disposition: form-data; name=\"cv\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--XX\r\nContent-Disposition: form-data; name=\"fname\"\r\n\r\nZo\xc3\xab\r\n--XX--\r\n",
        email: "f3@engines.com",
        known: &[("first_name", "Zoë")],
        dropped: &["cv"],
    },
    Case {
        name: "Netlify with its honeypot and a name in one field",
        path: "/netlify",
        kind: FORM,
        body: b"form-name=contact&bot-field=&name=Ada+King+Lovelace&email=n1%40engines.com&message=Hi",
        email: "n1@engines.com",
        known: &[("first_name", "Ada King"), ("last_name", "Lovelace")],
        dropped: &["form-name", "bot-field"],
    },
    Case {
        name: "Netlify with labels for names, and an input without a name",
        path: "/netlify",
        kind: FORM,
        body: b"form-name=Contact&Your+Email=n2%40engines.com&Company+Name=Engines&=lost&Phone+Number=020+123+4567",
        email: "n2@engines.com",
        known: &[("company", "Engines"), ("phone", "+31201234567")],
        dropped: &["", "Your Email"],
    },
    Case {
        name: "HubSpot's API with consents",
        path: "/submissions/v3/integration/submit/1234567/8f2e5c1a-7b3d-4e6f-9a0b-1c2d3e4f5a6b",
        kind: JSON,
        body: br#"{"submittedAt":"1772441000000","fields":[{"objectTypeId":"0-1","name":"email","value":"h1@engines.com"},{"objectTypeId":"0-1","name":"firstname","value":"Ada"},{"objectTypeId":"0-2","name":"0-2/numemployees","value":"1,200"},{"name":"interests","value":"pumps;tanks"}],"context":{"hutk":"0123456789abcdef0123456789abcdef","pageUri":"www.shop.example/page?utm_source=News","pageName":"Page"},"legalConsentOptions":{"consent":{"consentToProcess":true,"text":"I agree.","communications":[{"value":true,"subscriptionTypeId":999,"text":"<p>Send me news &amp; offers.</p>"}]}}}"#,
        email: "h1@engines.com",
        known: &[("first_name", "Ada"), ("employees", "1200"), ("interests", "pumps, tanks"), ("page_name", "Page"), ("consent_to_process", "yes: I agree.")],
        dropped: &["hutk"],
    },
    Case {
        name: "HubSpot's embedded form",
        path: "/uploads/form/v2/1234567/8f2e5c1a-7b3d-4e6f-9a0b-1c2d3e4f5a6b",
        kind: FORM,
        body: b"email=h2%40engines.com&firstname=Ada&mobilephone=0612345678&hs_context=%7B%22hutk%22%3A%22x%22%2C%22pageUrl%22%3A%22https%3A%2F%2Fwww.shop.example%2Fp%22%7D",
        email: "h2@engines.com",
        known: &[("first_name", "Ada"), ("mobile", "+31612345678")],
        dropped: &["hs_context", "hutk"],
    },
    Case {
        name: "HubSpot's API from a script that sets no type, and skips the check",
        path: "/submissions/v3/integration/submit/1234567/8F2E5C1A-7B3D-4E6F-9A0B-1C2D3E4F5A6B",
        kind: "text/plain;charset=UTF-8",
        body: br#"{"submittedAt":1772441000000,"fields":[{"name":"email","value":"h3@engines.com"},{"name":"numemployees","value":"many"}],"context":{"hutk":""},"skipValidation":true}"#,
        email: "h3@engines.com",
        known: &[("employees", "many")],
        dropped: &[],
    },
    Case {
        name: "Web-to-Lead in Latin-1, with a field of the organisation's own",
        path: "/servlet/servlet.WebToLead?encoding=ISO-8859-1",
        kind: FORM,
        body: b"oid=00D5g000004abcd&retURL=https%3A%2F%2Fwww.shop.example%2Fok&first_name=J%FCrgen&last_name=M%FCller&email=w1%40engines.com&company=Br%FCcke&title=Chef&00N5g00000AbCdE=Heat+pump&lead_source=Web&submit=Submit",
        email: "w1@engines.com",
        known: &[("first_name", "Jürgen"), ("last_name", "Müller"), ("company", "Brücke"), ("job_title", "Chef"), ("product", "Heat pump"), ("lead_source", "Web")],
        dropped: &["oid", "retURL", "submit", "00N5g00000AbCdE"],
    },
    Case {
        name: "Web-to-Lead with the long id, debugging left on, and a captcha",
        path: "/servlet/servlet.WebToLead?encoding=UTF-8",
        kind: FORM,
        body: b"captcha_settings=%7B%22keyname%22%3A%22k%22%7D&oid=00D5g000004abcdEAE&retURL=http%3A%2F%2F&debug=1&debugEmail=dev%40x.com&email=w2%40engines.com&last_name=King&Campaign_ID=701x&member_status=Responded&emailOptOut=1&g-recaptcha-response=tok",
        email: "w2@engines.com",
        known: &[("last_name", "King"), ("Campaign_ID", "701x"), ("emailOptOut", "1")],
        dropped: &["captcha_settings", "debug", "debugEmail", "g-recaptcha-response"],
    },
    Case {
        name: "Mautic, an ordinary page, with a list",
        path: "/form/submit?formId=7",
        kind: FORM,
        body: b"mauticform%5Bemail%5D=m1%40engines.com&mauticform%5Bhobby%5D=x&mauticform%5Bfirstname%5D=Ada&mauticform%5Binterests%5D%5B%5D=pumps&mauticform%5Binterests%5D%5B%5D=tanks&mauticform%5BformId%5D=7&mauticform%5Breturn%5D=&mauticform%5BformName%5D=contactus&mauticform%5Bsubmit%5D=1",
        email: "m1@engines.com",
        known: &[("first_name", "Ada"), ("interests", "pumps, tanks"), ("hobby", "x")],
        dropped: &["formId", "return", "formName", "submit"],
    },
    Case {
        name: "Mautic with its script, found by the form's name",
        path: "/form/submit",
        kind: FORM,
        body: b"mauticform%5Bemail%5D=m2%40engines.com&mauticform%5Bcompanyname%5D=Engines&mauticform%5BformName%5D=contactus&mauticform%5Bmessenger%5D=1",
        email: "m2@engines.com",
        known: &[("company", "Engines")],
        dropped: &["messenger"],
    },
    Case {
        name: "Google's lead form, with a country by name and a phone as people write it",
        path: "/google/moved",
        kind: JSON,
        body: br#"{"lead_id":"L1","form_id":9007199254740993,"campaign_id":20000000001,"google_key":"k-e-y","api_version":"1.0","gcl_id":"EAIaIQ_Cs","user_column_data":[{"column_id":"FULL_NAME","string_value":"Ada Lovelace"},{"column_id":"WORK_EMAIL","string_value":"g1@engines.com"},{"column_id":"PHONE_NUMBER","string_value":"+31 6 12345678"},{"column_id":"COUNTRY","string_value":"Germany"},{"column_id":"","column_name":"What heat do you need?","string_value":"120"}],"is_test":false,"new_key":{"a":1}}"#,
        email: "g1@engines.com",
        known: &[("last_name", "Lovelace"), ("phone", "+31612345678"), ("country", "DE"), ("google_form_id", "9007199254740993"), ("what heat do you need?", "120")],
        dropped: &["google_key", "gcl_id"],
    },
    Case {
        name: "a blog's contact form plugin",
        path: "/f/moved",
        kind: FORM,
        body: b"_wpcf7=42&_wpcf7_version=6.0&_wpcf7_locale=nl_NL&_wpcf7_unit_tag=x&your-name=Ada+Lovelace&your-email=c1%40engines.com&your-subject=Question&your-message=Hi&_wpcf7_recaptcha_response=t",
        email: "c1@engines.com",
        known: &[("full_name", "Ada Lovelace"), ("message", "Hi"), ("your-subject", "Question")],
        dropped: &["_wpcf7", "_wpcf7_recaptcha_response"],
    },
    Case {
        name: "a page builder that wraps its names",
        path: "/f/moved",
        kind: FORM,
        body: b"post_id=3&form_fields%5Bname%5D=Ada&form_fields%5Bemail%5D=c2%40engines.com&form_fields%5Bfield_7%5D=x&item_meta%5B8%5D=Pump&referer_title=Home",
        email: "c2@engines.com",
        known: &[("full_name", "Ada"), ("form_fields[field_7]", "x"), ("product", "Pump")],
        dropped: &[],
    },
    Case {
        name: "Marketo's form",
        path: "/f/moved",
        kind: FORM,
        body: b"FirstName=Ada&LastName=Lovelace&Email=c3%40engines.com&Company=Engines&Title=CTO&formid=1024&munchkinId=123-ABC-456&mkt_tok=secret&_mkt_trk=id%3A1",
        email: "c3@engines.com",
        known: &[("first_name", "Ada"), ("company", "Engines"), ("job_title", "CTO")],
        dropped: &["formid", "mkt_tok"],
    },
    Case {
        name: "Mailchimp's embedded form with its unnamed trap",
        path: "/f/moved",
        kind: FORM,
        body: b"EMAIL=c4%40engines.com&FNAME=Ada&LNAME=Lovelace&b_0a1b2c_3d4e5f=&tags=77&mc_eid=person&subscribe=Subscribe",
        email: "c4@engines.com",
        known: &[("first_name", "Ada"), ("last_name", "Lovelace"), ("tags", "77")],
        dropped: &["b_0a1b2c_3d4e5f", "mc_eid"],
    },
    Case {
        name: "Web3Forms with JSON and its trap unticked",
        path: "/f/moved",
        kind: JSON,
        body: br#"{"access_key":"k","from_name":"Site","botcheck":false,"name":"Ada","email":"c5@engines.com","subject":"Hi","redirect":"https://www.shop.example/ok","ccemail":"x@evil.com"}"#,
        email: "c5@engines.com",
        known: &[("full_name", "Ada"), ("subject", "Hi")],
        dropped: &["access_key", "from_name", "redirect", "ccemail", "botcheck"],
    },
    Case {
        name: "a Rails application",
        path: "/f/moved",
        kind: "application/x-www-form-urlencoded; charset=UTF-8",
        body: b"utf8=%E2%9C%93&authenticity_token=t&lead%5Bfirst_name%5D=Ada&lead%5Bemail%5D=c6%40engines.com&commit=Send",
        email: "c6@engines.com",
        known: &[("first_name", "Ada")],
        dropped: &["utf8", "authenticity_token"],
    },
    Case {
        name: "an own script of long ago: Latin-1 without saying so, a country by name, a grouped number",
        path: "/f/moved",
        kind: FORM,
        body: b"Email=c7%40engines.com%20&Name=J%F6rg&Tel=%2B49+(0)89+1234567&Country=deutschland&Employees=1.200&Submit=Senden",
        email: "c7@engines.com",
        known: &[("full_name", "Jörg"), ("phone", "+49891234567"), ("country", "DE"), ("employees", "1200")],
        dropped: &["Submit"],
    },
    Case {
        name: "listmonk's public form with its trap",
        path: "/f/moved",
        kind: FORM,
        body: b"nonce=&email=c8%40engines.com&name=Ada&l=5b2c",
        email: "c8@engines.com",
        known: &[("full_name", "Ada"), ("l", "5b2c")],
        dropped: &["nonce"],
    },
    Case {
        name: "no type at all, repeated names, a phone that is only a number",
        path: "/f/moved",
        kind: "",
        body: b"e-mail=c9%40engines.com&interests=pumps&interests=tanks&color=red&color=blue&phone=12345678901234567",
        email: "c9@engines.com",
        known: &[("interests", "pumps, tanks"), ("color", "red, blue"), ("phone", "12345678901234567")],
        dropped: &[],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn forms_as_they_are_found_in_the_wild_are_taken_with_the_right_answers() -> anyhow::Result<()>
{
    let (world, _folder) = world(111).await?;
    for case in &CASES {
        let mut request = world
            .post(case.path)
            .header("Referer", "https://www.shop.example/page")
            .body(case.body);
        if !case.kind.is_empty() {
            request = request.header("Content-Type", case.kind);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        assert!(
            status == 200 || status == 303,
            "{}: {status} {text}",
            case.name
        );
    }
    world.settle().await?;
    for case in &CASES {
        let lead = world.known(case.email).await?;
        let profile = &lead["lead"]["profile"];
        for (field, expected) in case.known {
            let value = &profile[*field]["value"];
            let got = text_of(value);
            assert_eq!(&got, expected, "{}: {field} in {profile}", case.name);
        }
        for field in case.dropped {
            assert!(
                profile.get(*field).is_none(),
                "{}: {field} was kept",
                case.name
            );
        }
    }
    let consents = &world.known("h1@engines.com").await?["lead"]["consents"];
    assert_eq!(consents["newsletter"]["decision"], "granted", "{consents}");
    let source = &world.known("h1@engines.com").await?["lead"]["last_touch"]["source"];
    assert_eq!(source["params"]["utm_source"], "News", "{source}");
    let source = &world.known("g1@engines.com").await?["lead"]["last_touch"]["source"];
    assert_eq!(source["params"]["gclid"], "EAIaIQ_Cs", "{source}");
    Ok(())
}

/// A stored value as text, whatever its kind.
fn text_of(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(list) => list.iter().map(text_of).collect::<Vec<_>>().join(", "),
        serde_json::Value::Object(map) => map.values().next().map(text_of).unwrap_or_default(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}
