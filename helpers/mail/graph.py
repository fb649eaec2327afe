"""Mail out through Microsoft Graph, from a mailbox of Microsoft 365 that no password opens.

A small letter is sent as the MIME that it is, in one request. A larger one is made as a draft, since requests are
limited: its attachments are uploaded to it, then it is sent. The draft is made of the letter's parts and not of MIME:
Exchange hands MIME on as it got it, so nothing says that what is attached to it afterwards goes along
(learn.microsoft.com/graph/outlook-things-to-know-about-send-mail). In a draft no header field can be set but those that
begin with X-, and the plain text is made by Exchange.
"""

from __future__ import annotations

import base64
import logging
import re
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP
from typing import Any, cast
from urllib.parse import quote

import httpx

from helpers.errors import KitError
from helpers.mail.answers import (
    HERE,
    OF_THE_DAY,
    SEND_AS,
    TOO_LARGE,
    Answer,
    Later,
    meaning,
    shown,
    tried_once,
    trouble,
    with_advice,
)
from helpers.mail.letter import END, Letter
from helpers.mail.recipients import App, GraphMailbox, read_person
from helpers.mail.secrets import Secret
from helpers.mail.tokens import (
    ANSWER,
    CONNECT,
    NO_ADDRESS,
    NO_ANSWER,
    Tokens,
    claims,
    in_json,
    unreachable,
    validity,
    wait_of,
)

