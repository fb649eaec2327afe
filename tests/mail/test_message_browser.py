"""A message as it is seen: on a phone and at a desk, with its pictures and without, and in programs that read no style
sheet. Chromium shows it; what Word's engine makes of it only :mod:`tests.mail.word_engine` can say."""

import base64
import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.mail.bodies import body, pack_in
from tests.notebooks.chromium import opened_in_chromium

pytestmark = pytest.mark.browser

# Of every line of text that is seen: what it says, its box, how large it is, and whether a row cuts it.
TEXTS = """
(() => {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const tag = node.parentElement, size = parseFloat(getComputedStyle(tag).fontSize), range = document.createRange();
    const row = tag.closest('tr'), cuts = row && getComputedStyle(row).overflow === 'hidden';
    const room = cuts && row.getBoundingClientRect();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (node.data.trim() && box.width > 1)
        found.push([node.data.trim(), box.left, box.right, box.top, box.bottom, size,
                    cuts && (box.right > room.right + 1 || box.bottom > room.bottom + 1 || box.left < room.left - 1)]);
  }
  return JSON.stringify(found);
})()
"""
FIGURES = "JSON.stringify([...document.querySelectorAll('.cards .value')].map(e => e.innerText.split('\\n').pop()))"
SEEN = "JSON.stringify([...document.querySelectorAll('.cards .value')].map(e => e.getBoundingClientRect().width))"
SHEETS = re.compile("<style.*?</style>", re.DOTALL)


def with_pictures(made):
    html = made.html
    for name, png in made.pictures.items():
        html = html.replace(f"cid:{name}", f"data:image/png;base64,{base64.b64encode(png).decode()}")
    return html


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with opened_in_chromium("about:blank", tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def show(chromium, tmp_path):
    """Shows HTML in a window of a width: ``show(html, width)``."""

    def call(html, width):
        file = tmp_path / "message.html"
        file.write_text(html, encoding="utf-8")
        window = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        chromium.tell("Emulation.setDeviceMetricsOverride", **window)
        chromium.tell("Page.navigate", url=file.as_uri())
        chromium.wait_for(f"location.href === {file.as_uri()!r} && document.readyState === 'complete'")
        return chromium

    return call


def look_over(page, width, least=11):
    """No text stands outside the window, on another text, or too small; nothing makes the page wider than it is."""
    texts = json.loads(page.says(TEXTS))
    assert len(texts) > 50
    assert [text for text, left, right, *_ in texts if left < 0 or right > width + 0.5] == []
    assert [text for text, *_, size, _ in texts if size < least] == []
    assert [text for text, *_, is_cut in texts if is_cut] == []
    assert page.says("document.documentElement.scrollWidth") <= width
    seen = sorted(texts, key=lambda each: each[3])
    for i, (text, left, right, top, bottom, *_) in enumerate(seen):
        for other, its_left, its_right, its_top, its_bottom, *_ in seen[i + 1 :]:
            if its_top > bottom:
                break
            across, down = min(right, its_right) - max(left, its_left), min(bottom, its_bottom) - max(top, its_top)
            assert not (across > 2 and down > 6), (text, other)


def found_by_axe(page):
    spec = find_spec("axe_core_python") or pytest.skip("no axe-core here")
    page.says(f"{(Path(spec.origin).parent / 'axe.min.js').read_text(encoding='utf-8')}; 1")
    rules = "{resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}"
    said = page.says(f"axe.run({rules}).then(found => JSON.stringify(found.violations))")
    return [(each["id"], node["html"]) for each in json.loads(said) for node in each["nodes"]]


@pytest.mark.parametrize("language", ["en", "ru", "zh_Hans", "zh_Hant"])
@pytest.mark.parametrize("width", [360, 600, 1100])
def test_with_and_without_its_pictures_nothing_is_cut_or_overflows(sample, show, language, width):
    made = body(sample, language=language)
    figures = set()
    for html in (with_pictures(made), made.html):
        page = show(html, width)
        look_over(page, width)
        figures.add(page.says(FIGURES))
        assert min(json.loads(page.says(SEEN))) > 10
    assert len(figures) == 1
    assert len(json.loads(figures.pop())) > 10


def test_on_a_phone_each_kpi_is_a_card_whose_figures_say_what_they_are(sample, show):
    page = show(with_pictures(body(sample)), 360)
    card = page.says(
        "[...document.querySelectorAll('.cards tr')].find(e => e.innerText.startsWith('Win rate')).innerText"
    )
    assert [word for word in ("On previous", "On year ago", "Target", "Signal") if word not in card] == []
    assert page.says("getComputedStyle(document.querySelector('.cards .heads')).display") == "none"
    wide = show(with_pictures(body(sample)), 600)
    assert "Signal" not in wide.says(
        "[...document.querySelectorAll('.cards tr')].find(e => e.innerText.startsWith('Win rate')).innerText"
    )


@pytest.mark.parametrize("width", [360, 600])
def test_axe_finds_nothing(sample, show, width):
    assert found_by_axe(show(with_pictures(body(sample)), width)) == []


@pytest.mark.parametrize("width", [360, 600])
def test_nothing_is_asked_of_the_network(sample, show, width):
    page = show(body(sample).html, width)
    asked = page.says("performance.getEntriesByType('resource').map(each => each.name)")
    assert [name for name in asked if not name.startswith("cid:")] == []


def test_where_no_style_sheet_is_read_a_narrow_window_is_bearable(sample, show):
    """The table of figures may be a little wider than a phone, which shows all of it smaller; no text is cut."""
    for language in ("en", "ru"):
        page = show(SHEETS.sub("", body(sample, language=language).html), 360)
        width = page.says("document.documentElement.scrollWidth")
        assert width <= 520
        look_over(page, width)


@pytest.mark.parametrize("width", [360, 600])
def test_long_and_hostile_names_break_where_there_is_room_for_no_more(hostile, show, width):
    page = show(with_pictures(body(hostile)), width)
    look_over(page, width)


def test_a_correction_is_read_on_a_phone_and_at_a_desk(corrected, show):
    made = body(pack_in(corrected / "reports/published/2026Q3/v2"))
    for width in (360, 600):
        page = show(with_pictures(made), width)
        look_over(page, width)
    told = show(with_pictures(made), 360).says("document.querySelector('.cards').innerText")
    assert re.search(r"Published\s+€[\d,]+\s+Now\s+€[\d,]+\s+Difference\s+\+€", told)
