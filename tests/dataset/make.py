"""Turns a data set of the package `leadforge` into the two files that `lodestone import` reads.

leads.csv    who people are, with the proof of their consent
history.csv  what they did and what sales said, dated

People get made-up addresses below example.com and example.org, so that nothing could ever reach anybody.
"""

import csv
import sys
from pathlib import Path

import pandas

FIRST_NUMBER = {"200-499": 200, "500-999": 500, "1000-1999": 1000, "2000+": 2000}
REVENUE = {"$1M-$10M": 1_000_000, "$10M-$50M": 10_000_000, "$50M-$200M": 50_000_000, "$200M+": 200_000_000}
AUTHORITY = {"economic_buyer": "decide", "champion": "recommend"}
# What somebody did, as a kind of touchpoint with its form, magnet and page. What was done to them counts for nothing.
INBOUND = {
    "content_download": ("magnet_downloaded", "", "heat-guide", ""),
    "webinar": ("form_submitted", "guide", "", ""),
}
SESSIONS = {
    "website": ("link_clicked", "", "", "https://www.aldermoor.example/"),
    "pricing_page": ("link_clicked", "", "", "https://www.aldermoor.example/prices"),
    "demo_page": ("form_submitted", "demo", "", "https://www.aldermoor.example/visit"),
}


def write(path, heading, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file)
        sheet.writerow(heading)
        sheet.writerows(rows)
    print(f"{path}: {len(rows)} rows")


def main(bundle, truth, out):
    tables = {name: pandas.read_parquet(bundle / "tables" / f"{name}.parquet") for name in ("touches", "sessions", "contacts", "accounts")}
    # How it ended stands in the tables for teachers only.
    leads = pandas.read_parquet(truth / "tables" / "leads.parquet")
    calls = pandas.read_parquet(truth / "tables" / "sales_activities.parquet")
    contacts = tables["contacts"].set_index("contact_id")
    accounts = tables["accounts"].set_index("account_id")
    said = calls.groupby("lead_id").activity_timestamp.max()

    email, people, history = {}, [], []
    for lead in leads.itertuples():
        contact, account = contacts.loc[lead.contact_id], accounts.loc[lead.account_id]
        own = lead.account_id.replace("_", "-") + ".example.com"
        domain = "mailbox.example.org" if contact.email_domain_type == "personal" else own
        # One lead, one address: the same contact can be two leads there.
        email[lead.lead_id] = f"{lead.lead_id.replace('_', '-')}@{domain}"
        inbound = lead.lead_source == "inbound_marketing"
        day = lead.lead_created_at
        people.append([
            lead.lead_id, email[lead.lead_id], account.company_name, contact.job_title,
            "GB" if account.region == "UK" else "US", account.industry,
            FIRST_NUMBER[account.employee_band], REVENUE[account.estimated_revenue_band],
            AUTHORITY.get(contact.buyer_role, "research"), lead.lead_source, day,
            f"{day}T09:00:00Z" if inbound else "", "192.0.2.1" if inbound else "",
        ])
        if lead.lead_id in said.index:
            verdict = "rejected" if lead.current_stage == "closed_lost" else "accepted"
            history.append([f"{lead.lead_id}-verdict", email[lead.lead_id], verdict, f"{said[lead.lead_id]}T17:00:00Z", "", "", "", ""])
    for touch in tables["touches"].itertuples():
        if touch.lead_id not in email:
            continue
        plain = ("link_clicked", "", "", "") if touch.touch_direction == "inbound" else ("delivered", "", "", "")
        kind, form, magnet, page = INBOUND.get(touch.touch_type, plain) if touch.touch_direction == "inbound" else plain
        history.append([touch.touch_id, email[touch.lead_id], kind, f"{touch.touch_timestamp}T10:00:00Z", form, magnet, page, touch.touch_channel])
    for session in tables["sessions"].itertuples():
        if session.lead_id in email:
            kind, form, magnet, page = SESSIONS[session.session_type]
            history.append([session.session_id, email[session.lead_id], kind, f"{session.session_timestamp}T12:00:00Z", form, magnet, page, ""])
    out.mkdir(parents=True, exist_ok=True)
    write(out / "leads.csv", ["id", "Email", "Company", "Job Title", "Country", "Industry", "NumEmployees", "AnnualRevenue", "Authority", "LeadSource", "CreateDate", "OPTIN_TIME", "OPTIN_IP"], people)
    write(out / "history.csv", ["id", "Email", "Kind", "At", "Form", "Magnet", "Page URL", "utm_source"], history)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
