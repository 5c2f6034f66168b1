"""The guide: eight pages on industrial heat pumps for people who buy them."""

import dataclasses

from figures import BOILER, CO2_GAS, CO2_POWER, Example, break_even, cop
from page import (
    BLUSH, BODY, BOTTOM, EMBER, GLOW, H2, HEIGHT, INK, LEAD, LEFT, LINE, MEASURE, MIST, MOSS, PAPER, PINE, RIGHT, SAND, SMALL, SOFT,
    WIDTH, Paper, blend, style,
)

TITLE = "Process heat without the boiler"


def thousands(number: float, step: int = 1) -> str:
    return f"{round(number / step) * step:,.0f}"


def build(path: str) -> None:
    paper = Paper(path, TITLE, "A buyer's guide to industrial heat pumps", f"Aldermoor  ·  {TITLE}")
    cover(paper)
    short_version(paper)
    how_it_works(paper)
    where_it_fits(paper)
    the_cop(paper)
    when_it_pays(paper)
    example(paper)
    before_offers(paper)
    paper.save()


def cover(paper: Paper) -> None:
    c = paper.canvas
    c.setFillColor(PINE)
    c.rect(0, 0, WIDTH, HEIGHT, stroke=0, fill=1)
    # The lift: from waste heat to process heat, one bar a step.
    bars, gap = 38, 3.4
    wide = (WIDTH - 2 * LEFT - gap * (bars - 1)) / bars
    for i in range(bars):
        share = i / (bars - 1)
        c.setFillColor(blend(MOSS, GLOW, share ** 1.15))
        c.rect(LEFT + i * (wide + gap), 176, wide, 44 + 236 * share ** 1.9, stroke=0, fill=1)
    c.setFont("Sans", 11)
    c.setFillColor(MIST)
    c.drawString(LEFT, 156, "30 °C, from the cooling plant")
    c.drawRightString(RIGHT, 156, "90 °C, into the process")
    c.setFont("Sans-Semibold", 15)
    c.setFillColor(PAPER)
    c.drawString(LEFT, HEIGHT - 88, "Aldermoor")
    paper.put("Process heat<br/>without the boiler", style("cover", "Serif-Semibold", 46, 51, PAPER), LEFT, HEIGHT - 140, MEASURE)
    paper.put(
        "A buyer’s guide to industrial heat pumps: where they fit, what they cost, and a worked example to put your own figures into",
        style("cover-sub", "Serif", 16, 23, MIST), LEFT, HEIGHT - 264, 360,
    )
    c.bookmarkPage("p1")
    c.addOutlineEntry("Cover", "p1", 0)
    c.showPage()
    paper.number += 1


def short_version(paper: Paper) -> None:
    paper.begin("The short version", "In two minutes")
    paper.text(
        "Most factories throw away heat at 30 °C and buy gas to make heat at 90 °C. A heat pump closes that loop: it lifts the heat you "
        "already paid for to the temperature you need.", LEAD)
    paper.gap(22)
    e = Example()
    figures = [
        (f"{cop(35, 90):.1f}", "units of heat from one unit of power, lifting 35 °C to 90 °C"),
        ("160 °C", "is what machines on the market deliver today; beyond it, steam compression goes further"),
        (f"{e.own_share / e.saving:.1f} years", f"to earn back the dairy plant on page 7 with a grant; {e.invest / e.saving:.1f}\u00a0without"),
    ]
    span = MEASURE / 3
    for i, (number, words) in enumerate(figures):
        x = LEFT + i * span
        paper.put(number, style("figure", "Serif-Semibold", 30, 34, EMBER), x, paper.y, span - 18)
        paper.put(words, style("figure-text", "Sans", 10.5, 14.5), x, paper.y - 42, span - 22)
    paper.gap(122)
    paper.text("Five things to take away", H2)
    paper.gap(6)
    for number, words in enumerate([
        "<b>The lift decides.</b> Not the size, not the brand: the distance between the temperature you have and the one you need sets how "
        "much power you buy. Ten degrees less lift are worth more than any discount.",
        "<b>Waste heat comes first.</b> Look for it in cooling plants, compressors, exhaust air and waste water before you look at machines.",
        "<b>Ask what the process needs, not what the boiler makes.</b> Steam at 160 °C is often used to warm water to 65 °C.",
        "<b>The price ratio can be read off a chart.</b> Divide your price of power by your price of gas, look at page 6, and you know "
        "within a minute whether a study is worth its fee.",
        "<b>Keep the boiler for the peaks.</b> A heat pump that covers 60 % of the highest load often covers 90 % of the heat of a year.",
    ], start=1):
        paper.put(str(number), style("n", "Serif-Semibold", 15, 18, EMBER), LEFT, paper.y + 1, 20)
        paper.text(words, BODY, LEFT + 24, MEASURE - 24)
        paper.gap(7)
    paper.gap(10)
    paper.text("What is inside", H2)
    paper.gap(4)
    for page, title in [(3, "How it works, and how hot it gets"), (4, "Where it fits: processes and sources"), (5, "The number that decides"),
                        (6, "When it pays"), (7, "A worked example"), (8, "Before you ask for offers")]:
        c = paper.canvas
        c.setFont("Sans", 11)
        c.setFillColor(INK)
        c.drawString(LEFT, paper.y - 12, title)
        c.drawRightString(RIGHT, paper.y - 12, str(page))
        c.setStrokeColor(LINE)
        c.setLineWidth(0.6)
        c.line(LEFT, paper.y - 17, RIGHT, paper.y - 17)
        c.linkAbsolute("", f"p{page}", (LEFT, paper.y - 17, RIGHT, paper.y))
        paper.gap(18)
    paper.end()


