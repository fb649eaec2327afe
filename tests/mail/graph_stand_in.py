"""A small stand-in for Microsoft Graph and the login of Microsoft Entra, which answers as they are documented to.

learn.microsoft.com/graph: api/user-sendmail, api/user-post-messages, outlook-large-attachments, api/message-send.
"""
# ruff: noqa: N815 - http.server finds its methods by the verbs of HTTP

import base64
import json
import re
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

MAILBOX = "kpi@example.com"
APP = {"tenant": "example.com", "client": "11111111-2222-3333-4444-555555555555"}
APP_SECRET = "app~secret~of~the~application"
REQUEST_LIMIT = 4 * 1024 * 1024
LEAST_UPLOAD = 2_097_152
UPLOAD_TOKEN = "upload-token-that-nobody-may-see"


@dataclass
class Draft:
    """A message that is not sent yet."""

    message: dict
    attachments: list[dict] = field(default_factory=list)


@dataclass
class Stand:
    """What the stand-in is told to do and what it has seen.

    ``faults`` gives, by the end of a path, what happens there the next times: an answer ``(status, code, headers)``,
    ``"drop"`` for hanging up before anything is done, ``"done"`` for hanging up after it was done.
    """

    url: str = ""
    good: set[str] = field(default_factory=lambda: {"good"})  # tokens
    login: tuple[int, dict] | None = None  # what the login server answers instead of a token
    lasts: int = 3599
    knows: bool = True  # whether the token lets one look at users
    faults: dict[str, list] = field(default_factory=dict)

    requests: list[str] = field(default_factory=list)
    forms: list[dict] = field(default_factory=list)
    drafts: dict[str, Draft] = field(default_factory=dict)
    uploads: dict[str, dict] = field(default_factory=dict)
    sent: list[EmailMessage | Draft] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    @property
    def reached(self) -> list[str]:
        """Every address that something was sent to."""
        return [address for message in self.sent for address in readers(message)]


