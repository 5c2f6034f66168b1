"""What schemathesis cannot know from the OpenAPI file: which forms this site has, who may sign, and where a visitor comes from.

Most posts that are made to be right are replaced by one that the form's own schema (`GET /f/{form}/schema`) describes, wrapped as the
service in question wraps it. Posts that are made to be wrong stay as they are. Every answer is counted; run.sh looks at the counts.
"""

import atexit
import collections
import hashlib
import hmac
import itertools
import json
import os
import threading
import urllib.request

import schemathesis
from hypothesis import strategies as st
from schemathesis.openapi.checks import UnsupportedMethodResponse

BASE = os.environ["LODESTONE_URL"]
COUNTS = os.environ["LODESTONE_COUNTS"]
FORMS = ["guide", "demo", "checklist", "checkliste", "moved"]
# The form that is known at services, as tests/forms/moved.toml says; run.sh keeps its secrets.
MOVED = {
    "showFormspree": "xpzgkqyw",
    "submitFormspree": "xpzgkqyw",
    "submitHubspot": "8f2e5c1a-7b3d-4e6f-9a0b-1c2d3e4f5a6b",
    "submitHubspotSecure": "8f2e5c1a-7b3d-4e6f-9a0b-1c2d3e4f5a6b",
    "submitHubspotPage": "8f2e5c1a-7b3d-4e6f-9a0b-1c2d3e4f5a6b",
    "submitGoogle": "moved",
    "submitMeta": "moved",
    "greetMeta": "444555666",
}
ACCEPTS = [
    "*/*",
    "application/json",
    "application/json, text/plain, */*",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
]
# Of a form's pages, and of a stranger.
ORIGINS = ["https://www.aldermoor.example", "https://www.shop.example", "https://stranger.example"]
PAGE_TYPES = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]


def schema_of(form):
    with urllib.request.urlopen(f"{BASE}/f/{form}/schema", timeout=10) as answer:
        return json.load(answer)


SCHEMAS = {form: schema_of(form) for form in FORMS}

# Letters of many scripts, and what stands between words.
words = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"], include_characters=" -'.&"), min_size=1, max_size=40)
said = words.filter(str.strip)
local_parts = st.from_regex(r"[a-z][a-z0-9]{0,12}([.+_-][a-z0-9]{1,8})?", fullmatch=True)
domains = st.sampled_from(["engines.com", "lovelace.co.uk", "müller-wärme.de", "plant.nl", "gmial.com"])
addresses = st.builds("{}@{}".format, local_parts, domains)
phones = st.sampled_from(["+31 20 794 5000", "+49 30 901820", "0031 (20) 794-5000", "+44 20 7946 0000"])
names = st.from_regex(r"[a-z]{3,10}_x", fullmatch=True)


def answers_to(name, schema):
    """Answers to one question of a form."""
    if "oneOf" in schema:
        return st.sampled_from([option["const"] for option in schema["oneOf"]])
    kind = schema["type"]
    if kind == "array":
        return st.lists(answers_to(name, schema["items"]), min_size=1, max_size=2, unique=True)
    if "boolean" in kind:
        return st.sampled_from(["yes", "on", "true", ""])
    if "integer" in kind:
        low, high = schema.get("minimum"), schema.get("maximum")
        return st.integers(low if low is not None else 0, high if high is not None else 10_000)
    if schema.get("format") == "email":
        return addresses
    if schema.get("pattern") == "^[A-Za-z]{2}$":
        return st.sampled_from(["NL", "de", "FR", "gb"])
    if name == "phone":
        return phones
    if name.startswith("postcode"):
        return st.sampled_from(["1234 AB", "9999ZZ"])
    longest = min(schema.get("maxLength") or 40, 40)
    return said.map(lambda text: text[:longest]).filter(str.strip)


@st.composite
def filled(draw, form):
    """Names and values that the form takes."""
    schema = SCHEMAS[form]
    posted = {}
    for name, asked in schema["properties"].items():
        if name in schema["required"] or draw(st.booleans()):
            posted[name] = draw(answers_to(name, asked))
    if draw(st.booleans()):
        posted[draw(names)] = draw(words)
    if draw(st.booleans()):
        posted["_next"] = draw(st.sampled_from(["/thanks?a=b", "https://www.shop.example/done", "https://evil.example/", "//evil.example"]))
    return posted


def one_by_one(posted):
    """Lists as the same name several times."""
    for name, value in posted.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, str(one)