def how_it_works(paper: Paper) -> None:
    paper.begin("One part power, two parts waste heat", "How it works")
    paper.paragraphs(
        "A heat pump is a refrigerator that cares about its warm side. A working fluid evaporates at low pressure and takes up heat that is "
        "too cool to be of use. A compressor raises its pressure; the fluid condenses at a higher temperature and gives the heat to your "
        "process, together with the power of the compressor.",
    )
    paper.gap(4)
    energy_flow(paper)
    paper.caption("Figure 1. What goes in and what comes out, at a lift from 35 °C to 95 °C. Widths are to scale.")
    paper.text("How hot it gets", H2)
    paper.gap(4)
    paper.paragraphs(
        "The working fluid sets the range. The table shows what is built in series today; ask each supplier for a plant that has run for two "
        "years at your temperatures, and for the telephone number of the people who run it.", gap=4)
    paper.table(
        ["Machine", "Source", "Process", "Worth knowing"],
        [
            ["Ammonia, screw or piston", "0 to 40 °C", "up to 90 °C", "Fits existing cooling plants; safety rules for ammonia apply"],
            ["Carbon dioxide", "0 to 30 °C", "up to 110 °C", "Best where water is heated far, such as from 15 to 90 °C"],
            ["Butane or pentane", "25 to 80 °C", "up to 130 °C", "Good efficiency; flammable, so plan the machine room early"],
            ["HFO refrigerants", "30 to 90 °C", "up to 160 °C", "Compact; ask about refrigerant rules over the life of the plant"],
            ["Steam compression", "from 80 °C", "up to 180 °C", "For exhaust vapour from drying, boiling and evaporation"],
        ],
        [1.35, 0.8, 0.8, 2.1],
    )
    paper.gap(6)
    paper.note("Mind the word “up to”",
               "A machine that can reach 160 °C is not the same as one that should. At 160 °C from a cool source, one unit of power makes less "
               "than two of heat. Two stages, or a smaller lift, are nearly always the better plant.")
    paper.end()


def energy_flow(paper: Paper) -> None:
    c = paper.canvas
    total = cop(35, 95)
    tall, x0, x1 = 122.0, LEFT + 150, RIGHT - 134
    top = paper.y - 4
    unit = tall / total
    middle = (x0 + x1) / 2

    def band(y_in: float, y_out: float, height: float, colour: object) -> None:
        path = c.beginPath()
        path.moveTo(x0, y_in)
        path.curveTo(middle, y_in, middle, y_out, x1, y_out)
        path.lineTo(x1, y_out - height)
        path.curveTo(middle, y_out - height, middle, y_in - height, x0, y_in - height)
        path.close()
        c.setFillColor(colour)
        c.drawPath(path, stroke=0, fill=1)

    heat = unit * (total - 1)
    band(top, top - 14, heat, MOSS)
    band(top - heat - 28, top - 14 - heat, unit, GLOW)
    c.setFillColor(EMBER)
    c.rect(x1, top - 14 - tall, 14, tall, stroke=0, fill=1)
    label = style("flow", "Sans", 10.5, 14)
    number = style("flow-number", "Serif-Semibold", 20, 24)
    for words, figure, y in [("waste heat at 35 °C", f"{total - 1:.1f} MWh", top - heat / 2), ("power", "1 MWh", top - heat - 28 - unit / 2)]:
        paper.put(figure, number, LEFT, y + 22, 140)
        paper.put(words, label, LEFT, y - 3, 140)
    paper.put(f"{total:.1f} MWh", number, x1 + 28, top - 14 - tall / 2 + 22, 110)
    paper.put("process heat at 95 °C", label, x1 + 28, top - 14 - tall / 2 - 3, 110)
    paper.gap(tall + 44)


