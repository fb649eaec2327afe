"""The encodings that a text which is not UTF-8 may be in, by what its words become in each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

WESTERN = ("cp1252", "mac_roman", "cp1250")  # told apart by what their letters become
# An encoding of many signs, and the part of a standard that holds those in daily use: from one first byte to another.
EASTERN = {
    "gb18030": ("gb2312", 0xB0, 0xD7),
    "cp932": ("euc_jp", 0xB0, 0xCF),
    "big5": ("big5", 0xA4, 0xC6),
    "cp949": ("euc_kr", 0xB0, 0xC8),
}
KANA = {"cp932": "\u3041-\u30ff"}  # of half-width ones, nearly any bytes are text
SIGNS = "€£–—…„“”‚‘’‹›«»·•°§²³½¼®©™µ±×\u00a0"
WIDE_SIGNS = re.compile("[\u3000-\u303f\uff01-\uff5e\uffe0-\uffe6]")
MOSTLY = 0.9  # of the signs of a text that are in daily use


def likely(lines: Iterable[bytes]) -> dict[str, list[str]]:
    r"""The encodings in which the lines of a text are words, each with the lines; one of those that read them alike.

    >>> [*likely(["Zoë Müller".encode("cp1252")])], [*likely(["东京电力公司".encode("gb18030")])]
    (['cp1252'], ['gb18030'])
    >>> likely([b"a\xb8 b"])
    {}
    """
    raw, found = list(lines), dict[str, str]()
    for encoding in (*WESTERN, *EASTERN):
        try:
            text = [line.decode(encoding) for line in raw]
        except UnicodeError:
            continue
        whole = "\n".join(text)
        if _are_words(whole) if encoding in WESTERN else _in_daily_use(whole, encoding):
            found.setdefault(whole, encoding)
    return {encoding: text.split("\n") for text, encoding in found.items()}


def _are_words(text: str) -> bool:
    return all(map(_is_word, re.findall(r"\S+", text)))


def _is_word(word: str) -> bool:
    """Whether what is not ASCII in a word is letters as they stand in words, or common signs.

    >>> [_is_word(word) for word in ("Müller", "M¸ller", "Straﬂe", "CafÈ")]
    [True, False, False, False]
    """
    for before, sign in zip(" " + word, word, strict=False):
        letter = unicodedata.category(sign) in ("Ll", "Lu") and unicodedata.normalize("NFKC", sign) == sign
        if not sign.isascii() and sign not in SIGNS and (not letter or (sign.isupper() and before.islower())):
            return False
    return True


def _in_daily_use(text: str, encoding: str) -> bool:
    """Whether nearly all letters of a text that are not ASCII are in daily use where an encoding is.

    >>> [_in_daily_use("東京電力", name) for name in EASTERN]
    [False, True, True, False]
    """
    standard, first, last = EASTERN[encoding]
    kana = KANA.get(encoding)
    letters = [sign for sign in text if not sign.isascii() and not WIDE_SIGNS.match(sign)]
    common = [
        sign for sign in letters
        if first <= (sign.encode(standard, "ignore") or b"\0")[0] <= last or (kana and re.match(f"[{kana}]", sign))
    ]  # fmt: skip
    return len(common) >= MOSTLY * len(letters)
