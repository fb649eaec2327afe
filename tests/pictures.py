"""The pictures of the README: pages of the sample pack, turned into PNG. Run by `make pictures`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pypdf import PdfReader

ROOT = Path(__file__).parents[1]
PACK = ROOT / "reports/2026Q3/pack.pdf"
PICTURES = {"cover": 1, "summary": 2}
THEMES = {"inactive_customers": "Inactive customers", "recurring_revenue": "Recurring revenue"}


def pages() -> dict[str, int]:
    """The page number of each picture; those of the themes are read from the bookmarks."""
    reader = PdfReader(PACK)
    bookmarks = {entry.title: entry for entry in reader.outline if not isinstance(entry, list)}
    themes = {name: reader.get_destination_page_number(bookmarks[title]) + 1 for name, title in THEMES.items()}
    return PICTURES | themes


def main() -> None:
    """Writes docs/<name>.png for each page."""
    for name, page in pages().items():
        target = ROOT / "docs" / name
        options = ["-png", "-r", "75", "-f", str(page), "-l", str(page), "-singlefile"]
        subprocess.run(["pdftoppm", *options, PACK, target], check=True)
        print(f"docs/{name}.png: page {page}")


if __name__ == "__main__":
    main()