# Of Exchange Online, unless an administrator changed it: learn.microsoft.com/graph/api/attachment-createuploadsession
MOST_BYTES = 35_000_000
# A request may have 4 MB, and MIME is in base64 in it; beyond 2,240 kB of MIME Graph has been seen to answer 200 and to
# send nothing (github.com/microsoftgraph/microsoft-graph-docs/issues/13979).
IN_ONE_REQUEST = 2_200_000
ATTACHED_AT_ONCE = 3_000_000  # beyond it an attachment needs an upload session
PIECE = 12 * 320 * 1024  # of an upload session: less than 4 MB, in steps of 320 KiB
PASSING = (408, 409, 412, 423, 429)
NEVER_BEGUN = (*NO_ADDRESS, httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
TOO_LARGE_CODES = r"^413|SizeExceeded"
ADVICE = {
    r"ErrorSendAsDenied": SEND_AS,
    TOO_LARGE_CODES: TOO_LARGE,
    r"ExceededMessageLimit|SubmissionQuota": OF_THE_DAY,
    r"SubmissionBlocked": "the mailbox may not send any more, mostly for spam; an administrator has to release it",
    r"^403": "the application needs Mail.Send as application permission with admin consent, for messages of more than "
    f"{IN_ONE_REQUEST / 1e6:.1f} MB also Mail.ReadWrite, and the mailbox within its scope in Exchange",
    r"^404|MailboxNotEnabled": f"graph.mailbox in {HERE} must be a mailbox of this tenant with Exchange Online",
    r"^401": "the token is not accepted; it must be for Microsoft Graph, of this tenant, and not expired",
}
logging.getLogger("httpx").setLevel(logging.WARNING)  # below it would note addresses that hold a token


class GraphWay:
    """A mailbox of Microsoft 365, through one client of HTTP."""

    most_bytes = MOST_BYTES

    def __init__(self, settings: GraphMailbox) -> None:
        self._settings = settings
        self._mailbox = read_person(settings.mailbox).address
        self._user = f"{settings.url}/v1.0/users/{quote(self._mailbox, safe='@')}"
        self._tokens = Tokens(cast(App | Secret, settings.app or settings.token), f"{settings.url}/.default")
        timeout = httpx.Timeout(ANSWER, connect=CONNECT)
        self._client = httpx.Client(timeout=timeout, verify=ssl.create_default_context())

    def send(self, letter: Letter, handing_over: Callable[[Sequence[str]], None]) -> Mapping[str, Answer]:
        """Hand a letter over to all its addresses at once."""
        head = _head(letter)
        try:
            if len(letter.head) + len(letter.content.whole) <= IN_ONE_REQUEST:
                answer = self._send_whole(letter, handing_over)
            else:
                answer = self._send_draft(letter, head, handing_over)
        except Later as passing:
            answer = Answer("later", str(passing), passing.wait)
        return dict.fromkeys(letter.addresses, answer)

    def check(self) -> list[str]:
        """Get a token, read what it allows, and ask for the mailbox."""
        with tried_once("graph"):
            answer = self._request("GET", "?$select=id")
            if answer.status_code not in (200, 403):
                raise self._trouble(answer)
            token = self._tokens.current()
        unseen = "" if answer.status_code == 200 else ", which this token may not look up, nor needs to"
        return [
            f"{self._settings.url} answers for {self._mailbox}{unseen}",
            with_advice(f"logged in by {'application' if self._settings.app else 'token'}", validity(token)),
            *_permissions(token),
            f"a message may have {MOST_BYTES / 1e6:.1f} MB",
        ]

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _send_whole(self, letter: Letter, handing_over: Callable[[Sequence[str]], None]) -> Answer:
        """The letter as MIME; hidden readers stand in Bcc, which Exchange takes out."""
        hidden = f"Bcc: {f',{END} '.join(letter.hidden)}{END}".encode() if letter.hidden else b""
        mime = base64.b64encode(hidden + letter.whole)
        self._tokens.current()  # what fails here is not on the way yet
        handing_over(letter.addresses)
        return self._sent("/sendMail", content=mime, headers={"Content-Type": "text/plain"})

    def _send_draft(self, letter: Letter, head: EmailMessage, handing_over: Callable[[Sequence[str]], None]) -> Answer:
        """The letter as a draft, which is deleted where it was certainly not sent."""
        draft = f"/messages/{quote(self._made(letter, head), safe='')}"
        try:
            for cid, picture in letter.content.pictures.items():
                inline = {"isInline": True, "contentId": cid}
                self._attach(draft, picture, name=f"{cid}.png", contentType="image/png", **inline)
            for each in letter.content.attachments:
                self._attach(draft, each.content, name=each.name, contentType=each.kind)
            handing_over(letter.addresses)
        except BaseException:
            self._discard(draft)
            raise
        try:
            answer = self._sent(f"{draft}/send")
        except (KitError, Later):
            self._discard(draft)
            raise
        if answer.outcome == "refused":
            self._discard(draft)
        return answer

    def _made(self, letter: Letter, head: EmailMessage) -> str:
        """A new draft without attachments; its id."""
        content = letter.content
        people = {f"{kind}Recipients": [_recipient(each) for each in _addressed(head, kind)] for kind in ("to", "cc")}
        own = [{"name": name, "value": str(value)} for name, value in head.items() if name.lower().startswith("x-")]
        message = {
            "subject": str(head["Subject"] or ""),
            "body": {"contentType": "html" if content.html else "text", "content": content.html or content.text},
            "from": _recipient(_addressed(head, "from")[0]),
            "replyTo": [_recipient(each) for each in _addressed(head, "reply-to")],
            **people,
            "bccRecipients": [{"emailAddress": {"address": address}} for address in letter.hidden],
            "internetMessageId": letter.id,
            **({"internetMessageHeaders": own} if own else {}),
        }
        made = self._done(self._request("POST", "/messages", json=message)).get("id")
        if not isinstance(made, str) or not made:
            raise Later(f"{self._settings.url} made a draft and told no id of it")
        return made

    def _attach(self, draft: str, content: bytes, **item: Any) -> None:
        """Attach a file to a draft, in one request or in pieces."""
        if len(content) <= ATTACHED_AT_ONCE:
            encoded = base64.b64encode(content).decode()
            whole = {"@odata.type": "#microsoft.graph.fileAttachment", **item, "contentBytes": encoded}
            self._done(self._request("POST", f"{draft}/attachments", json=whole))
            return
        size = len(content)
        asked = {"AttachmentItem": {"attachmentType": "file", **item, "size": size}}
        session = self._done(self._request("POST", f"{draft}/attachments/createUploadSession", json=asked))
        status = 0
        for begin in range(0, size, PIECE):
            piece = content[begin : begin + PIECE]
            status = self._put(str(session.get("uploadUrl")), piece, f"bytes {begin}-{begin + len(piece) - 1}/{size}")
        if status != 201:
            raise Later(f"{self._settings.url} took {item['name']} without saying that it has all of it")

    def _put(self, url: str, piece: bytes, place: str) -> int:
        """A piece to where the session says, which holds a token of its own and gets none of ours."""
        headers = {"Content-Type": "application/octet-stream", "Content-Range": place}
        try:
            answer = self._client.put(url, content=piece, headers=headers)
        except NO_ANSWER as error:
            raise Later(f"the upload to {self._settings.url} broke off ({type(error).__name__})") from None
        if answer.status_code not in (200, 201):
            words = self._words(answer)
            raise self._trouble(answer) if re.search(TOO_LARGE_CODES, words) else Later(words, wait_of(answer))
        return answer.status_code

    def _discard(self, draft: str) -> None:
        """Delete a draft; one that cannot be deleted stays among the drafts of the mailbox, and is never sent."""
        with suppress(KitError, Later):
            self._request("DELETE", draft)

    def _sent(self, path: str, **content: Any) -> Answer:
        """What came of the request that sends; from its beginning on, only an answer says that nothing was sent."""
        try:
            answer = self._asked("POST", path, **content)
        except NEVER_BEGUN as error:
            raise unreachable(self._settings.url, error) from None
        except httpx.HTTPError as error:
            return Answer("unknown", f"{self._settings.url}: {trouble(error)}")
        status, words = answer.status_code, self._words(answer)
        if status == 202:
            return Answer("sent", words)
        if status == 503 and "Retry-After" in answer.headers:
            raise Later(words, wait_of(answer))
        if status < 300 or status >= 500:  # Exchange has been seen to send after a 504, and to send nothing after a 200
            return Answer("unknown", words)
        if "ErrorInvalidRecipients" in words:
            return Answer("refused", words)
        raise self._trouble(answer)

    def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        """The answer to a request that sends nothing."""
        try:
            return self._asked(method, path, **content)
        except NO_ANSWER as error:
            raise unreachable(self._settings.url, error) from None

    def _asked(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx.Response:
        """The answer to a request; a token that is refused may have expired, so it is got once more."""

        def asked(token: str) -> httpx.Response:
            authorized = {**(headers or {}), "Authorization": f"Bearer {token}"}
            return self._client.request(method, self._user + path, headers=authorized, **content)

        answer = asked(self._tokens.current())
        if answer.status_code == 401 and (token := self._tokens.another()):
            answer = asked(token)
        return answer

    def _done(self, answer: httpx.Response) -> Mapping[str, Any]:
        if answer.status_code not in (200, 201):
            raise self._trouble(answer)
        return in_json(answer)

    def _trouble(self, answer: httpx.Response) -> KitError | Later:
        """What an answer that refuses means, when it certainly did nothing: it passes, or stops everything."""
        words = self._words(answer)
        is_gone = "ErrorItemNotFound" in words  # the draft, which somebody deleted meanwhile
        if answer.status_code in PASSING or answer.status_code >= 500 or is_gone:
            return Later(words, wait_of(answer))
        until = " ".join(map(validity, self._tokens.held)) if answer.status_code == 401 else ""
        advice = meaning(words, ADVICE) or f"see graph in {HERE}"
        return KitError(with_advice(f"{self._settings.url}, {self._mailbox}: {words}", until, advice))

    def _words(self, answer: httpx.Response) -> str:
        error = in_json(answer).get("error")
        told = [error.get("code"), error.get("message")] if isinstance(error, dict) else []
        return shown(" ".join(map(str, filter(None, [answer.status_code, *told]))), self._tokens.held)


def _head(letter: Letter) -> EmailMessage:
    """The head of a letter, of which Graph takes the readers; it has no way to send to fewer of them."""
    head = BytesHeaderParser(policy=SMTP).parsebytes(letter.head)
    named = {each.addr_spec.lower() for kind in ("to", "cc") for each in _addressed(head, kind)}
    wanted = {address.lower() for address in letter.addresses}
    if named | {address.lower() for address in letter.hidden} != wanted:
        others = ", ".join(sorted(named - wanted)) or "nobody"
        raise KitError(
            f"Microsoft Graph sends to all whom a message names, here also to {others}; "
            "those who see each other can only be written to together"
        )
    return head


def _addressed(head: EmailMessage, kind: str) -> tuple[Address, ...]:
    return head[kind].addresses if kind in head else ()


def _recipient(address: Address) -> Mapping[str, Any]:
    return {"emailAddress": {"name": address.display_name or address.addr_spec, "address": address.addr_spec}}


def _permissions(token: str) -> Iterator[str]:
    """What a token says that it allows; one that Exchange gives (RBAC for Applications) does not stand in it."""
    found = claims(token)
    allowed = {*str(found.get("scp", "")).split(), *(found["roles"] if isinstance(found.get("roles"), list) else [])}
    if not found:
        return
    for name, what in (
        ("Mail.Send", ""),
        ("Mail.ReadWrite", f", for messages of more than {IN_ONE_REQUEST / 1e6:.1f} MB"),
    ):
        if name in allowed:
            yield f"the token allows {name}"
        else:
            yield f"the token does not name {name}{what}; Exchange may still allow it"