def where_it_fits(paper: Paper) -> None:
    paper.begin("Many processes stay below 160 °C", "Where it fits")
    paper.paragraphs(
        "Food, drink, paper, textile and much of chemistry work at temperatures that a heat pump reaches. The dark bars are what the process "
        "needs; what the boiler makes is usually much hotter, because steam was the convenient way to carry heat around the site.")
    paper.gap(8)
    ranges(paper)
    paper.caption("Figure 2. Typical temperatures of processes, and the reach of heat pumps (tinted).")
    paper.text("Where the cool heat comes from", H2)
    paper.gap(4)
    paper.table(
        ["Source", "Temperature", "How steady", "What to check"],
        [
            ["Condensers of cooling plants", "25 to 35 °C", "as steady as the cold store", "Hours when cooling and heating run together"],
            ["Compressed air, oil coolers", "50 to 70 °C", "follows production", "Already used for space heating?"],
            ["Waste water, washing and rinsing", "25 to 45 °C", "in batches", "A buffer tank and filters that can be cleaned"],
            ["Exhaust air of dryers", "60 to 100 °C, moist", "steady", "Dew point, dust, room for a heat exchanger"],
            ["Cooling towers", "20 to 30 °C", "steady", "Pumps and fans that can be switched off"],
        ],
        [1.5, 1.0, 1.25, 1.75],
    )
    paper.gap(8)
    paper.note("A walk worth taking",
               "Follow the steam pipe from the boiler to the last valve and write down, at each user, the temperature that the product needs. "
               "In many plants the highest of them is 50 degrees below the steam.")
    paper.end()


def ranges(paper: Paper) -> None:
    c = paper.canvas
    rows = [("Washing, cleaning in place", 45, 85), ("Pasteurising milk and juice", 65, 95), ("Blanching, cooking", 75, 105),
            ("Dyeing and finishing", 60, 130), ("Drying food and wood", 60, 120), ("Evaporating, concentrating", 70, 110),
            ("Drying paper and board", 100, 160), ("Distilling", 80, 160), ("Sterilising", 115, 140), ("Baking", 160, 240)]
    x0, low, high, step = LEFT + 150, 20, 240, 17.5
    scale = (RIGHT - x0) / (high - low)
    at = lambda t: x0 + (t - low) * scale
    tall = step * len(rows) + 8
    c.setFillColor(BLUSH)
    c.rect(at(low), paper.y - tall, at(160) - at(low), tall, stroke=0, fill=1)
    c.setFont("Sans", 8.6)
    for t in range(40, high + 1, 40):
        c.setStrokeColor(LINE)
        c.setLineWidth(0.6)
        c.line(at(t), paper.y, at(t), paper.y - tall)
        c.setFillColor(SOFT)
        c.drawCentredString(at(t), paper.y - tall - 12, f"{t} °C")
    for i, (name, first, last) in enumerate(rows):
        y = paper.y - 4 - (i + 1) * step
        c.setFillColor(INK)
        c.setFont("Sans", 10.2)
        c.drawString(LEFT, y + 5.5, name)
        c.setFillColor(PINE if last <= 165 else SOFT)
        c.roundRect(at(first), y + 3.5, (last - first) * scale, 9.5, 2, stroke=0, fill=1)
    paper.gap(tall + 16)


