"""How a pack looks, whatever it is printed on: its typeface, and the colours of its brand.

The typeface is Fira Sans everywhere, DejaVu for signs that it lacks, others for other scripts where installed. A
missing glyph is an error of the PDF standard, so what no font covers must be known before a page is set. A brand colour
may be any; text on it, and text in it on white paper, stays legible (WCAG 2.2).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import fontpkg_fira_sans
import typst

from helpers.display.palette import BAD, GOOD, darkened, luminance, tint
from helpers.errors import refuse
from helpers.language import cjk_family, cjk_font, own_words
from helpers.texts import printable

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
TEXT, SIGNS, MONO = "Fira Sans", "DejaVu Sans", "DejaVu Sans Mono"
FEATURES = ("kern", "liga", "ccmp", "locl", "mark", "mkmk", "tnum", "lnum")
JOINING = ("isol", "init", "medi", "fina", "rlig", "curs")  # without them Arabic falls apart into single letters
OTHERS = ("Droid Sans Fallback", "Noto Color Emoji", "Noto Emoji")
FIRA = fontpkg_fira_sans.ROOT / "files"
WEIGHTS = {"Regular": (400, "normal"), "SemiBold": (600, "normal"), "Italic": (400, "italic")}
LICENCES = (13, 14)  # the names of a font that say what one may do with it

BASIC = "".join(map(chr, range(0x20, 0x7F)))
# What pages are mostly written with. Choosing glyphs out of a font takes seconds, so these stand ready in a template.
LATIN = frozenset(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x2010, 0x2065), *range(0x20A0, 0x20C0)]))
LATIN |= frozenset("\n←↑→↓−∞≈≠≤≥◆○●✓✗\ufffd")
LATIN_FACES = TEMPLATES / "html" / "latin_fonts.css"

WHITE, BLACK, NIGHT = "#ffffff", "#000000", "#16191e"  # NIGHT: the ground of a page on a screen that is set to dark
LEGIBLE = 4.5  # contrast of text
FLARE = 0.05  # light that any screen and paper adds


# --- typeface ---------------------------------------------------------------------------------------------------------


def families() -> tuple[str, ...]:
    """The families that the PDF may use, in order of preference."""
    return (TEXT, SIGNS, *([cjk_family()] if cjk_font() else []), *_installed_families())


@cache
def typst_fonts() -> typst.Fonts:
    """Those families for Typst; nothing else that a machine has installed can slip in."""
    installed = {str(Path(face.path or "").parent) for face in _fallbacks()}
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(FIRA), str(dejavu()), *([str(cjk.parent)] if (cjk := cjk_font()) else []), *sorted(installed)],
    )


def uncovered(text: str) -> str:
    """The characters of a text that no font of the PDF has, each once.

    >>> uncovered("MRR €41,200 → ✓ Ж λ")
    ''
    """
    return _not_covered(text, slanted=False)


def refuse_unprintable(texts: Mapping[str, str]) -> None:
    """Refuse the pack's own words where no font has a sign of them; names in tables get a sign in its place.

    ``texts`` are those of the review, by where they stand; the catalogue of the language in force is asked besides.

    Raises:
        KitError: naming each place with the signs that no font has.
    """
    found = {where: uncovered(str(printable(text))) for where, text in {**texts, **own_words()}.items()}
    refuse(
        f"{where}: no font of the pack has {' '.join(signs)}; write it without, or pip install 'kpi-review[cjk]' for "
        "Chinese signs"
        for where, signs in found.items()
        if signs
    )


def upright_only(text: str) -> str:
    """The characters of a text that fonts have, but none of them slanted.

    >>> upright_only("no € Ж → ✓")
    ''
    """
    return "".join(sorted({*_not_covered(text, slanted=True)} - {*uncovered(text)}))


def _not_covered(text: str, *, slanted: bool) -> str:
    missing = {character for character in set(text) if not character.isspace()}
    for family in families():
        if not missing:
            break
        missing -= {character for character in missing if ord(character) in _covered_by(family, slanted=slanted)}
    return "".join(sorted(missing))


def font_faces(text: str) -> str:
    """CSS that embeds the typeface with the glyphs of a text, and those signs that it lacks."""
    known = _covered_by(TEXT) | _covered_by(SIGNS)
    others = {sign for sign in set(text) - LATIN if ord(sign) in known}
    faces = _faces({*BASIC, *text}) if others else LATIN_FACES.read_text(encoding="utf-8")
    chinese = {sign for sign in set(text) - LATIN - others if ord(sign) in _covered_by(cjk_family())}
    return "\n".join(filter(None, [faces, _chinese_face(chinese)]))


def _chinese_face(signs: Collection[str]) -> str:
    """The Chinese signs of a page, in one weight: browsers make a bolder one of it."""
    path = cjk_font()
    if not path or not signs:
        return ""
    number = next(
        face.index for face in typst_fonts().fonts() if face.family == cjk_family() and face.path == str(path)
    )
    return _face("Pack Chinese", path, signs, 400, "normal", number)


def _faces(characters: Iterable[str]) -> str:
    text = sorted(characters)
    faces = [_face(TEXT, FIRA / f"FiraSans-{style}.ttf", text, *look) for style, look in WEIGHTS.items()]
    signs = [character for character in text if ord(character) not in _covered_by(TEXT, slanted=True)]
    return "\n".join([*faces, _face("Pack Signs", dejavu() / "DejaVuSans.ttf", signs, 400, "normal")])


def _face(family: str, path: Path, characters: Iterable[str], weight: int, style: str, number: int = -1) -> str:
    data = base64.b64encode(_woff2(path, characters, number)).decode()
    return (
        f'@font-face{{font-family:"{family}";font-weight:{weight};font-style:{style};font-display:swap;'
        f'src:url(data:font/woff2;base64,{data}) format("woff2")}}'
    )


def _woff2(path: Path, characters: Iterable[str], number: int) -> bytes:
    """The glyphs of a font, or of the font of that number in a collection."""
    from fontTools import subset

    options = subset.Options(font_number=number, flavor="woff2", hinting=False, layout_features=[*FEATURES, *JOINING])
    options.name_IDs += LICENCES
    options.notdef_outline = True  # a box, where no typeface of a reader has a character either
    options.drop_tables += ["FFTM"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(characters))
    file = io.BytesIO()
    with subset.load_font(str(path), options) as font:
        subsetter.subset(font)
        subset.save_font(font, file, options)
    return file.getvalue()


@cache
def _covered_by(family: str, *, slanted: bool = False) -> frozenset[int]:
    """What every face of a family covers, since text may be bold; slanted ones count where text may be slanted.

    Typst takes the upright face of a family that has no other.
    """
    faces = [face for face in typst_fonts().fonts() if face.family == family and face.path]
    if family == TEXT:
        faces = [face for face in faces if Path(face.path or "").stem.split("-")[1] in (*WEIGHTS, "SemiBoldItalic")]
    if not slanted:
        faces = [face for face in faces if face.style == "normal"]
    return frozenset.intersection(*map(_covered_by_face, faces)) if faces else frozenset()


def _covered_by_face(face: typst.FontInfo) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(face.path, fontNumber=face.index, lazy=True) as font:
        return frozenset(font.getBestCmap())


@cache
def _fallbacks() -> tuple[typst.FontInfo, ...]:
    """The faces for other scripts that this machine has: sans-serif Noto, and a few that hold what Noto may not."""
    faces = typst.Fonts(include_system_fonts=True, include_embedded_fonts=False).fonts()
    noto = [face for face in faces if face.family.startswith("Noto Sans") and "Mono" not in face.family]
    return (*noto, *(face for face in faces if face.family in OTHERS))


@cache
def _installed_families() -> tuple[str, ...]:
    return tuple(sorted({face.family for face in _fallbacks()}, key=lambda family: (family in OTHERS, family)))


def dejavu() -> Path:
    """The folder of the fonts that matplotlib brings along."""
    found = find_spec("matplotlib")
    return Path((found and found.origin) or "").parent / "mpl-data" / "fonts" / "ttf"


# --- colours ----------------------------------------------------------------------------------------------------------


def colours_of(brand: str) -> dict[str, str]:
    """The colours of a pack's pages: the brand's, what is written on it, what is written in it, good and bad.

    >>> colours_of("#1f3a5f")["ink"]
    '#ffffff'
    """
    return {
        "brand": brand,
        "ink": ink_on(brand),
        "accent": legible_on_white(brand),
        "good": GOOD,
        "bad": BAD,
        "night": NIGHT,
        "night_accent": legible_at_night(brand),
        "night_good": legible_at_night(GOOD),
        "night_bad": legible_at_night(BAD),
    }


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on the colour.

    >>> ink_on("#ffe600"), ink_on("#1f3a5f")
    ('#000000', '#ffffff')
    """
    return max((WHITE, BLACK), key=lambda ink: contrast(ink, colour))


def legible_on_white(colour: str) -> str:
    """The colour itself, or as much darker as it takes to be read on white.

    >>> legible_on_white("#1f3a5f")
    '#1f3a5f'
    """
    return darkened(colour, (luminance(WHITE) + FLARE) / LEGIBLE - FLARE)


def legible_at_night(colour: str) -> str:
    """The colour itself, or as much lighter as it takes to be read on the dark ground, panels included.

    >>> legible_at_night("#ffe600"), legible_at_night("#1f3a5f")
    ('#ffe600', '#8493a7')
    """
    shown, strength = colour, 1.0
    while contrast(shown, NIGHT) < LEGIBLE * 1.25:
        strength -= 0.05
        shown = tint(colour, strength)
    return shown


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21.

    >>> contrast("#ffffff", "#000000")
    21.0
    """
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + FLARE) / (darker + FLARE)


if __name__ == "__main__":  # makes the template anew, after a change of the characters or of a font
    LATIN_FACES.write_text(_faces(LATIN), encoding="utf-8")
