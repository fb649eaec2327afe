"""A mailing goes out: each letter once, every answer on record, what is temporary tried again.

There are two ways out, a mail server and Microsoft Graph. Either connects when it first needs to, and again after a
loss. ``send`` hands a letter over and says what came of it for each of its addresses: it calls ``handing_over`` with
them right before the letter may have been taken, and raises a KitError where nothing can be sent this way, whoever the
reader is. ``check`` tries the way without sending.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from helpers.errors import KitError
from helpers.mail.answers import Answer
from helpers.mail.graph import GraphWay
from helpers.mail.ledger import HANDING_OVER, Entry, Ledger, Outcome
from helpers.mail.letter import Content, Letter, letter
from helpers.mail.mailing import NAMED, Due, Mailing, megabytes
from helpers.mail.recipients import GraphMailbox, Recipients
from helpers.mail.smtp import SmtpWay
from helpers.progress import finishing

Way = SmtpWay | GraphWay
WAITS = (5.0, 30.0, 120.0)  # seconds before a letter that was not taken is tried again
LONGEST_WAIT = 300.0  # seconds, whatever a server asks for
IN_A_ROW = 3  # letters that are not taken, after which a server is left alone, for a while or for good


@dataclass
class Report:
    """What came of a mailing to the addresses ``due``: the answer for each, and why all was stopped, if it was."""

    due: tuple[str, ...]
    answers: dict[str, Answer] = field(default_factory=dict)
    stopped: tuple[str, ...] = ()

    @property
    def sent(self) -> list[str]:
        return [address for address, answer in self.answers.items() if answer.outcome == "sent"]

    def failures(self) -> list[str]:
        """Who was not reached, or may not have been, and why."""
        ends = {
            "refused": "refused by the mail server",
            "unknown": "unknown whether it arrived",
            "later": "not taken yet; send again",
        }
        untried = [address for address in self.due if address not in self.answers]
        more = f" and {len(untried) - NAMED} more" if len(untried) > NAMED else ""
        return [
            *(
                f"{address}: {ends[answer.outcome]}: {answer.words}"
                for address, answer in self.answers.items()
                if answer.outcome != "sent"
            ),
            *self.stopped,
            *([f"{', '.join(untried[:NAMED])}{more}: not tried yet; send again"] if untried else []),
        ]


def open_way(settings: Recipients) -> Way:
    """The way out that the file of recipients gives; nothing is connected yet."""
    return SmtpWay(settings.smtp) if settings.smtp else GraphWay(cast(GraphMailbox, settings.graph))


def check_size(mailing: Mailing, one: Letter, most: int) -> None:
    """Refuse what is larger than the way out takes; the letters of a mailing differ by their heads alone.

    Raises:
        KitError: with the sizes.
    """
    size = len(one.whole)
    if size > most:
        files = ", ".join(f"{each.name} {megabytes(len(each.content))}" for each in mailing.content.attachments)
        raise KitError(
            f"a message to {mailing.name} has {megabytes(size)} ({files}, and a third more as mail), "
            f"and this way takes {megabytes(most)}; let lists.{mailing.name}.attach name less"
        )


def write_letters(letters: Iterable[Letter], folder: Path) -> list[Path]:
    """Write messages as they would go out, for mail programs to open (.eml)."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.eml"):
        old.unlink()
    files = []
    for number, each in enumerate(letters, start=1):
        whom = re.sub(r"[^\w.@+-]", "_", each.addresses[0]) if len(each.addresses) == 1 else "all"
        files.append(folder / f"{number:03d}-{whom}.eml")
        files[-1].write_bytes(each.whole)
    return files


