"""``params/recipients.yml``: the lists of readers, what each gets, and the way their mail goes out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, NamedTuple

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, model_validator

from helpers.errors import KitError, nearest, refuse
from helpers.mail.secrets import Secret
from helpers.strict_yaml import FromFile, Frozen, Places, read_model
from helpers.texts import UNPRINTABLE

LOCAL = ("localhost", "127.0.0.1", "::1")  # where a connection may be plain
WRITTEN = re.compile(r"\s*(?:(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>|(?P<bare>[^<>]*?))\s*")
SUBJECT_FIELDS = ("company", "title", "period")
Kind = Literal["to", "cc", "bcc"]
Form = Literal["pdf", "xlsx", "html", "pptx"]


class Person(NamedTuple):
    """A reader: a name, which may be empty, and an address in ASCII, as mail servers take it."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()

    @property
    def key(self) -> str:
        """What tells two addresses apart: their letters, large or small."""
        return self.address.lower()


def read_person(written: str) -> Person:
    """``Ann Lee <ann@example.com>``, or the address alone.

    >>> read_person("Ann Lee <Ann@Example.com>")
    Person(name='Ann Lee', address='Ann@example.com')

    Raises:
        ValueError: it is no address that mail servers take.
    """
    found = WRITTEN.fullmatch(written)
    if not found or UNPRINTABLE.search(written) or "\n" in written or "\t" in written:
        raise ValueError("must be an address such as Ann Lee <ann@example.com>, in one line")
    address = (found["address"] if found["bare"] is None else found["bare"]).strip()
    try:
        checked = validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        reason = str(error)[:1].lower() + str(error)[1:].rstrip(".")
        raise ValueError(f"must be an address such as Ann Lee <ann@example.com>: {reason}") from None
    return Person((found["name"] or "").strip(' "'), checked.ascii_email or "")


def _address(written: str) -> str:
    read_person(written)
    return written


def _domain(name: str) -> str:
    try:
        return validate_email(f"a@{name}", check_deliverability=False).ascii_domain.lower()
    except EmailNotValidError:
        raise ValueError(
            "must be a domain such as example.com; each stands for itself, not for those below it"
        ) from None


def _subject(text: str) -> str:
    try:
        fields = {tuple(field) for _, *field in Formatter().parse(text) if field[0] is not None}
    except ValueError:
        fields = {()}
    if (
        not fields <= {(name, "", None) for name in SUBJECT_FIELDS}
        or UNPRINTABLE.search(text)
        or "\n" in text
        or not text.strip()
    ):
        names = ", ".join(f"{{{name}}}" for name in SUBJECT_FIELDS)
        raise ValueError(f"must be one line, in which {names} are filled in, and no other braces")
    return text


def _https(url: str) -> str:
    if not re.fullmatch(r"https://[^\s/]+|http://(localhost|127\.0\.0\.1)(:\d+)?", url):
        raise ValueError("must be an address such as https://graph.microsoft.com, without a path")
    return url


Written = Annotated[str, AfterValidator(_address)]
Url = Annotated[str, AfterValidator(_https)]


class App(Frozen):
    """An application registered with Microsoft Entra, which gets its own tokens."""

    tenant: str
    client: str
    secret: Secret
    login: Url = "https://login.microsoftonline.com"


