"""Makes the magnets: `python build.py` writes the two PDFs beside this folder, and the picture of the guide's cover for the landing page.

    python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python build.py
"""

from pathlib import Path

import pymupdf
from PIL import Image

import checklist
import guide
from page import register_fonts

MAGNETS = Path(__file__).resolve().parent.parent
LANDING = MAGNETS.parent / "landing"


def main() -> None:
    register_fonts()
    guide.build(str(MAGNETS / "heat-pump-guide.pdf"))
    checklist.build(str(MAGNETS / "site-checklist.pdf"))
    with pymupdf.open(MAGNETS / "heat-pump-guide.pdf") as document:
        pixels = document[0].get_pixmap(dpi=96)
        cover = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
    # Few colours: a palette keeps the picture small.
    cover.resize((560, 792), Image.Resampling.LANCZOS).quantize(96, dither=Image.Dither.NONE).save(LANDING / "guide-cover.png", optimize=True)


if __name__ == "__main__":
    main()