def send(mailing: Mailing, due: Due, ledger: Ledger, way: Way, say: Callable[[str], None], *, why: str = "") -> Report:
    """Send a mailing to those who are due; the ledger has every step when this ends, however it ends.

    ``say`` hears of each address as it is done. What was temporary is tried again after a while; what is still not
    taken then is left for the next run.

    Raises:
        KitError: the ledger cannot be written.
    """
    report = Report(tuple(person.address for person in due.people))
    waiting = list(mailing.letters(due, datetime.now(UTC)))
    for pause in (0.0, *WAITS):
        asked = max(
            (report.answers[a].wait for each in waiting for a in each.addresses if a in report.answers), default=0
        )
        time.sleep(max(pause, min(asked, LONGEST_WAIT)))
        waiting = _round(mailing, waiting, ledger, way, say, why, report)
        if not waiting or report.stopped:
            break
    return report


def _round(
    mailing: Mailing, letters: Sequence[Letter], ledger: Ledger, way: Way, say: Callable[[str], None], why: str,
    report: Report,
) -> list[Letter]:  # fmt: skip
    """One try of each letter; those that are to be tried again."""
    again: list[Letter] = []
    ends: list[str] = []  # how the last letters ended that were not taken, one after another
    for number, each in enumerate(letters):
        found = _one(mailing, each, ledger, way, why)
        if isinstance(found, KitError):
            report.stopped = found.faults
            return []
        report.answers |= found
        for address, answer in found.items():
            if answer.outcome != "later":
                say(address)
        if left := tuple(address for address, answer in found.items() if answer.outcome == "later"):
            again.append(replace(each, addresses=left))
        is_sent = any(answer.outcome == "sent" for answer in found.values())
        ends = [] if is_sent else [*ends, *{answer.words for answer in found.values()}]
        if len(ends) >= IN_A_ROW and left:
            return [*again, *letters[number + 1 :]]
        if len(ends) >= IN_A_ROW and len(set(ends[-IN_A_ROW:])) == 1 and number + 1 < len(letters):
            report.stopped = (
                f"{IN_A_ROW} in a row ended in the same words, so the rest was not tried; see to the cause, "
                "and send again, with --again REASON also to these",
            )
            return []
    return again


def _one(mailing: Mailing, each: Letter, ledger: Ledger, way: Way, why: str) -> dict[str, Answer] | KitError:
    """Hand one letter over, with its steps on record."""

    def record(address: str, outcome: Outcome, answer: str = "") -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        is_test = mailing.to is not None
        audience = mailing.mail_list.audience
        ledger.write(
            Entry(at, mailing.version, audience, mailing.name, address, each.id, outcome, answer, why, is_test)
        )

    handed: list[str] = []
    with ExitStack() as end:

        def handing_over(addresses: Sequence[str]) -> None:
            end.enter_context(finishing())  # who stops it now would leave it unknown whether this letter was taken
            for address in addresses:
                record(address, HANDING_OVER)
                handed.append(address)

        try:
            answers = dict(way.send(each, handing_over))
        except KitError as error:  # nothing goes out this way, and so this letter did not either
            for address in handed:
                record(address, "later", error.faults[0])
            return error
        for address, answer in answers.items():
            record(address, answer.outcome, answer.words)
    return answers


def tell_owner(mailing: Mailing, report: Report, way: Way) -> bool:
    """Tell the pack's owner, and nobody else, who was not reached; says whether that was taken."""
    lines = [
        f"{mailing.subject}, to the list {mailing.name}:",
        "",
        *(f"- {failure}" for failure in report.failures()),
        "",
        f"{len(report.sent)} got it now; kpi-review send {mailing.found.request.period.label} --status tells all.",
    ]
    notice = letter(
        Content("\n".join(lines) + "\n"), {mailing.owner: "to"}, sender=mailing.sender, owner=mailing.owner,
        subject=f"Not everybody of {mailing.name} was reached", key=uuid.uuid4().hex, at=datetime.now(UTC),
    )  # fmt: skip
    try:
        answers = way.send(notice, lambda addresses: None)
    except KitError:
        return False
    return all(answer.outcome == "sent" for answer in answers.values())