def the_cop(paper: Paper) -> None:
    paper.begin("The number that decides", "Efficiency")
    paper.paragraphs(
        "The coefficient of performance, COP, is the heat you get for each unit of power. Nature sets its upper limit, and good industrial "
        "machines reach about half of that limit. So a first estimate needs two temperatures and one line of arithmetic:")
    c = paper.canvas
    c.setFillColor(SAND)
    c.rect(LEFT, paper.y - 44, MEASURE, 44, stroke=0, fill=1)
    c.setFillColor(PINE)
    c.setFont("Serif-Semibold", 14)
    c.drawCentredString(WIDTH / 2, paper.y - 27, "COP  ≈  0.5 × (process °C + 273)  ÷  (process °C − source °C)")
    paper.gap(72)
    cop_chart(paper)
    paper.caption("Figure 3. COP by that estimate, for three sources. Below a lift of 30 degrees it promises too much; ask for a measured figure.")
    sinks = [70, 90, 110, 130, 150]
    paper.table(
        ["Heat at", *[f"{t} °C" for t in sinks]],
        [[f"from {s} °C", *[f"{cop(s, t):.1f}" if t - s >= 30 else "over 6" for t in sinks]] for s in (20, 35, 50)],
        [1.2, 1, 1, 1, 1, 1], right={1, 2, 3, 4, 5},
    )
    paper.gap(10)
    more = (cop(35, 90) / cop(35, 100) - 1) * 100
    paper.note("Ten degrees",
               f"From a source at 35 °C, one unit of power makes {more:.0f} % more heat at 90 °C than at 100 °C. A larger heat exchanger, a washing "
               "recipe at 80 °C instead of 90 °C, or one separate small boiler for the one hot user: each can be worth more than the next "
               "better machine.")
    paper.end()


def cop_chart(paper: Paper) -> None:
    c = paper.canvas
    x0, tall = LEFT + 30, 168.0
    wide = RIGHT - x0 - 84
    y0 = paper.y - tall
    at = lambda sink, value: (x0 + (sink - 60) / 100 * wide, y0 + (value - 1) / 5 * tall)
    axes(c, [(str(v), at(60, v)[1]) for v in range(1, 7)], [(f"{t} °C", at(t, 1)[0]) for t in range(60, 161, 20)], x0, y0, wide)
    c.setFont("Sans", 9)
    c.setFillColor(SOFT)
    c.drawString(LEFT, paper.y + 7, "COP")
    for source, colour, beside in [(20, MOSS, -9), (35, PINE, -2.5), (50, EMBER, 4)]:
        points = [at(t, cop(source, t)) for t in range(60, 161) if cop(source, t) <= 6 and t - source >= 30]
        path = c.beginPath()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        c.setStrokeColor(colour)
        c.setLineWidth(2.2)
        c.drawPath(path)
        c.setFillColor(colour)
        c.setFont("Sans-Semibold", 10)
        c.drawString(points[-1][0] + 8, points[-1][1] + beside, f"from {source} °C")
    paper.gap(tall + 18)


def axes(c: object, rows: list, columns: list, x0: float, y0: float, wide: float) -> None:
    c.setFont("Sans", 8.6)
    c.setLineWidth(0.6)
    for words, y in rows:
        c.setStrokeColor(LINE)
        c.line(x0, y, x0 + wide, y)
        c.setFillColor(SOFT)
        c.drawRightString(x0 - 6, y - 3, words)
    for words, x in columns:
        c.setFillColor(SOFT)
        c.drawCentredString(x, y0 - 13, words)


def when_it_pays(paper: Paper) -> None:
    paper.begin("When it pays", "Money")
    paper.paragraphs(
        "Two prices decide about running costs: power and gas, each with everything that is charged on it: network fees, levies, the price of "
        f"carbon. With a boiler efficiency of {BOILER * 100:.0f} %, heat from both costs the same when power is as many times dearer than gas as the COP "
        f"divided by {BOILER}. Below the line, the heat pump is cheaper to run.")
    paper.gap(20)
    break_even_chart(paper)
    e = Example()
    ratio = e.power_price / e.gas_with_co2
    paper.caption(f"Figure 4. Where running costs break even. The dot is the dairy of page 7: COP {e.cop:.1f}, power {ratio:.2f} times as dear as gas.")
    paper.text("What a plant costs", H2)
    paper.gap(4)
    paper.paragraphs(
        "For a first calculation, take 500 to 1,000 euros for each kilowatt of heat, all included. The machine is about half of it. Where "
        "the other half goes depends on the site, and that is why two offers for the same machine can differ by a factor of two:", gap=8)
    shares(paper)
    paper.gap(4)
    paper.table(
        ["Drives the cost up", "Keeps it down"],
        [
            ["Steam on the process side where hot water would do", "One ring of hot water for several users"],
            ["A new transformer or a longer grid connection", "A machine sized for the base load, boiler for the peaks"],
            ["Source and process far apart", "Machine room between the cooling plant and the first user"],
            ["Production that cannot stop for the connection", "Valves and stubs set during the next planned stop"],
        ],
        [1, 1],
    )
    paper.end()


