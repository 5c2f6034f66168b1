"""The checklist: two pages to print and take along on a walk through the plant."""

from page import BODY, EMBER, H2, LEFT, LINE, MEASURE, RIGHT, SAND, SMALL, SOFT, Paper, style

TITLE = "Heat pump site checklist"

SECTIONS_ONE = [
    ("Where heat is used", [
        ("Each user of heat, from the boiler to the last valve", "name, kW, hours a year"),
        ("What the product needs, not what the pipe carries", "°C flow, °C return"),
        ("Users that need steam as such, not as a carrier of heat", "which, how much"),
        ("The week of the highest demand", "date, peak kW"),
    ]),
    ("Where heat is thrown away", [
        ("Condensers of the cooling plant", "°C, kW, hours"),
        ("Air compressors and oil coolers", "°C, kW, hours"),
        ("Exhaust air of dryers and ovens", "°C, moisture, m³/h"),
        ("Waste water: washing, rinsing, bottling", "°C, m³ a day, dirt"),
        ("Cooling towers", "°C, kW, hours"),
    ]),
    ("When both run together", [
        ("Hours a year in which source and user overlap", "hours"),
        ("Longest gap that a tank would have to bridge", "minutes, kWh"),
    ]),
]

SECTIONS_TWO = [
    ("The site", [
        ("Spare capacity of the transformer", "kVA"),
        ("Way from the switchgear to the machine room", "m"),
        ("Floor space, height, load of the floor", "m², m, kg/m²"),
        ("Noise at the fence at night, as the permit allows", "dB(A)"),
        ("Refrigerants the site rules allow", "ammonia, hydrocarbons, HFO"),
    ]),
    ("The money", [
        ("Power: price with all charges, contract until", "€ per MWh"),
        ("Gas: price with all charges and carbon", "€ per MWh"),
        ("Age of the boiler, next large repair", "years, €"),
        ("Grants that are open now", "name, deadline"),
        ("Years in which an investment must be earned back", "years"),
    ]),
    ("The people", [
        ("Who signs, and above which sum", "name, €"),
        ("Who runs the boiler house day to day", "name"),
        ("Who knows the control system and its records", "name"),
        ("Next two planned stops of production", "dates"),
    ]),
]


def build(path: str) -> None:
    paper = Paper(path, TITLE, "What to measure before the first offer", f"Aldermoor  ·  {TITLE}")
    paper.begin("Heat pump site checklist", "To print and take along")
    paper.paragraphs("Two hours with this sheet, a thermometer and the people who run the boiler house replace the first round of every study.")
    particulars(paper)
    sections(paper, SECTIONS_ONE, 41)
    paper.end()
    paper.begin("Site, money, people", "To print and take along")
    sections(paper, SECTIONS_TWO, 31)
    paper.text("A first verdict", H2)
    paper.gap(6)
    verdict(paper)
    paper.end()
    paper.save()


def particulars(paper: Paper) -> None:
    c = paper.canvas
    for i, label in enumerate(["Plant", "Date", "With whom"]):
        x = LEFT + i * MEASURE / 3
        c.setFont("Sans", 9.2)
        c.setFillColor(SOFT)
        c.drawString(x, paper.y - 10, label)
        c.setStrokeColor(LINE)
        c.setLineWidth(0.8)
        c.line(x, paper.y - 32, x + MEASURE / 3 - 16, paper.y - 32)
    paper.gap(52)


def sections(paper: Paper, all_sections: list, row: float) -> None:
    """Boxes to tick, each with a line to write on; `row` is the height of one."""
    c = paper.canvas
    for title, items in all_sections:
        paper.text(title, H2)
        paper.gap(4)
        for words, unit in items:
            c.setStrokeColor(EMBER)
            c.setLineWidth(1.1)
            c.roundRect(LEFT, paper.y - 16, 11, 11, 2, stroke=1, fill=0)
            c.setFont("Sans", 10.6)
            c.setFillColor(BODY.textColor)
            c.drawString(LEFT + 22, paper.y - 14.5, words)
            c.setFont("Sans", 8.8)
            c.setFillColor(SOFT)
            c.drawRightString(RIGHT, paper.y - 14.5, unit)
            c.setStrokeColor(LINE)
            c.setLineWidth(0.6)
            c.line(LEFT + 22, paper.y - row + 4, RIGHT, paper.y - row + 4)
            paper.gap(row)
        paper.gap(10)


def verdict(paper: Paper) -> None:
    c = paper.canvas
    tall = 96
    c.setFillColor(SAND)
    c.rect(LEFT, paper.y - tall, MEASURE, tall, stroke=0, fill=1)
    formula = style("formula", "Serif-Semibold", 13, 20)
    paper.put("COP ≈ 0.5 × (process °C + 273) ÷ (process °C − source °C) = ..............", formula, LEFT + 18, paper.y - 14, MEASURE - 36)
    paper.put("Price of power ÷ price of gas = ..............", formula, LEFT + 18, paper.y - 38, MEASURE - 36)
    paper.put("If the second is smaller than the first divided by 0.88, heat from the heat pump is cheaper to run, and a study is worth its fee.",
              SMALL, LEFT + 18, paper.y - 64, MEASURE - 36)
    paper.gap(tall)