@st.composite
def right(draw, case):
    """A post that is taken, in the words of the operation."""
    operation = case.operation.definition.raw["operationId"]
    form = draw(st.sampled_from(FORMS)) if operation == "submitForm" else "moved"
    posted = draw(filled(form))
    if case.headers and draw(st.booleans()):
        # One key for two contents is refused, and short keys come twice.
        case.headers.pop("Idempotency-Key", None)
    if case.path_parameters:
        case.path_parameters = {**case.path_parameters, "form": MOVED.get(operation, form)}
    match operation:
        case "submitHubspot" | "submitHubspotSecure":
            case.body = {"fields": [{"name": f"0-1/{name}", "value": value} for name, value in one_by_one(posted)]}
            if draw(st.booleans()):
                case.body["context"] = {"hutk": "0" * 32, "pageUri": "https://www.shop.example/a?utm_source=x", "pageName": "A"}
            if draw(st.booleans()):
                consent = {"value": True, "subscriptionTypeId": 9, "text": "Send me news & offers."}
                case.body["legalConsentOptions"] = {"consent": {"consentToProcess": True, "text": "Yes.", "communications": [consent]}}
            return case
        case "submitGoogle":
            columns = [{"column_id": name.upper(), "string_value": value} for name, value in one_by_one(posted)]
            case.body = {
                "lead_id": draw(st.from_regex(r"[A-Za-z0-9]{0,12}", fullmatch=True)),
                "google_key": "k-e-y",
                "form_id": draw(st.sampled_from([9007199254740993, "9007199254740993", 1])),
                "is_test": draw(st.booleans()),
                "user_column_data": columns,
            }
            return case
        case "submitMeta":
            ids = st.builds(lambda lead: {"leadgen_id": lead, "form_id": "444555666", "page_id": 1}, st.integers(1, 10**17))
            changes = st.builds(lambda value: {"field": "leadgen", "value": value}, ids)
            case.body = {"object": "page", "entry": [{"changes": draw(st.lists(changes, max_size=4))}]}
            return case
        case "submitWebToLead":
            posted |= {"oid": draw(st.sampled_from(["00D5g000004abcd", "00D5g000004abcdEAA"])), "retURL": "https://www.shop.example/ok"}
            case.query = {"encoding": "UTF-8"} if draw(st.booleans()) else {}
        case "submitNetlify":
            posted["form-name"] = "contact"
        case "submitMautic":
            posted = {f"mauticform[{name}]": value for name, value in posted.items()}
            posted |= draw(st.sampled_from([{"mauticform[formName]": "contactus"}, {"mauticform[formId]": "7"}]))
            posted |= draw(st.sampled_from([{}, {"mauticform[messenger]": "1"}, {"mauticform[return]": "https://www.shop.example/a"}]))
            case.query = {}
        case "submitHubspotPage":
            posted["hs_context"] = json.dumps({"pageUrl": "https://www.shop.example/a?utm_source=x"})
        case _:
            pass
    case.media_type = draw(st.sampled_from(PAGE_TYPES))
    case.headers = {**(case.headers or {}), "Content-Type": case.media_type} if case.media_type != "multipart/form-data" else case.headers
    case.body = posted
    return case


@schemathesis.hook
def flatmap_case(context, case):
    """Replaces two of three right posts, and names a form that is there in two of three right requests."""

    @st.composite
    def replaced(draw):
        if case.meta is None or case.meta.generation.mode.is_negative or not draw(st.sampled_from([True, True, False])):
            return case
        if case.method.upper() == "POST":
            return draw(right(case))
        operation = case.operation.definition.raw["operationId"]
        if operation == "greetMeta":
            case.query = {"hub.mode": "subscribe", "hub.verify_token": "ask-me", "hub.challenge": draw(st.from_regex(r"[0-9]{1,12}", fullmatch=True))}
        if case.path_parameters:
            case.path_parameters = {**case.path_parameters, "form": MOVED.get(operation) or draw(st.sampled_from(FORMS))}
        return case

    return replaced()


class Signed:
    """Signs the very bytes that are sent, as Meta does."""

    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        if "X-Hub-Signature-256" in request.headers:
            made = hmac.new(b"app-secret", body, hashlib.sha256).hexdigest()
            request.headers["X-Hub-Signature-256"] = f"sha256={made}"
        return request


calls = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Visitors of many networks, browsers and pages. Every twentieth comes from one network that soon is over its limit."""
    number = next(calls)
    network = "203.0.113.7" if number % 20 == 0 else f"2001:db8:{number >> 16 & 0xFFFF:x}:{number & 0xFFFF:x}::1"
    case.headers["X-Local-Client-Ip"] = network
    case.headers.setdefault("Accept", ACCEPTS[number % len(ACCEPTS)])
    if number % 3 == 0:
        case.headers.setdefault("Origin", ORIGINS[number // 3 % len(ORIGINS)])
    if case.operation.definition.raw["operationId"] == "submitMeta":
        kwargs["auth"] = Signed()


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Where a route is for one method only, the gateway knows no other: it says 404, and there is no way to make it say 405."""
    return not (isinstance(failure, UnsupportedMethodResponse) and response.status_code == 404 and response.json() == {"message": "Not Found"})


counts = collections.defaultdict(collections.Counter)
counting = threading.Lock()


@schemathesis.hook
def after_call(context, case, response):
    with counting:
        # A method that is not the operation's own says nothing about the operation.
        if case.method.upper() == case.operation.method.upper():
            counts[case.operation.label][str(response.status_code)] += 1


@atexit.register
def keep_counts():
    with open(COUNTS, "w", encoding="utf-8") as out:
        json.dump(counts, out, indent=1)