def break_even_chart(paper: Paper) -> None:
    c = paper.canvas
    x0, tall = LEFT + 30, 158.0
    wide = RIGHT - x0
    y0 = paper.y - tall
    at = lambda x, y: (x0 + (x - 1.5) / 4 * wide, y0 + (y - 1) / 4 * tall)
    path = c.beginPath()
    path.moveTo(*at(1.5, 1))
    path.lineTo(*at(1.5, break_even(1.5)))
    path.lineTo(*at(4.4, break_even(4.4)))
    path.lineTo(*at(5.5, 5))
    path.lineTo(*at(5.5, 1))
    path.close()
    c.setFillColor(BLUSH)
    c.drawPath(path, stroke=0, fill=1)
    axes(c, [(str(v), at(1.5, v)[1]) for v in range(1, 6)], [(f"COP {t}", at(t, 1)[0]) for t in (2, 3, 4, 5)], x0, y0, wide)
    c.setFont("Sans", 9)
    c.setFillColor(SOFT)
    c.drawString(LEFT, paper.y + 7, "Price of power divided by price of gas")
    c.setStrokeColor(EMBER)
    c.setLineWidth(2.2)
    c.line(*at(1.5, break_even(1.5)), *at(4.4, 5))
    c.setFont("Sans-Semibold", 10.5)
    c.setFillColor(EMBER)
    c.drawString(*at(3.72, 2.35), "the heat pump is cheaper to run")
    c.setFillColor(SOFT)
    c.drawString(*at(1.75, 4.1), "the boiler is cheaper to run")
    e = Example()
    x, y = at(e.cop, e.power_price / e.gas_with_co2)
    c.setFillColor(PINE)
    c.circle(x, y, 4.5, stroke=0, fill=1)
    c.setFont("Sans-Semibold", 9.5)
    c.drawString(x + 9, y - 3, "dairy")
    paper.gap(tall + 20)


def shares(paper: Paper) -> None:
    c = paper.canvas
    x = LEFT
    for name, share, colour, ink in [("Heat pump", 46, PINE, PAPER), ("Pipes, exchangers, tanks", 21, MOSS, PAPER),
                                     ("Power, controls", 14, MIST, INK), ("Building", 9, LINE, INK), ("Planning", 10, SAND, INK)]:
        wide = share / 100 * MEASURE
        c.setFillColor(colour)
        c.rect(x, paper.y - 34, wide, 34, stroke=0, fill=1)
        c.setFillColor(ink)
        c.setFont("Sans-Semibold", 9)
        c.drawString(x + 6, paper.y - 14, f"{share} %")
        c.setFont("Sans", 8.2)
        c.drawString(x + 6, paper.y - 26, name)
        x += wide
    paper.gap(46)