class SmtpServer(Frozen):
    """A mail server, and how one logs in there: by password, by token (XOAUTH2), or not at all."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: Secret | None = None
    token: Secret | None = None
    app: App | None = None

    @model_validator(mode="after")
    def _is_safe(self) -> SmtpServer:
        given = [each for each in (self.password, self.token, self.app) if each is not None]
        if len(given) > 1:
            raise ValueError("must give one of password, token and app")
        if bool(given) != bool(self.user):
            raise ValueError("must give user together with one of password, token and app, or none of them")
        if self.security == "none" and self.host not in LOCAL:
            raise ValueError("must have security: starttls or tls; plain connections go to localhost alone")
        if self.security == "none" and given:
            raise ValueError("must have security: starttls or tls where one logs in")
        return self

    @property
    def at(self) -> int:
        return self.port or {"tls": 465, "starttls": 587, "none": 25}[self.security]


class GraphMailbox(Frozen):
    """A mailbox of Microsoft 365 that sends through Microsoft Graph."""

    mailbox: Written
    token: Secret | None = None
    app: App | None = None
    url: Url = "https://graph.microsoft.com"

    @model_validator(mode="after")
    def _has_a_token(self) -> GraphMailbox:
        if (self.token is None) == (self.app is None):
            raise ValueError("must give one of token and app")
        return self


class MailList(Frozen):
    """Readers who get the same: of which audience, which files, in which language.

    ``audience`` is one of the review, whose rows and columns they may see; the whole pack where it is empty.
    Each gets a message of their own, unless they are to ``see_each_other``.
    """

    to: tuple[Written, ...] = ()
    cc: tuple[Written, ...] = ()
    bcc: tuple[Written, ...] = ()
    see_each_other: bool = False
    audience: str = ""
    attach: tuple[Form, ...] = ("pdf",)
    pdf_password: Secret | None = None
    subject: Annotated[str, AfterValidator(_subject)] = "{company} – {title} {period}"
    language: Literal["en", "zh_Hans", "zh_Hant", "ru"] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> MailList:
        if not (self.to or self.cc or self.bcc):
            raise ValueError("must name somebody under to, cc or bcc")
        if self.pdf_password and set(self.attach) != {"pdf"}:
            raise ValueError("must attach the pdf alone where it has a pdf_password, which protects no other file")
        return self

    def people(self) -> dict[Person, Kind]:
        """The readers of the list, and whether each stands in to, cc or bcc."""
        kinds: Mapping[Kind, tuple[str, ...]] = {"to": self.to, "cc": self.cc, "bcc": self.bcc}
        return {read_person(each): kind for kind, written in kinds.items() for each in written}


class Recipients(FromFile):
    """Who gets the pack, and how.

    ``owner`` is told of failures, answers go there, and so do those who want to leave a list.
    """

    sender: Written
    owner: Written
    allowed_domains: tuple[Annotated[str, AfterValidator(_domain)], ...] = Field(min_length=1)
    smtp: SmtpServer | None = None
    graph: GraphMailbox | None = None
    lists: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")], MailList] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_way(self) -> Recipients:
        if (self.smtp is None) == (self.graph is None):
            raise ValueError("must give one way out, smtp or graph")
        return self

    def list(self, name: str) -> MailList:
        """A list by name.

        Raises:
            KitError: there is none of that name.
        """
        if name not in self.lists:
            raise KitError(f"{self.path}: {name!r} is no list{nearest(name, self.lists)}")
        return self.lists[name]

    def may_get(self, person: Person) -> bool:
        """Whether an address is of a domain that mail may go to."""
        return person.domain in self.allowed_domains


def load_recipients(path: Path) -> Recipients:
    """The file of recipients, read and checked.

    Raises:
        KitError: with every fault of the file.
    """
    found = read_model(path, Recipients)
    refuse([*_not_allowed(found), *_given_twice(found)])
    return found


def _written(found: Recipients) -> Iterator[tuple[tuple[int | str, ...], Person]]:
    """Every reader of every list with its place."""
    for name, each in found.lists.items():
        for kind, given in (("to", each.to), ("cc", each.cc), ("bcc", each.bcc)):
            for i, text in enumerate(given):
                yield ("lists", name, kind, i), read_person(text)


def _not_allowed(found: Recipients) -> Iterator[str]:
    places = Places(found.path)
    for at, person in chain(_written(found), [(("owner",), read_person(found.owner))]):
        if not found.may_get(person):
            domains = ", ".join(found.allowed_domains)
            yield f"{places.where(*at)} == {person.address!r}, must be of allowed_domains: {domains}"


def _given_twice(found: Recipients) -> Iterator[str]:
    places, first = Places(found.path), dict[tuple[int | str, str], str]()
    for at, person in _written(found):
        key = (at[1], person.key)
        if key in first:
            yield f"{places.where(*at)} == {person.address!r}, is given before, in {first[key]}; name each once"
        first.setdefault(key, ".".join(map(str, at[:3])))
