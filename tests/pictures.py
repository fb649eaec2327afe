"""The pictures of the README, 1,200 px wide: pages of the PDF, the HTML on a phone, a slide, the mail. `make pictures`.

The slide is painted by LibreOffice, which takes the typeface from the kit.
"""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from pypdf import PdfReader

from helpers.mail.message import message_of
from helpers.pack.appearance import FIRA
from helpers.pack.verify import opened

ROOT = Path(__file__).parents[1]
PACK = ROOT / "reports/2026Q3"
PAGES = {"summary": "Summary", "whom_to_call": "Whom to call", "what_moved_mrr": "What moved MRR"}
SLIDE = "Inactive customers"  # how its title begins
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><include>/etc/fonts/fonts.conf</include><dir>{}</dir><cachedir>{}</cachedir></fontconfig>"""
PHONES = ("Summary", "Scorecard", "Whom to call")
WIDTH, HEIGHT, MARGIN = 384, 832, 12  # three phones and the margins around them: 1,200 px
MAIL = 1150  # px of the mail that are shown
COLOURS = 64
CHROMIUM = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--hide-scrollbars",
            "--allow-file-access-from-files", "--virtual-time-budget=5000")  # fmt: skip
SHOW = """
for (const frame of document.querySelectorAll("iframe")) frame.onload = async () => {
  const page = frame.contentDocument;
  await page.fonts.ready;
  const place = [...page.querySelectorAll("h2, h3")].find(title => title.textContent === frame.title);
  for (let at = place; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (frame.previousElementSibling.tagName === "IFRAME") place.scrollIntoView({behavior: "instant"});
};
"""


def pages() -> Iterator[tuple[str, Image.Image]]:
    """The pages of the PDF on which these sections begin, by their bookmarks."""
    reader = PdfReader(PACK / "pack.pdf")

    def bookmarks(level: list[Any]) -> Iterator[tuple[str, int]]:
        for entry in level:
            if isinstance(entry, list):
                yield from bookmarks(entry)
            else:
                yield entry.title, reader.get_destination_page_number(entry) + 1

    found = dict(reversed(list(bookmarks(reader.outline))))
    for name, title in PAGES.items():
        yield name, _painted("pdftoppm", "-png", "-scale-to-x", "1200", "-scale-to-y", "-1", "-singlefile",
                             "-f", str(found[title]), "-l", str(found[title]), PACK / "pack.pdf", "{}")  # fmt: skip


def phones() -> Image.Image:
    """The HTML on three phones side by side: the first at its top, the others at a section."""
    style = "body {margin: 0; background: #ccd; font-size: 0}"
    style += f"iframe {{width: {WIDTH}px; height: {HEIGHT}px; margin: {MARGIN}px 0 0 {MARGIN}px; border: 0}}"
    frames = "".join(f'<iframe title="{title}" src="{(PACK / "pack.html").as_uri()}"></iframe>' for title in PHONES)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "phones.html"
        page.write_text(f"<style>{style}</style><body>{frames}<script>{SHOW}</script>")
        size = f"--window-size={3 * WIDTH + 4 * MARGIN},{HEIGHT + 2 * MARGIN}"
        return _painted("chromium", *CHROMIUM, f"--user-data-dir={folder}/chromium", size, "--screenshot={}.png",
                        page.as_uri())  # fmt: skip


def mail() -> Image.Image:
    """The mail of the draft at a desk and on a phone, side by side."""
    told = message_of(opened(PACK, ROOT), "", None, [("kpi-review-2026Q3.pdf", (PACK / "pack.pdf").stat().st_size)])
    html = told.html
    for name, picture in told.pictures.items():
        html = html.replace(f"cid:{name}", f"data:image/png;base64,{base64.b64encode(picture).decode()}")
    widths = (3 * WIDTH + 4 * MARGIN - WIDTH - 3 * MARGIN, WIDTH)
    style = f"body {{margin: 0; background: #ccd; font-size: 0}} iframe {{height: {MAIL}px; border: 0; "
    style += f"margin: {MARGIN}px 0 0 {MARGIN}px}}"
    frames = "".join(f'<iframe style="width: {width}px" src="mail.html"></iframe>' for width in widths)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mail.html").write_text(html)
        (Path(folder) / "both.html").write_text(f"<style>{style}</style><body>{frames}")
        size = f"--window-size={3 * WIDTH + 4 * MARGIN},{MAIL + 2 * MARGIN}"
        return _painted("chromium", *CHROMIUM, f"--user-data-dir={folder}/chromium", size, "--screenshot={}.png",
                        (Path(folder) / "both.html").as_uri())  # fmt: skip


def slide() -> Image.Image:
    """A slide of the deck."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "fonts.conf").write_text(FONTS.format(FIRA, f"{folder}/fonts"))
        settings = os.environ | {"HOME": folder, "FONTCONFIG_FILE": f"{folder}/fonts.conf"}
        command = ["soffice", "--headless", "--convert-to", "pdf", "--outdir", folder, PACK / "pack.pptx"]
        subprocess.run(command, check=True, capture_output=True, env=settings)
        slides = PdfReader(f"{folder}/pack.pdf").pages
        number = next(i for i, page in enumerate(slides, 1) if page.extract_text().startswith(SLIDE))
        return _painted("pdftoppm", "-png", "-scale-to-x", "1200", "-scale-to-y", "-1", "-singlefile",
                        "-f", str(number), "-l", str(number), f"{folder}/pack.pdf", "{}")  # fmt: skip


def _painted(*command: str | Path) -> Image.Image:
    """The PNG that a command writes where ``{}`` stands."""
    with tempfile.TemporaryDirectory() as folder:
        target = f"{folder}/picture"
        subprocess.run([str(part).replace("{}", target) for part in command], check=True, capture_output=True)
        with Image.open(f"{target}.png") as picture:
            return picture.convert("RGB")


def main() -> None:
    """Writes docs/<name>.png for each picture."""
    for name, picture in (*pages(), ("phones", phones()), ("slide", slide()), ("mail", mail())):
        target = ROOT / f"docs/{name}.png"
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
        print(f"{target.relative_to(ROOT)}: {picture.width} × {picture.height} px, {target.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
