"""The encoding of text files: UTF-8, the one that the source says, or those proposed in which their words are words.

Files of one table are looked at together. Two encodings are both proposed only where they read a line otherwise, and
such a line is shown: the first line of every byte that is not ASCII is looked at for that.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, takewhile
from pathlib import Path
from typing import IO, NamedTuple

from helpers.errors import KitError

BLOCK = 1 << 20
LOOKED_AT = 200  # lines that are not ASCII
FILES = 3  # that a line is shown of, where all are in one encoding
BEFORE, SHOWN = 30, 60  # signs that are shown of a line: before what matters in it, and in all
# What files in UTF-16 begin with: its mark, or without one a sign of ASCII, of which one byte is 0.
UTF_16 = {
    "utf-16": re.compile(b"\xff\xfe|\xfe\xff"),
    "utf-16-le": re.compile(rb"([^\x00]\x00){4}"),
    "utf-16-be": re.compile(rb"(\x00[^\x00]){4}"),
}
FALLBACK = ("cp1252", "latin-1")  # the latter reads any bytes
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


class Encoding(NamedTuple):
    """The encoding that texts are read in, and what is to be asked of it before that is certain.

    It is ``open`` where another that is proposed would read them otherwise.
    """

    name: str
    asked: tuple[str, ...] = ()
    open: bool = False


def opened(file: Path) -> IO[bytes]:
    """A file, unpacked where it is packed."""
    return gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb")  # type: ignore[return-value]


def lines_of(file: Path, encoding: str) -> IO[str]:
    """The lines of a text, with their ends; without the mark that some programs begin it with."""
    return io.TextIOWrapper(opened(file), "utf-8-sig" if encoding == "utf-8" else encoding, newline="")


def encoding_of(files: Sequence[Path], said: str | None) -> Encoding:
    """The encoding of the text files of a table: the one that the source says, or UTF-8; else the first proposed.

    Raises:
        KitError: the files are in different encodings.
    """
    others = [file for file in files if not is_ascii(file) or _utf_16_of(file)]
    odd = [file for file in others if _utf_16_of(file) or _undecodable(file, "utf-8") is not None]
    in_utf8 = [file for file in others if file not in odd]
    if in_utf8 and odd and (said is None or _has_single_bytes(said)):
        raise KitError(
            f"{in_utf8[0].name} is UTF-8, and {odd[0].name} is not; files of one table must be in one encoding: "
            f"save {odd[0].name} anew as UTF-8"
        )
    if said is None:
        return _asked(odd, f"{odd[0].name} is not UTF-8") if odd else Encoding("utf-8")
    for file in files:
        if (fault := _undecodable(file, said)) is not None:
            return _asked(others or files, f"{file.name} is not {said}: its byte {fault} cannot be read")
    if in_utf8 and _has_single_bytes(said):
        return _asked(in_utf8, f"{in_utf8[0].name} is UTF-8, not {said}", " under this table")
    return Encoding(said)


def is_ascii(file: Path) -> bool:
    """Whether a text is ASCII throughout, which nearly every encoding reads alike."""
    with opened(file) as read:
        return all(block.isascii() for block in iter(lambda: read.read(BLOCK), b""))


def proposed(files: Sequence[Path]) -> dict[str, str]:
    """The encodings that the texts of a table may be in, each with a part of a line as it is in that encoding.

    Where there are several, it is of a line that they read differently.

    Raises:
        KitError: the files are in different encodings.
    """

    def reads_all(name: str) -> bool:
        return all(_undecodable(file, name) is None for file in files)

    marked = {_utf_16_of(file) for file in files}
    if len(marked) > 1:
        raise _different(files)
    if reads_all(name := marked.pop() or "utf-8"):
        with lines_of(files[0], name) as lines:
            head = list(islice(lines, LOOKED_AT))
        return _parts({name: [next((line for line in head if not line.isascii()), "".join(head[:1]))]})
    by_file = [_odd_lines(file) for file in files]
    odd = [line for lines in by_file for line in lines]
    names = likely(odd)
    if not names and len(files) > 1 and all(map(likely, by_file)):
        raise _different(files)
    found: dict[tuple[str, ...], str] = {}
    for name in filter(reads_all, names or likely(odd[:LOOKED_AT])):
        found.setdefault(tuple(line.decode(name) for line in odd), name)
    if not found:
        name = next(filter(reads_all, FALLBACK))
        found = {tuple(line.decode(name) for line in odd): name}
    if len(found) > 1:
        return _parts({name: texts for texts, name in found.items()})
    [name] = found.values()
    return _parts({name: [lines[0].decode(name) for lines in by_file if lines][:FILES]})


def likely(lines: Iterable[bytes]) -> list[str]:
    r"""The encodings in which the lines of a text are words.

    >>> likely(["España".encode("cp1252")]), likely(["东京电力公司".encode("gb18030")])
    (['cp1252', 'cp1250'], ['gb18030'])
    >>> likely([b"a\xb8 b"])
    []
    """
    raw, found = list(lines), []
    for encoding in (*WESTERN, *EASTERN):
        try:
            whole = "\n".join(line.decode(encoding) for line in raw)
        except UnicodeError:
            continue
        if all(map(_is_word, whole.split())) if encoding in WESTERN else _in_daily_use(whole, encoding):
            found.append(encoding)
    return found


def _different(files: Sequence[Path]) -> KitError:
    names = " and ".join(file.name for file in files)
    return KitError(f"{names} are in different encodings; files of one table must be in one: save them anew as UTF-8")


def _asked(files: Sequence[Path], told: str, where: str = "") -> Encoding:
    """What files say in the encodings that they may be in, and what to write."""
    found = proposed(files)
    says = " and ".join(f"in {name} it says {line!r}" for name, line in found.items())
    answers = " or ".join(f"reads: {{encoding: {name}}}" for name in found)
    certain = "" if len(found) > 1 else "if that is right, "
    return Encoding(next(iter(found)), (f"{told}; {says}; {certain}write {answers}{where}",), len(found) > 1)


def _parts(texts: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Of the same lines in several encodings, those parts that tell them apart; of one encoding, what is not ASCII.

    >>> _parts({"cp1252": ["Müller", "España"], "cp1250": ["Müller", "Espańa"]})
    {'cp1252': 'España', 'cp1250': 'Espańa'}
    """
    shown: dict[str, str] = dict.fromkeys(texts, "")
    for line in zip(*texts.values(), strict=True):
        parts = dict(zip(texts, _around(line), strict=True))
        more = {name: f"{told} … {parts[name]}" if told else parts[name] for name, told in shown.items()}
        if len(texts) == 1 or len(set(more.values())) > len(set(shown.values())):
            shown = more
    return shown


