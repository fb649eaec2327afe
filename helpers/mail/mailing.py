"""What is sent to whom: a pack for the readers of a list, those of them who are due, and their letters."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from helpers.errors import KitError, nearest
from helpers.language import _, speaking
from helpers.mail.ledger import Entry, Ledger, read_ledger
from helpers.mail.letter import Attachment, Content, Letter, letter
from helpers.mail.message import Message, message_of
from helpers.mail.recipients import Form, Kind, MailList, Person, Recipients, read_person
from helpers.pack.archive import published_versions
from helpers.pack.made_from import audiences_of
from helpers.pack.verify import Opened, opened

FILES: Mapping[Form, tuple[str, str]] = {
    "pdf": ("pack.pdf", "application/pdf"),
    "xlsx": ("figures.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "html": ("pack.html", "text/html"),
    "pptx": ("pack.pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
}
NAMED = 12  # people who are named one by one
LABEL = re.compile(r"[\w-]+")
PUBLISHED = "published"


@dataclass(frozen=True)
class Due:
    """Who is to get a letter now, and what there is to tell of the others.

    ``open`` are those who may have it, or whose server refused it, and who get nothing without a reason.
    """

    people: Mapping[Person, Kind]
    told: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mailing:
    """A pack for a list.

    ``version`` names it in the ledger. ``to`` is somebody who tests the mail, in place of the readers of the list.
    """

    found: Opened
    version: str
    recipients: Recipients
    name: str
    message: Message
    content: Content
    to: Person | None = None

    @property
    def mail_list(self) -> MailList:
        return self.recipients.list(self.name)

    @property
    def sender(self) -> Person:
        return read_person(self.recipients.sender)

    @property
    def owner(self) -> Person:
        return read_person(self.recipients.owner)

    @property
    def subject(self) -> str:
        """The subject, with what a reader must know of the version."""
        told = self.message
        asked = self.mail_list.subject.format(company=told.company, title=told.title, period=told.period)
        with speaking(told.language):
            remarks = _(", ").join(filter(None, [told.status, _("test") if self.to else ""]))
            subject = _("{name} ({note})") if remarks else "{name}"
        return subject.format(name=" ".join(asked.split()), note=remarks)

    def letters(self, due: Due, at: datetime) -> Iterator[Letter]:
        """The letters of those who are due: one each, or one for all of a list whose readers see each other."""
        shared = [dict(due.people)] if self.mail_list.see_each_other else []
        pack = hashlib.sha256("".join(self.found.manifest["files"].values()).encode()).hexdigest()  # no other has this
        for readers in shared or [{person: kind} for person, kind in due.people.items()]:
            person = next(iter(readers))
            whom = [self.name] if shared else [self.name, person.key]
            more = ["test", at.isoformat()] if self.to else []
            key = "\n".join([pack, self.mail_list.audience, *whom, *more])
            yield letter(
                self.content, readers, sender=self.sender, owner=self.owner, subject=self.subject, key=key, at=at,
                name=self.name,
            )  # fmt: skip

    def check_newest(self) -> None:
        """Refuse what is not the newest any more: what was read of it may be of another build, or be corrected by now.

        Raises:
            KitError: a draft was built, or a version published, since this one was read.
        """
        draft = self.found.edition is None
        pack = _pack(self.found.request.period.label, self.found.out, draft)
        if _version(pack, draft) != self.version:
            raise KitError(f"{pack} is newer than what was to be sent; nothing was sent, send again")

    def due(self, ledger: Ledger, *, again: bool = False) -> Due:
        """Who is to get it now. Who has it is not sent it again, whichever list it came by.

        Of a corrected version it is exactly those who got one before it. With ``again`` it is also those of whom is
        unknown whether they got it, and those whose server refused it.
        """
        if self.to:
            return Due({self.to: "to"})
        people, told = self._asked(ledger)
        entries = self._entries(ledger)
        found: dict[Person, Kind] = {}
        have: list[str] = []
        still_open: list[str] = []
        for person, kind in people.items():
            entry = entries.get(person.key)
            if entry and entry.outcome == "sent":
                have.append(f"{person.address} has it since {entry.at[:10]}, by list {entry.name}")
            elif entry and entry.outcome in ("unknown", "refused") and not again:
                still_open.append(f"{person.address}: {entry.outcome}, {entry.answer}; send it with --again REASON")
            else:
                found[person] = kind
        most = have[:NAMED] + ([f"{len(have) - NAMED} more have it"] if len(have) > NAMED else [])
        return Due(found, (*most, *told, *still_open), tuple(still_open))

    def _entries(self, ledger: Ledger) -> dict[str, Entry]:
        """What came of this pack for each reader, by this list or another one that gets the same."""
        worth = {"later": 0, "refused": 1, "unknown": 2, "sent": 3}
        found = [each for each in ledger.latest(self.version).values() if each.audience == self.mail_list.audience]
        return {
            each.key: each for each in sorted(found, key=lambda each: (worth[each.outcome], each.name == self.name))
        }

    def _asked(self, ledger: Ledger) -> tuple[dict[Person, Kind], list[str]]:
        """The readers of the list; of a correction those who got a version of the same pack before it, by this list."""
        people = self.mail_list.people()
        versions = ledger.versions() if self.found.edition else [self.version]
        before = [
            entry
            for version in versions[: versions.index(self.version) if self.version in versions else None]
            for entry in ledger.latest(version).values()
            if entry.name == self.name and entry.outcome in ("sent", "unknown")
        ]
        known = {person.key: (person, kind) for person, kind in people.items()}
        earlier = {entry.key: entry for entry in before if entry.audience == self.mail_list.audience}
        others = {entry.key: entry for entry in before if entry.key not in {**earlier, **known}}  # of another audience
        told = [
            f"{entry.address} got {entry.version} of {f'audience {entry.audience}' if entry.audience else 'the whole'} "
            f"by {self.name}, which gets another pack now, and so nothing of it"
            for entry in others.values()
        ]
        if not earlier:
            return people, told
        asked: dict[Person, Kind] = {}
        for key, entry in earlier.items():
            person, kind = known.get(key, (Person("", entry.address), "to"))
            if not self.recipients.may_get(person):  # and so of the list no more, which would be refused
                told.append(f"{person.address} got {entry.version}, is no longer of allowed_domains, and gets no more")
                continue
            asked[person] = kind
            if key not in known:
                told.append(f"{entry.address} is no longer of {self.name}, and gets what corrects {entry.version}")
        label, _, held = (self.found.manifest["compared_with"] or "").partition("/")
        behind = [entry for entry in earlier.values() if entry.version != held]
        if behind and label == self.found.request.period.label:
            told.append(f"{len(behind)} of them got no {held}, and the message tells only what changed since that")
        told += [
            f"{person.address} got no version before {self.version} by {self.name}, which corrects it; "
            "a list of their own gets it as it is"
            for key, (person, _) in known.items()
            if key not in earlier
        ]
        return asked, told

    def told(self, due: Due) -> list[str]:
        """What is about to be sent, in lines."""
        listed, people = self.mail_list, list(due.people)
        audience = f", audience {listed.audience}" if listed.audience else ", the whole pack"
        audience += f", rows {self._rows}" if self._rows else ""
        attached = [f"{each.name} ({megabytes(len(each.content))})" for each in self.content.attachments]
        what = self.version if self.found.edition else "the draft"
        return [
            self.subject,
            f"  {what} of {self.found.request.period.label}, to {self.name}{audience}",
            f"  from {self.sender}, answers to {self.owner}",
            f"  attached: {', '.join(attached) or 'nothing'}",
            *(f"  to {person}" for person in people[:NAMED]),
            *([f"  and {len(people) - NAMED} more"] if len(people) > NAMED else []),
            *(f"  {line}" for line in due.told),
        ]

    @property
    def _rows(self) -> str:
        """The row filter of the audience, as the pack was built with."""
        audience = self.found.request.review.audiences.get(self.mail_list.audience)
        return audience.rows if audience else ""


def ledger_path(out: Path, label: str, *, draft: bool) -> Path:
    """Where the ledger of a period's published versions is, or that of its drafts.

    Raises:
        KitError: the label cannot be that of a period, and so names no folder of packs.
    """
    if not LABEL.fullmatch(label):
        raise KitError(f"{label} is no period; name one such as 2026Q3")
    return out / ".builds" / f"{label}-sent.jsonl" if draft else out / PUBLISHED / label / "sent.jsonl"


def who_has_it(out: Path, label: str) -> list[str]:
    """What came of each letter of a period, version by version, the newest published one first; in lines.

    Raises:
        KitError: a ledger cannot be read.
    """
    lines = []
    for draft in (False, True):
        ledger = read_ledger(ledger_path(out, label, draft=draft))
        for version in reversed(ledger.versions()):
            lines.append(f"{label}, {'draft ' if draft else ''}{version.removeprefix(f'{label}-')}")
            for each in ledger.latest(version).values():
                at = each.at[:16].replace("T", " ")
                whose = f" ({each.audience})" if each.audience else ""
                lines.append(f"  {each.name}{whose}  {each.address}  {each.outcome}  {at} UTC  {each.answer}".rstrip())
    return lines or [f"nothing of {label} was sent from {out}"]


def read_mailing(
    label: str, name: str, recipients: Recipients, out: Path, root: Path, *, draft: bool = False, to: str = ""
) -> Mailing:
    """The newest published version of a period for a list, or the draft; its files are as they were written.

    Raises:
        KitError: nothing is published, a file is not as its manifest says, the list asks for what the pack lacks,
            ``to`` is no address that mail may go to, or there is a newer one by now.
    """
    mail_list, person = recipients.list(name), _tester(recipients, to) if to else None
    pack = _pack(label, out, draft)
    version = _version(pack, draft)
    found = opened(pack, root)
    if mail_list.audience and mail_list.audience not in (known := audiences_of(found.made_from)):
        raise KitError(
            f"{recipients.path}: lists.{name}.audience == {mail_list.audience!r}, "
            f"is none of {found.folder}{nearest(mail_list.audience, known)}"
        )
    attachments = list(_attachments(found, mail_list, name, f"kpi-review-{label}-{'draft' if draft else version}"))
    sizes = [(each.name, len(each.content)) for each in attachments]
    message = message_of(found, mail_list.audience, mail_list.language, sizes)
    content = Content(message.text, message.html, message.pictures, attachments)
    made = Mailing(found, version, recipients, name, message, content, person)
    made.check_newest()
    return made


def _tester(recipients: Recipients, to: str) -> Person:
    try:
        person = read_person(to)
    except ValueError as error:
        raise KitError(f"--to {to!r} {error}") from None
    if not recipients.may_get(person):
        raise KitError(f"--to {to}: must be of allowed_domains: {', '.join(recipients.allowed_domains)}")
    return person


def _pack(label: str, out: Path, draft: bool) -> Path:
    """The folder of the newest published version, or of the draft."""
    if draft:
        if not (out / label).is_symlink():
            raise KitError(f"{out / label} is no draft; build it first: kpi-review build --period {label} --source …")
        return out / label
    if not (versions := published_versions(out / PUBLISHED, label)):
        raise KitError(
            f"nothing of {label} is published in {out / PUBLISHED}; publish it first (kpi-review publish {label}), "
            "or send the draft to those who review it (--draft)"
        )
    return versions[-1].folder


def _version(pack: Path, draft: bool) -> str:
    """What a ledger calls a pack: a draft by its build."""
    return pack.resolve().parent.name if draft else pack.name


def _attachments(found: Opened, mail_list: MailList, name: str, stem: str) -> Iterator[Attachment]:
    """The files that a list gets, as the manifest knows them."""
    for form in mail_list.attach:
        file, kind = FILES[form]
        path = "/".join(filter(None, [mail_list.audience, file]))
        known = found.manifest["files"].get(path)
        if known is None:
            hint = "; build it with --deck" if form == "pptx" else ""
            raise KitError(f"lists.{name}.attach asks for {form}, and {found.folder} has no {path}{hint}")
        content = (found.folder / path).read_bytes()
        if hashlib.sha256(content).hexdigest() != known:
            raise KitError(f"{found.folder / path} was changed; restore it, or build and publish it again")
        if mail_list.pdf_password:
            content = _locked(content, mail_list.pdf_password.read())
        yield Attachment(f"{stem}{Path(file).suffix}", kind, content)


def _locked(pdf: bytes, password: str) -> bytes:
    """A PDF that opens with a password (AES, 256 bits)."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    writer.encrypt(password, algorithm="AES-256")
    found = io.BytesIO()
    writer.write(found)
    return found.getvalue()


def megabytes(size: int) -> str:
    """A size as people read it.

    >>> megabytes(1_234_567), megabytes(2_100)
    ('1.2 MB', '2 kB')
    """
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(round(size / 1e3), 1)} kB"