def example(paper: Paper) -> None:
    e = Example()
    paper.begin("A worked example", "A dairy")
    paper.paragraphs(
        f"A dairy cools milk all day and heats water to {e.sink_c} °C for pasteurising and cleaning. The condensers of its cooling plant give off "
        f"heat at {e.source_c} °C over the roof. A heat pump of {e.heat_mw} megawatts takes that heat in and replaces the boiler for {thousands(e.hours)} "
        "hours a year. Put your own figures into the right column.")
    paper.gap(4)
    blank = "<font color='#b9b3a5'>..................</font>"
    rows = [
        ["Heat delivered in a year", f"{e.heat_mw} MW × {thousands(e.hours)} h", f"{thousands(e.heat)} MWh"],
        ["COP, from page 5", f"0.5 × {e.sink_c + 273} ÷ {e.sink_c - e.source_c}", f"{e.cop:.2f}"],
        ["Power needed", "heat ÷ COP", f"{thousands(e.power)} MWh"],
        ["Gas no longer needed", f"heat ÷ {BOILER}", f"{thousands(e.gas)} MWh"],
        ["Price of power", "all charges included", f"{e.power_price:.0f} € per MWh"],
        ["Price of gas with carbon", f"{e.gas_price:.0f} + {CO2_GAS} × {e.co2_price:.0f}", f"{e.gas_with_co2:.1f} € per MWh"],
        ["Cost of heat before", "gas × price", f"{thousands(e.cost_before, 1000)} €"],
        ["Cost of heat after", f"power × price, and {thousands(e.upkeep)} € upkeep", f"{thousands(e.cost_after, 1000)} €"],
        ["<b>Saved in a year</b>", "", f"<b>{thousands(e.saving, 1000)} €</b>"],
        ["Investment", f"{e.invest_per_kw:.0f} € per kW, all included", f"{thousands(e.invest, 1000)} €"],
        [f"Grant of {e.grant * 100:.0f} %", "where there is one", f"−{thousands(e.invest - e.own_share, 1000)} €"],
        ["<b>Earned back after</b>", f"{e.invest / e.saving:.1f} years without the grant", f"<b>{e.payback:.1f} years</b>"],
        ["Carbon dioxide saved", f"gas × {CO2_GAS} − power × {CO2_POWER}", f"{thousands(e.co2_saved, 10)} t a year"],
    ]
    paper.table(["", "How", "Dairy", "Yours"], [[*row, blank] for row in rows], [1.45, 1.55, 0.95, 0.75], right={2, 3})
    paper.gap(12)
    paper.text("What if prices move?", H2)
    paper.gap(4)
    gas_prices = [35, 45, 55]
    years = lambda p, g: dataclasses.replace(e, power_price=p, gas_price=g).payback
    paper.table(
        ["Years to earn it back", *[f"gas at {g} €" for g in gas_prices]],
        [[f"power at {p} € per MWh", *[f"{years(p, g):.1f}" for g in gas_prices]] for p in (80, 105, 120, 140)],
        [1.6, 1, 1, 1], right={1, 2, 3},
    )
    paper.text("With the grant, and before the price of carbon of 75 € a tonne that is added to gas. All prices are examples.", SMALL)
    paper.end()


def before_offers(paper: Paper) -> None:
    paper.begin("Before you ask for offers", "Next steps")
    paper.paragraphs("An offer is as good as the figures it rests on. These eight make offers comparable; most of them are in the control system already.")
    paper.gap(2)
    column = (MEASURE - 24) / 2
    looks = style("item", "Sans", 10.5, 14.5)
    data = [
        "Heat load by the hour, for a typical and for the hardest week",
        "Temperature each user of heat needs, flow and return",
        "Each source of waste heat: temperature, flow, hours",
        "How often source and demand run at the same time",
        "Fuel bill and power bill of the last twelve months",
        "Spare capacity of the transformer, and the way to it",
        "Floor space, height and weight the building can take",
        "Dates of the next two planned stops of production",
    ]
    for i in range(0, len(data), 2):
        tall = 0.0
        for j, words in enumerate(data[i:i + 2]):
            x = LEFT + j * (column + 24)
            paper.canvas.setStrokeColor(EMBER)
            paper.canvas.setLineWidth(1.1)
            paper.canvas.roundRect(x, paper.y - 13, 10, 10, 2, stroke=1, fill=0)
            tall = max(tall, paper.put(words, looks, x + 20, paper.y, column - 20))
        paper.gap(tall + 8)
    paper.gap(10)
    paper.text("Six questions that tell suppliers apart", H2)
    paper.gap(6)
    for number, words in enumerate([
        "Which plant of yours has run for two years at these temperatures, and may we call?",
        "What COP do you guarantee at full load, at half load, and at the coldest source we have?",
        "Who measures it, with what, and what happens if it falls short?",
        "What does the machine do when the source stops for an hour?",
        "What does a service contract cost in years one to ten, refrigerant included?",
        "How far away is the technician, and how long is the wait for a compressor?",
    ], start=1):
        paper.put(str(number), style("n", "Serif-Semibold", 13, 16, EMBER), LEFT, paper.y + 1, 20)
        paper.text(words, BODY, LEFT + 24, MEASURE - 24)
        paper.gap(5)
    paper.gap(12)
    paper.note("Half a day on site",
               "An engineer of ours walks through the plant with you, follows the heat, and says on the spot whether a study is worth its fee. "
               "If it is not, you have lost half a day and know why. <font color='#a8401a'>www.aldermoor.example</font>")
    paper.y = max(paper.y, BOTTOM + 40)
    paper.put(
        "The physics in this guide is common knowledge and can be checked with the formulas given. Prices, shares of cost and temperature limits "
        "are rounded planning values. Aldermoor is an invented company: this paper is part of the example site of Lodestone.",
        SMALL, LEFT, BOTTOM + 30, MEASURE)
    paper.y = BOTTOM
    paper.end()