def _around(line: Sequence[str]) -> list[str]:
    """Of a line in several encodings the part in which they differ, of one in one encoding that which is not ASCII."""
    among = line if len(line) > 1 else [*line, line[0].encode("ascii", "replace").decode()]
    at = sum(1 for _ in takewhile(lambda signs: len(set(signs)) == 1, zip(*among, strict=False)))
    start = max(0, at - BEFORE) if any(len(text.strip()) > SHOWN for text in line) else 0
    return [text[start:].strip()[:SHOWN] for text in line]


def _utf_16_of(file: Path) -> str:
    """The UTF-16 that a file is in, by how it begins; empty for another encoding."""
    with opened(file) as read:
        begin = read.read(8)
    return next((name for name, pattern in UTF_16.items() if pattern.match(begin)), "")


def _has_single_bytes(encoding: str) -> bool:
    """Whether each byte is a sign in an encoding, so that UTF-8 in it is text too, and not what was written.

    >>> [_has_single_bytes(name) for name in ("cp1252", "mac_roman", "utf-8", "utf-16", "gb18030", "cp932")]
    [True, True, False, False, False, False]
    """
    high = bytes(range(128, 256))
    return not encoding.startswith("utf") and len(high.decode(encoding, "replace")) == len(high)


def _undecodable(file: Path, encoding: str) -> int | None:
    """Where a file stops to be text of an encoding, none if it is that throughout."""
    decoder, done = codecs.getincrementaldecoder(encoding)(), 0
    with opened(file) as read:
        while True:
            block = read.read(BLOCK)
            try:
                decoder.decode(block, final=not block)
            except UnicodeError as error:
                return done + getattr(error, "start", 0)
            if not block:
                return None
            done += len(block)


def _odd_lines(file: Path) -> list[bytes]:
    """The first lines that are not ASCII, and the first of each other byte that is not."""
    known, found = bytes(range(128)), list[bytes]()
    with opened(file) as read:
        for line in read:
            if line.translate(None, known) or (len(found) < LOOKED_AT and not line.isascii()):
                for part in line.splitlines():
                    if (more := part.translate(None, known)) or (len(found) < LOOKED_AT and not part.isascii()):
                        known += more
                        found.append(part)
    return found


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
