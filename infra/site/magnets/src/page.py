"""The look of Aldermoor's papers: fonts, colours, and the few pieces every page is made of."""

from importlib import resources

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfdoc, pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

WIDTH, HEIGHT = A4
LEFT, RIGHT, TOP, BOTTOM = 62, WIDTH - 62, HEIGHT - 76, 70
MEASURE = RIGHT - LEFT

INK = HexColor("#1b2723")
SOFT = HexColor("#5d6863")
PINE = HexColor("#12342c")
MOSS = HexColor("#3f6b5e")
MIST = HexColor("#c9d6d0")
PAPER = HexColor("#ffffff")
SAND = HexColor("#f4f1ea")
LINE = HexColor("#ddd8cc")
EMBER = HexColor("#a8401a")
GLOW = HexColor("#e2814f")
BLUSH = HexColor("#f6e3d8")

FONTS = {
    "Sans": ("font_source_sans_pro", "SourceSansPro-Regular.ttf"),
    "Sans-Italic": ("font_source_sans_pro", "SourceSansPro-It.ttf"),
    "Sans-Semibold": ("font_source_sans_pro", "SourceSansPro-Semibold.ttf"),
    "Serif": ("font_source_serif_pro", "SourceSerifPro-Regular.ttf"),
    "Serif-Semibold": ("font_source_serif_pro", "SourceSerifPro-Semibold.ttf"),
}


def register_fonts() -> None:
    for name, (package, file) in FONTS.items():
        pdfmetrics.registerFont(TTFont(name, str(resources.files(package) / "files" / file)))
    pdfmetrics.registerFontFamily("Sans", normal="Sans", bold="Sans-Semibold", italic="Sans-Italic", boldItalic="Sans-Semibold")


def style(name: str, font: str, size: float, leading: float, colour: Color = INK, **more: object) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=font, fontSize=size, leading=leading, textColor=colour, **more)


BODY = style("body", "Sans", 11, 16)
SMALL = style("small", "Sans", 9.2, 13, SOFT)
LEAD = style("lead", "Serif", 14, 21)
H1 = style("h1", "Serif-Semibold", 27, 32, PINE)
H2 = style("h2", "Sans-Semibold", 12.5, 17, PINE)
CELL = style("cell", "Sans", 10, 13.5)
CELL_HEAD = style("cell-head", "Sans-Semibold", 9.4, 12.5, SOFT)
CELL_RIGHT = style("cell-right", "Sans", 10, 13.5, alignment=TA_RIGHT)
CELL_HEAD_RIGHT = style("cell-head-right", "Sans-Semibold", 9.4, 12.5, SOFT, alignment=TA_RIGHT)


class Paper:
    """A PDF under construction; `y` is where the next piece begins, counted from the foot of the page."""

    def __init__(self, path: str, title: str, subject: str, running_title: str) -> None:
        # Invariant: no dates and no random ids, so the same script always makes the same bytes.
        self.canvas = Canvas(path, pagesize=A4, invariant=1, pageCompression=1)
        self.canvas.setTitle(title)
        self.canvas.setAuthor("Aldermoor")
        self.canvas.setSubject(subject)
        self.canvas.setCreator("infra/site/magnets/src/build.py")
        self.canvas._doc.Catalog.Lang = pdfdoc.PDFString("en")
        self.running_title = running_title
        self.number = 1
        self.y = TOP

    def begin(self, heading: str, section: str) -> None:
        """A page with a running head, an outline entry and a heading."""
        c = self.canvas
        c.setFont("Sans-Semibold", 9)
        c.setFillColor(SOFT)
        c.drawString(LEFT, HEIGHT - 48, section)
        c.setStrokeColor(LINE)
        c.setLineWidth(0.7)
        c.line(LEFT, HEIGHT - 57, RIGHT, HEIGHT - 57)
        c.setFont("Sans", 9)
        c.drawString(LEFT, 40, self.running_title)
        c.drawRightString(RIGHT, 40, str(self.number))
        c.bookmarkPage(f"p{self.number}")
        c.addOutlineEntry(heading, f"p{self.number}", 0, closed=True)
        self.y = TOP
        self.text(heading, H1)
        self.gap(12)

    def end(self) -> None:
        if self.y < BOTTOM - 4:
            raise SystemExit(f"page {self.number} overflows by {BOTTOM - self.y:.0f} points")
        self.canvas.showPage()
        self.number += 1

    def save(self) -> None:
        self.canvas.save()

    def gap(self, points: float) -> None:
        self.y -= points

    def text(self, words: str, look: ParagraphStyle = BODY, x: float = LEFT, width: float = MEASURE) -> float:
        """Sets a paragraph at `y` and moves below it; returns its height."""
        height = self.put(words, look, x, self.y, width)
        self.y -= height
        return height

    def put(self, words: str, look: ParagraphStyle, x: float, top: float, width: float) -> float:
        """Sets a paragraph with its top at `top`; returns its height."""
        paragraph = Paragraph(words, look)
        _, height = paragraph.wrap(width, HEIGHT)
        paragraph.drawOn(self.canvas, x, top - height)
        return height

    def paragraphs(self, *all_words: str, look: ParagraphStyle = BODY, gap: float = 8) -> None:
        for words in all_words:
            self.text(words, look)
            self.gap(gap)

    def caption(self, words: str) -> None:
        self.gap(4)
        self.text(words, SMALL)
        self.gap(14)

    def table(self, head: list[str], rows: list[list[str]], widths: list[float], right: set[int] = frozenset()) -> None:
        """A table with hairlines; `right` are the columns of figures. Widths are shares of the measure."""
        c = self.canvas
        spans = [w * MEASURE / sum(widths) for w in widths]
        for number, row in enumerate([head, *rows]):
            looks = (CELL_HEAD, CELL_HEAD_RIGHT) if number == 0 else (CELL, CELL_RIGHT)
            cells = [Paragraph(cell, looks[1] if i in right else looks[0]) for i, cell in enumerate(row)]
            heights = [cell.wrap(span - 10, HEIGHT)[1] for cell, span in zip(cells, spans)]
            tall = max(heights) + 9
            x = LEFT
            for cell, span, height in zip(cells, spans, heights):
                cell.drawOn(c, x + (10 if cell.style.alignment == TA_RIGHT else 0), self.y - 4 - height)
                x += span
            self.y -= tall
            c.setStrokeColor(PINE if number == 0 else LINE)
            c.setLineWidth(0.9 if number == 0 else 0.6)
            c.line(LEFT, self.y, RIGHT, self.y)
        self.gap(6)

    def note(self, title: str, words: str) -> None:
        """A tinted box with a bar at its left."""
        c = self.canvas
        head = Paragraph(title, H2)
        body = Paragraph(words, BODY)
        inner = MEASURE - 40
        _, head_height = head.wrap(inner, HEIGHT)
        _, body_height = body.wrap(inner, HEIGHT)
        tall = head_height + body_height + 30
        c.setFillColor(SAND)
        c.rect(LEFT, self.y - tall, MEASURE, tall, stroke=0, fill=1)
        c.setFillColor(EMBER)
        c.rect(LEFT, self.y - tall, 4, tall, stroke=0, fill=1)
        head.drawOn(c, LEFT + 22, self.y - 13 - head_height)
        body.drawOn(c, LEFT + 22, self.y - 17 - head_height - body_height)
        self.y -= tall + 12


def blend(first: Color, last: Color, share: float) -> Color:
    mix = lambda a, b: a + (b - a) * share
    return Color(mix(first.red, last.red), mix(first.green, last.green), mix(first.blue, last.blue))
