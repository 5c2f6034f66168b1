//! `templates/`.

use super::small_site;

#[test]
fn a_mail_has_a_subject_and_both_parts() {
    small_site().edit("templates/magnet.txt", "Subject: From", "From").without("templates/notice.html").without("templates/alert.txt").says(&[
        "templates/alert.txt:1:1: error: the mail `alert` has no txt part; help: add the file: some people read mail as plain text, others as HTML",
        "templates/magnet.txt:1:1: error: the mail does not begin with its subject; help: the first line is `Subject: ...`, the second is blank, then comes the text",
        "templates/notice.html:1:1: error: the mail `notice` has no html part; help: add the file: some people read mail as plain text, others as HTML",
    ]);
}

#[test]
fn every_mail_has_a_template_and_every_template_a_mail() {
    small_site()
        .without("templates/confirm.txt")
        .without("templates/confirm.html")
        .with("templates/comfirm.txt", "Subject: x\n\nx\n")
        .with("templates/comfirm.html", "x\n")
        .says(&[
            "templates/comfirm.html:1:1: warning: no mail is called `comfirm`; help: did you mean `confirm`?",
            "templates/comfirm.txt:1:1: warning: no mail is called `comfirm`; help: did you mean `confirm`?",
            "templates/confirm.txt:1:1: error: there is no template for the mail `confirm`; help: add NAME.txt and NAME.html",
        ]);
}

#[test]
fn a_template_that_does_not_compile_is_told_with_its_line() {
    small_site()
        .append("templates/magnet.txt", "\n{% if first_name %}\nHello\n")
        .says(&["templates/magnet.txt:7:1: error: unexpected end of input, expected end of block; help: the line is `Hello`"]);
}

#[test]
fn a_variable_that_does_not_exist_is_found_in_every_branch() {
    let never = "{% if not business.name %}{{ magnet.titel }}{% endif %}";
    small_site().edit("templates/magnet.html", "{{ links.download }}", never).says(&[
        "templates/magnet.html:2:1: error: the mail `magnet` has no variable `magnet.titel`; help: did you mean `magnet.title`?",
    ]);
}

#[test]
fn a_layout_uses_what_every_mail_has() {
    small_site().append("templates/_layout.txt", "{{ form.title }}\n").says(&[
        "templates/_layout.txt:3:1: error: the mail `alert` has no variable `form.title`; help: there is business, handoff, links, sender",
    ]);
}

#[test]
fn a_name_that_is_wrong_inside_a_loop_is_found_by_rendering() {
    let list = "{% for item in handoff.bant %}{{ item.name }}{% endfor %}";
    small_site().edit("templates/alert.txt", "{{ handoff.name }}", list).says(&[
        "templates/alert.txt:4:1: error: undefined value; help: the line is `{% block body %}{% for item in handoff.bant %}{{ item.name }}{% endfor %}{% endblock %}`",
    ]);
}

#[test]
fn a_subject_says_something_whatever_is_known() {
    small_site().edit("templates/magnet.txt", "Subject: From {{ business.name }}", "Subject: {{ first_name }}").says(&[
        "templates/magnet.txt:1:1: error: the subject can come out empty; help: let it say something whatever is known",
    ]);
}

#[test]
fn html_parts_escape_and_text_parts_do_not() {
    let site = small_site()
        .edit("site.toml", "Acme Ltd,", "Acme & <Sons>,")
        .load()
        .unwrap()
        .site;
    let engine = crate::site::templates::environment(&site.templates).unwrap();
    let sample = super::super::sample::samples("notice", &site.business, &site.sender, &site.links)
        .remove(0);
    let render = |name: &str| {
        engine
            .get_template(name)
            .unwrap()
            .render(minijinja::Value::from_serialize(&sample))
            .unwrap()
    };
    assert!(render("notice.html").ends_with("Acme &amp; &lt;Sons&gt;, 1 High Street, London, UK"));
    assert!(render("notice.txt").ends_with("Acme & <Sons>, 1 High Street, London, UK"));
}
