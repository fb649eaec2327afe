"""What servers answer: what came of a letter, and which of the refusals are the sender's fault, with what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, NamedTuple

from helpers.errors import KitError
from helpers.texts import one_line

Outcome = Literal["sent", "refused", "unknown", "later"]
HERE = "params/recipients.yml"
SHOWN = 300  # characters of a server's answer
PIECE = 8  # characters of a secret by which it is known


class Answer(NamedTuple):
    """What came of a letter for one address, and the server's words in one line.

    ``later``: it was certainly not taken, and may be tried again, after ``wait`` seconds where the server names them.
    ``unknown``: the connection was lost between the end of the letter and the answer, or the answer leaves it open.
    """

    outcome: Outcome
    words: str
    wait: float = 0


class Later(Exception):
    """A passing trouble before anything was handed over; ``wait`` is what the server asks for, in seconds."""

    def __init__(self, words: str, wait: float = 0) -> None:
        super().__init__(words)
        self.wait = wait


SEND_AS = (
    "the mailbox that logs in may not send in the name of the sender; make sender in params/recipients.yml its own "
    "address, or grant it Send As in the Exchange admin center"
)
OF_THE_DAY = "the provider's limit of the day is reached; run the same command tomorrow, it sends to the rest"
TOO_LARGE = "the message is larger than the provider takes; attach less, or a smaller file"
APP_PASSWORD = "use an app password of the Google account (2-Step Verification gives it), or token"
# As Microsoft and Google list them: learn.microsoft.com, "Email non-delivery reports and SMTP errors in Exchange
# Online" and "SMTP AUTH client submission"; support.google.com/a/answer/3726730, "Gmail SMTP errors and codes".
MEANINGS = {
    r"550 5\.7\.30\b|basic authentication is not supported": (
        "Exchange Online takes no passwords any more; give graph, or smtp with app or token, in params/recipients.yml"
    ),
    r"SmtpClientAuthentication is disabled": (
        "SMTP AUTH is switched off; have it enabled for this mailbox (Microsoft 365 admin center, Manage email apps, "
        "Authenticated SMTP), or give graph in params/recipients.yml"
    ),
    r"535 5\.7\.139\b": (
        "Microsoft Entra blocks this login (security defaults, Conditional Access, or a wrong password); give graph, "
        "or smtp with app, in params/recipients.yml"
    ),
    r"535 5\.7\.3\b": (
        "wrong user or password, or a token without SMTP.Send; for an application: SMTP.SendAsApp, and the mailbox's "
        "permission in Exchange (New-ServicePrincipal, Add-MailboxPermission)"
    ),
    r"5\.7\.57\b|not authenticated to send": (
        "this server sends for those who log in only; give user and password, token or app in params/recipients.yml"
    ),
    r"SendAsDenied|554 5\.2\.252\b|5\.7\.60\b|permissions? to send as": SEND_AS,
    r"550 5\.2\.25[1-5]\b": (
        "Exchange Online has stopped this mailbox after many failures of one kind; see to their cause, wait some hours"
    ),
    r"535 5\.7\.8\b": f"wrong user or password; for Gmail {APP_PASSWORD}",
    r"534 5\.7\.(9|14)\b|application-specific password required": APP_PASSWORD,
    r"must issue a STARTTLS|530 5\.7\.0\b.*TLS": "give security: starttls (or tls) in params/recipients.yml",
    r"^530 ": "this server sends for those who log in only; give user and password, token or app",
    r"\b432 4\.3\.2\b|concurrent connections? limit|sender thread limit": (
        "three connections of a mailbox at once are the limit of Exchange Online; end what else sends from it"
    ),
    r"5\.4\.5\b|daily.{0,20}(sending|user).{0,20}(limit|quota)": OF_THE_DAY,
    r"5\.1\.90\b|5\.7\.23[23]\b|SubmissionQuotaExceeded|reached your daily limit": OF_THE_DAY,
    r"5\.1\.8\b.*sender|5\.7\.50[123]\b|5\.7\.70[58]\b|5\.7\.6(0[6-9]|[1-4][0-9])\b": (
        "the provider has blocked this sender or address for spam; an administrator has to release it"
    ),
    r"5\.7\.26\b": "the sender's domain does not vouch for this server (SPF, DKIM); send through its own server",
    r"5\.7\.(54|64)\b|relay(ing)? (access )?(denied|not permitted|not allowed|prohibited)|unable to relay": (
        "this server does not send to other domains for those who do not log in; give user and password, token or app"
    ),
    r"552 5\.(2\.3|3\.4)\b|exceeds? (fixed )?maximum message size|message size limits?": TOO_LARGE,
    r"STOREDRV\.Submission\S*Quota": "the sender's own mailbox is full, so it may send nothing; empty it",
}


def number(given: str) -> int:
    """What a server gives as a number; 0 for what is none."""
    return int(given) if re.fullmatch("[0-9]{1,9}", given) else 0


def meaning(words: str, known: Mapping[str, str] = MEANINGS) -> str:
    """What to do about a refusal that is the sender's fault; nothing where it may be of one reader.

    ``known`` has the advice by the pattern of the words that ask for it.

    >>> meaning("550 5.4.5 Daily user sending limit exceeded.") == OF_THE_DAY, meaning("550 5.1.1 No such user here")
    (True, '')
    """
    return next((advice for pattern, advice in known.items() if re.search(pattern, words, re.IGNORECASE)), "")


def shown(answer: str | bytes, secrets: tuple[str, ...] = ()) -> str:
    r"""A server's answer in one line that can be printed, cut short, without any of the secrets or a piece of one.

    Servers repeat commands in their answers, so a login comes back in them.

    >>> shown(b"500 5.5.1 Unknown:\r\nAUTH XOAUTH2 dXNlcj1hbm4BYXV0aD0= ", ("dXNlcj1hbm4BYXV0aD1CZWFyZXI=",))
    '500 5.5.1 Unknown: AUTH XOAUTH2 …'
    """
    text = one_line(answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer)
    pieces = {
        secret[i : i + PIECE].lower() for secret in secrets for i in range(max(1, len(secret) - PIECE + 1)) if secret
    }
    words = ("…" if any(piece in word.lower() for piece in pieces) else word for word in text.split(" "))
    text = " ".join(words)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def trouble(error: Exception, secrets: tuple[str, ...] = ()) -> str:
    """What an error says, without its number.

    >>> trouble(ConnectionRefusedError(111, "Connection refused"))
    'Connection refused'
    """
    return shown(re.sub(r"\[Errno -?\d+\] ", "", str(error)), secrets) or type(error).__name__


def with_advice(*parts: str) -> str:
    """Words of a server and what to do, as one message.

    >>> with_advice("550 5.7.30 Not supported.", "", "use graph")
    '550 5.7.30 Not supported; use graph'
    """
    return "; ".join(part.rstrip(". ") for part in parts if part)


@contextmanager
def tried_once(way: str) -> Iterator[None]:
    """What passes, as what one is told when there is nothing to try again; ``way`` is what the settings call it."""
    try:
        yield
    except Later as passing:
        raise KitError(with_advice(str(passing), f"nothing was sent, try again, and see {way} in {HERE}")) from None
