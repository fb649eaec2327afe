"""What is still open before a pack is published, and who signed off what: in the draft a list, then a table.

A theme's owner stands under ``owners:`` in the review, a sign-off in ``commentary/<period>/signoff.yml``. No sign-off
stops a pack from being published; a text without its author or its day does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from helpers.catalogue import kpi, theme_title
from helpers.display.formats import format_day
from helpers.display.sentences import listed
from helpers.language import _, enumerated, message
from helpers.pack.commentary import Comment, Commentary, SignOff
from helpers.pack.request import PackRequest
from helpers.pack.rich_text import Part, text_table
from helpers.pack.verified import Mark
from helpers.strict_yaml import shown

NO_AUTHOR, NO_DATE = message("no author"), message("no date")


def said_by(comment: Comment) -> str:
    """Who wrote a text and when, as it stands under it.

    >>> from datetime import date
    >>> said_by(Comment("Fine.", "Head of sales", date(2026, 10, 12)))
    'Head of sales, 12 Oct 2026'
    """
    return _(", ").join(filter(None, [comment.author, format_day(comment.on) if comment.on else ""]))


def publishing_faults(commentary: Commentary, themes: Iterable[str], folder: Path) -> list[str]:
    """Why a pack of these themes may not be published: texts on its pages that lack their author or their day.

    ``folder`` is where they are written.
    """
    return [
        f"{shown(folder / page)}.md has {' and '.join(lacking)}; add it at the top, between two lines of ---, "
        "such as author: Head of sales and date: 2026-10-12"
        for page in ("summary", *themes)
        if (comment := commentary.on(page)).text.strip() and (lacking := _lacking(comment))
    ]


def open_points(request: PackRequest, verified: Mapping[str, Mark]) -> list[str]:
    """What is still open before a pack of this request is published, in sentences; ``verified`` are its marks.

    Raises:
        KitError: the commentary is at fault.
    """
    commentary, owners = request.commentary(), request.review.owners
    texts = {page: commentary.on(page) for page in ("summary", *request.parameters)}
    signed = {theme: each for theme, each in commentary.signed.items() if theme in request.parameters}
    noted = _("{name} ({note})")
    found = {
        _("Not signed off"): [
            noted.format(name=theme_title(theme), note=owners[theme])
            for theme in request.parameters
            if theme in owners and theme not in signed
        ],
        _("Signed off by another than the owner"): [
            noted.format(
                name=theme_title(theme),
                note=_("{name} for {owner}").format(name=each.by, owner=owners.get(theme, _("no owner"))),
            )
            for theme, each in signed.items()
            if not _is_owners(each, owners.get(theme, ""))
        ],
        _("No commentary yet"): [theme_title(page) for page in request.parameters if not texts[page].text.strip()],
        _("Commentary that does not say whose it is, and of which day"): [
            noted.format(name=theme_title(page), note=listed([_(what) for what in _lacking(comment)]))
            for page, comment in texts.items()
            if comment.text.strip() and _lacking(comment)
        ],
        _("No longer verified"): [
            noted.format(name=kpi(kpi_id).label, note=mark.told().rstrip(".。"))
            for kpi_id, mark in verified.items()
            if mark.lapsed and kpi(kpi_id).theme in request.parameters
        ],
    }
    told = _("{name}: {value}.")
    return [told.format(name=what, value=enumerated(which)) for what, which in found.items() if which]


def sign_off_table(themes: Iterable[str], owners: Mapping[str, str], signed: Mapping[str, SignOff]) -> Part | None:
    """Each theme with its owner and its sign-off, as a part; none where no theme has either."""
    themes = [theme for theme in themes if theme in owners or theme in signed]
    rows = [
        [theme_title(it), owners.get(it, _("no owner")), _told(signed.get(it), owners.get(it, ""))] for it in themes
    ]
    columns = [{"label": label, "align": "left"} for label in (_("Theme"), _("Owner"), _("Signed off"))]
    return text_table(columns, rows, title=_("Sign-off")) if rows else None


def _told(sign_off: SignOff | None, owner: str) -> str:
    if sign_off is None:
        return _("not signed off")
    told = day = format_day(sign_off.on)
    if not _is_owners(sign_off, owner):
        told = _("{day}, by {name}").format(day=day, name=sign_off.by)
    if sign_off.remark:
        told = _("{name}: {value}").format(name=told, value=sign_off.remark)
    return f"✓ {told}"


def _is_owners(sign_off: SignOff, owner: str) -> bool:
    return sign_off.by.casefold().split() == owner.casefold().split()


def _lacking(comment: Comment) -> list[str]:
    return [what for what, given in ((NO_AUTHOR, comment.author), (NO_DATE, comment.on)) if not given]