def readers(message: EmailMessage | Draft) -> list[str]:
    if isinstance(message, Draft):
        found = [message.message.get(f"{kind}Recipients", []) for kind in ("to", "cc", "bcc")]
        return [each["emailAddress"]["address"] for people in found for each in people]
    return [each.addr_spec for kind in ("to", "cc", "bcc") if kind in message for each in message[kind].addresses]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand: Stand

    def log_message(self, *args) -> None:
        pass

    def answer(self, status: int, body: dict | None = None, headers: dict | None = None) -> None:
        content = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        for name, value in {"Content-Length": len(content), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def refuse(self, status: int, code: str, headers: dict | None = None, message: str = "told by the server") -> None:
        self.answer(status, {"error": {"code": code, "message": message}}, headers)

    def serve(self) -> None:
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.stand.requests.append(f"{self.command} {path}")
        planned = next((plan for end, plan in self.stand.faults.items() if path.endswith(end) and plan), [])
        fault = planned.pop(0) if planned else None
        if fault == "drop":
            self.close_connection = True
        elif isinstance(fault, tuple):
            self.refuse(*fault)
        elif fault == "done":
            self.answer, self.close_connection = lambda *_, **__: None, True
            self.act(path, body)
        else:
            self.act(path, body)

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def act(self, path: str, body: bytes) -> None:
        if found := re.fullmatch(r"/([^/]+)/oauth2/v2.0/token", path):
            return self.log_in(found[1], body)
        if path.startswith("/upload/"):
            return self.take_piece(path, body)
        if self.headers.get("Authorization") not in {f"Bearer {token}" for token in self.stand.good}:
            return self.refuse(
                401, "InvalidAuthenticationToken", message="Lifetime validation failed, the token is expired."
            )
        user, _, rest = path.removeprefix("/v1.0/users/").partition("/")
        if unquote(user) != MAILBOX:
            return self.refuse(404, "ErrorInvalidUser", message=f"The requested user '{unquote(user)}' is invalid.")
        if len(body) > REQUEST_LIMIT:
            return self.refuse(413, "RequestEntityTooLarge")
        if not rest:
            known = self.answer, (200, {"id": "1"})
            call, args = known if self.stand.knows else (self.refuse, (403, "Authorization_RequestDenied"))
            return call(*args)
        if rest == "sendMail":
            return self.send_mail(body)
        return self.treat_draft(rest.split("/")[1:], body)

    def log_in(self, tenant: str, body: bytes) -> None:
        form = {name: value for name, [value] in parse_qs(body.decode()).items()}
        self.stand.forms.append(form)
        if self.stand.login:
            status, answer = self.stand.login
            return self.answer(status, answer)
        assert tenant == APP["tenant"]
        assert (form["client_id"], form["client_secret"]) == (APP["client"], APP_SECRET)
        assert form["grant_type"] == "client_credentials"
        token = f"app-token-{len(self.stand.forms)}"
        self.stand.good = {token}
        return self.answer(200, {"token_type": "Bearer", "expires_in": self.stand.lasts, "access_token": token})

    def send_mail(self, body: bytes) -> None:
        assert self.headers["Content-Type"] == "text/plain"
        mime = base64.b64decode(body, validate=True)
        if len(mime) > 2240 * 1024:
            return self.answer(200)  # as has been seen, and nothing is sent
        message = message_from_bytes(mime, policy=default)
        if not readers(message):
            return self.refuse(400, "ErrorInvalidRecipients", message="it contains no recipients")
        self.stand.raw.append(mime)
        self.stand.sent.append(message)
        return self.answer(202)

    def treat_draft(self, rest: list[str], body: bytes) -> None:
        drafts = self.stand.drafts
        if not rest:
            message = json.loads(body)
            assert message.get("internetMessageHeaders") != []
            assert all(each["name"].lower().startswith("x-") for each in message.get("internetMessageHeaders", []))
            drafts[f"AAMk{len(drafts)}=/"] = Draft(message)
            return self.answer(201, {"id": [*drafts][-1], "isDraft": True})
        name = unquote(rest[0])
        if name not in drafts:
            return self.refuse(404, "ErrorItemNotFound")
        if self.command == "DELETE":
            del drafts[name]
            return self.answer(204)
        if rest[1:] == ["attachments"]:
            given = json.loads(body)
            given["content"] = base64.b64decode(given.pop("contentBytes"), validate=True)
            drafts[name].attachments.append(given)
            return self.answer(201, {"id": "1"})
        if rest[1:] == ["attachments", "createUploadSession"]:
            item = json.loads(body)["AttachmentItem"]
            if item["size"] < LEAST_UPLOAD:
                return self.refuse(400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize")
            upload = f"/upload/{len(self.stand.uploads)}"
            self.stand.uploads[upload] = {**item, "draft": name, "content": b""}
            url = f"{self.stand.url}{upload}?authtoken={UPLOAD_TOKEN}"
            return self.answer(201, {"uploadUrl": url, "nextExpectedRanges": ["0-"]})
        assert rest[1:] == ["send"]
        self.stand.sent.append(drafts.pop(name))
        return self.answer(202)

    def take_piece(self, path: str, body: bytes) -> None:
        upload = self.stand.uploads[path]
        assert "Authorization" not in self.headers
        assert parse_qs(urlsplit(self.path).query) == {"authtoken": [UPLOAD_TOKEN]}
        begin, end, size = map(int, re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", self.headers["Content-Range"]).groups())
        assert (begin, end, size) == (len(upload["content"]), begin + len(body) - 1, upload["size"])
        assert len(body) <= REQUEST_LIMIT
        is_last = end == size - 1
        assert is_last or len(body) % (320 * 1024) == 0
        upload["content"] += body
        if not is_last:
            return self.answer(200, {"nextExpectedRanges": [f"{end + 1}"]})
        self.stand.drafts[upload["draft"]].attachments.append(upload)
        return self.answer(201, headers={"Location": f"{self.stand.url}/attachment"})


@contextmanager
def graph_stand_in(tls: ssl.SSLContext | None = None, **told) -> Iterator[Stand]:
    """The stand-in, which runs while the block does; what it finds wrong in a request fails the block."""
    stand, wrong = Stand(**told), []

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, address) -> None:
            wrong.append(sys.exc_info()[1])

    server = Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"stand": stand}))
    stand.url = f"http://127.0.0.1:{server.server_port}"
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        stand.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stand
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    lost = (ConnectionError, BrokenPipeError)
    assert [each for each in wrong if not isinstance(each, lost)] == []
