"""The pack's typeface: Fira Sans everywhere, DejaVu for signs that it lacks, others for other scripts where installed.

A missing glyph is an error of the PDF standard, so what no font covers must be known before a page is set.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import fontpkg_fira_sans
import typst
from fontTools import subset
from fontTools.ttLib import TTFont

TEXT, SIGNS, MONO = "Fira Sans", "DejaVu Sans", "DejaVu Sans Mono"
FEATURES = ("kern", "liga", "ccmp", "locl", "mark", "mkmk", "tnum", "lnum")
JOINING = ("isol", "init", "medi", "fina", "rlig", "curs")  # without them Arabic falls apart into single letters
OTHERS = ("Droid Sans Fallback", "Noto Color Emoji", "Noto Emoji")
FIRA = fontpkg_fira_sans.ROOT / "files"
WEIGHTS = {"Regular": (400, "normal"), "SemiBold": (600, "normal"), "Italic": (400, "italic")}
BASIC = "".join(map(chr, range(0x20, 0x7F)))


@cache
def families() -> tuple[str, ...]:
    """The families that the PDF may use, in order of preference."""
    return (TEXT, SIGNS, *sorted({face.family for face in _fallbacks()}, key=_preference))


@cache
def typst_fonts() -> typst.Fonts:
    """Those families for Typst; nothing else that a machine has installed can slip in."""
    installed = {str(Path(face.path or "").parent) for face in _fallbacks()}
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(FIRA), str(_dejavu()), *sorted(installed)],
    )


def uncovered(text: str) -> str:
    """The characters of a text that no font of the PDF has, each once.

    >>> uncovered("MRR €41,200 → ✓ Ж λ")
    ''
    """
    return _not_covered(text, slanted=False)


def upright_only(text: str) -> str:
    """The characters of a text that fonts have, but none of them slanted.

    >>> upright_only("no € Ж → ✓")
    ''
    """
    return "".join(sorted({*_not_covered(text, slanted=True)} - {*uncovered(text)}))


def _not_covered(text: str, *, slanted: bool) -> str:
    missing = {character for character in text if not character.isspace()}
    for family in families():
        if not missing:
            break
        missing -= {character for character in missing if ord(character) in _covered_by(family, slanted=slanted)}
    return "".join(sorted(missing))


@lru_cache(maxsize=4)
def font_faces(characters: str) -> str:
    """CSS that embeds the typeface with the glyphs of ``characters``, and those signs that it lacks."""
    text = sorted({*BASIC, *characters})
    faces = [_face(TEXT, FIRA / f"FiraSans-{style}.ttf", text, *look) for style, look in WEIGHTS.items()]
    signs = [character for character in text if ord(character) not in _covered_by(TEXT, slanted=True)]
    return "\n".join([*faces, _face("Pack Signs", _dejavu() / "DejaVuSans.ttf", signs, 400, "normal")])


def _face(family: str, path: Path, characters: Iterable[str], weight: int, style: str) -> str:
    data = base64.b64encode(_woff2(path, characters)).decode()
    return (
        f'@font-face{{font-family:"{family}";font-weight:{weight};font-style:{style};font-display:swap;'
        f'src:url(data:font/woff2;base64,{data}) format("woff2")}}'
    )


def _woff2(path: Path, characters: Iterable[str]) -> bytes:
    options = subset.Options(flavor="woff2", hinting=False, layout_features=[*FEATURES, *JOINING])
    options.drop_tables += ["FFTM"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(characters))
    file = io.BytesIO()
    with subset.load_font(str(path), options) as font:
        subsetter.subset(font)
        subset.save_font(font, file, options)
    return file.getvalue()


@cache
def _covered_by(family: str, *, slanted: bool) -> frozenset[int]:
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
    with TTFont(face.path, fontNumber=face.index, lazy=True) as font:
        return frozenset(font.getBestCmap())


@cache
def _fallbacks() -> tuple[typst.FontInfo, ...]:
    """The faces for other scripts that this machine has: sans-serif Noto, and a few that hold what Noto may not."""
    faces = typst.Fonts(include_system_fonts=True, include_embedded_fonts=False).fonts()
    noto = [face for face in faces if face.family.startswith("Noto Sans") and "Mono" not in face.family]
    return (*noto, *(face for face in faces if face.family in OTHERS))


def _preference(family: str) -> tuple[bool, str]:
    return family in OTHERS, family


def _dejavu() -> Path:
    """The folder of the fonts that matplotlib brings along."""
    found = find_spec("matplotlib")
    return Path((found and found.origin) or "").parent / "mpl-data" / "fonts" / "ttf"
