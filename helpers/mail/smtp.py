"""Mail out through a mail server, step by step, so that it is exact whether a letter was taken.

Up to the dot that ends a letter nothing is taken, whatever happens; from then on the server's answer alone tells.
"""

from __future__ import annotations

import base64
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from helpers.errors import KitError
from helpers.mail.answers import HERE, Answer, Later, meaning, number, shown, tried_once, trouble, with_advice
from helpers.mail.letter import Letter
from helpers.mail.recipients import SmtpServer
from helpers.mail.secrets import Secret
from helpers.mail.tokens import Tokens, untrusted, validity

MOST_BYTES = 20_000_000  # servers that pass a message on often take no more
CONNECT, COMMAND, AFTER_DATA = 30, 120, 600  # seconds; ten minutes after the data are RFC 5321's, section 4.5.3.2
AT_ONCE = 64 * 1024  # bytes of a letter, for each of which COMMAND holds


class Reply(NamedTuple):
    """A server's answer: its code, and the code with its words in one line."""

    code: int
    words: str

    @property
    def is_refusal(self) -> bool:
        return 500 <= self.code < 600


class _Lost(Later):
    """The connection is gone, or the server has said that it ends it."""


class SmtpWay:
    """A mail server: one connection for many letters, made when it is needed and again after a loss."""

    def __init__(self, settings: SmtpServer) -> None:
        self._settings = settings
        self._where = f"{settings.host}:{settings.at}"
        source = settings.app or settings.token
        self._tokens = Tokens(source, "https://outlook.office365.com/.default") if source else None
        self._secrets: tuple[str, ...] = ()  # what no message may show
        self._server: smtplib.SMTP | None = None
        self._login = "no login"

    @property
    def most_bytes(self) -> int:
        """What a letter may have: our limit, or that of the server where it is less."""
        with tried_once("smtp"):
            offered = self._connected().esmtp_features.get("size", "")
        return min(MOST_BYTES, number(offered) or MOST_BYTES)

    def send(self, letter: Letter, handing_over: Callable[[Sequence[str]], None]) -> Mapping[str, Answer]:
        """Hand a letter over, for every address that the server takes."""
        whole = letter.whole
        if not whole.count(b"\r\n") == whole.count(b"\n") == whole.count(b"\r") or not whole.endswith(b"\r\n"):
            raise ValueError("a letter whose lines do not all end in CRLF, at which a server might end it early")
        answers: dict[str, Answer] = {}
        try:
            self._begin(letter.sender, whole)
            for address in letter.addresses:
                if answer := self._name(address):
                    answers[address] = answer
            taken = [address for address in letter.addresses if address not in answers]
            refusal = self._write(whole) if taken else None
            if taken and not refusal:
                handing_over(tuple(taken))
                return answers | dict.fromkeys(taken, self._end())
            answers |= {address: refusal for address in taken if refusal}
            self._command("RSET")
        except Later as passing:
            if isinstance(passing, _Lost):
                self._drop()
            answers = dict.fromkeys(letter.addresses, Answer("later", str(passing), passing.wait)) | answers
        except BaseException:
            self._drop()
            raise
        return answers

    def check(self) -> list[str]:
        """Connect, log in and say good-bye."""
        try:
            most = self.most_bytes
            with tried_once("smtp"):
                server = self._connected()
                self._must(250, "does not answer NOOP", self._command("NOOP"))
            return [
                f"{self._where} answers, {_security(server)}",
                self._login,
                f"a message may have {most / 1e6:.1f} MB",
            ]
        finally:
            self.close()

    def close(self) -> None:
        """End the connection."""
        with suppress(Later):
            if self._server:
                self._command("QUIT", CONNECT)
        self._drop()

    def _begin(self, sender: str, whole: bytes) -> None:
        """MAIL FROM, over a new connection where the one that there was has been lost meanwhile."""
        had_one = self._server is not None
        try:
            self._mail(sender, whole)
        except _Lost:
            self._drop()
            if not had_one:
                raise
            self._mail(sender, whole)

    def _mail(self, sender: str, whole: bytes) -> None:
        offered = self._connected().esmtp_features
        size = f" SIZE={len(whole)}" if "size" in offered else ""
        body = " BODY=8BITMIME" if "8bitmime" in offered and not whole.isascii() else ""
        self._must(250, f"refused the sender {sender}", self._command(f"MAIL FROM:<{sender}>{size}{body}"))

    def _name(self, address: str) -> Answer | None:
        """RCPT TO; an answer where the server does not take the address."""
        reply = self._command(f"RCPT TO:<{address}>")
        if reply.code in (250, 251, 252):
            return None
        # 552 at this point is the limit of the reader's own mailbox
        return self._judged(reply) if reply.code != 552 else Answer("refused", reply.words)

    def _write(self, whole: bytes) -> Answer | None:
        """DATA, and the letter without the dot that ends it; an answer where the server wants none of it."""
        reply = self._command("DATA")
        if reply.code != 354:
            return self._judged(reply)
        server, stuffed = self._connected(), memoryview(whole.replace(b"\r\n.", b"\r\n.."))
        with self._heard():
            for begin in range(0, len(stuffed), AT_ONCE):
                server.send(stuffed[begin : begin + AT_ONCE])
        return None

    def _end(self) -> Answer:
        """The dot, and what the server answers to it."""
        try:
            reply = self._answer(".", AFTER_DATA)
        except Later as lost:
            return Answer("unknown", str(lost))
        if 200 <= reply.code < 300:
            return Answer("sent", reply.words)
        if 400 <= reply.code < 600:
            return self._judged(reply)
        self._drop()  # whatever it is, it is no answer to a letter
        return Answer("unknown", reply.words)

    def _judged(self, reply: Reply) -> Answer:
        """What it means that the server did not take something; what is the sender's fault stops everything."""
        if not reply.is_refusal:
            return Answer("later", reply.words)
        if meaning(reply.words):
            raise self._stop("does not send this", reply)
        return Answer("refused", reply.words)

    def _connected(self) -> smtplib.SMTP:
        """The connection, logged in."""
        if self._server:
            return self._server
        try:
            server = self._server = self._opened()
            self._greet(server)
            if self._settings.security == "starttls":
                if "starttls" not in server.esmtp_features:
                    raise KitError(
                        f"{self._where} offers no STARTTLS, and nothing is sent in the open; {self._other_tls}"
                    )
                with self._heard():
                    server.starttls(context=ssl.create_default_context())
                self._greet(server)
            if self._settings.user:
                self._log_in(server.esmtp_features.get("auth", "").upper().split())
        except BaseException:
            self._drop()
            raise
        return server

    def _opened(self) -> smtplib.SMTP:
        settings = self._settings
        with self._heard():
            if settings.security == "tls":
                context = ssl.create_default_context()
                return smtplib.SMTP_SSL(settings.host, settings.at, timeout=CONNECT, context=context)
            return smtplib.SMTP(settings.host, settings.at, timeout=CONNECT)

    def _greet(self, server: smtplib.SMTP) -> None:
        with self._heard():
            code, words = server.ehlo()
        self._must(250, "does not speak SMTP with extensions", self._reply(code, words))

    def _log_in(self, offered: Sequence[str]) -> None:
        """Log in by token or password; only ever called when the connection is encrypted."""
        if self._tokens:
            if "XOAUTH2" not in offered:
                raise KitError(
                    f"{self._where} takes no tokens (XOAUTH2), but {_listed(offered)}; give password in {HERE}"
                )
            self._by_token(self._tokens)
        elif self._settings.password:
            how = next((how for how in ("PLAIN", "LOGIN") if how in offered), "")
            if not how:
                raise KitError(
                    f"{self._where} takes no passwords (PLAIN, LOGIN), but {_listed(offered)}; "
                    f"give token or app in {HERE}"
                )
            self._by_password(self._settings.password, how)

    def _by_password(self, password: Secret, how: str) -> None:
        user, secret = self._settings.user, password.read()
        plain = _encoded(f"\0{user}\0{secret}")
        self._secrets = (secret, plain, _encoded(secret))
        if how == "PLAIN":
            reply = self._command(f"AUTH PLAIN {plain}")
        else:
            reply = self._command("AUTH LOGIN")
            for said in (user, secret):
                reply = self._command(_encoded(said)) if reply.code == 334 else reply
        self._must(235, f"refused the login of {user}", reply)
        self._login = f"logged in as {user} by password ({how})"

    def _by_token(self, tokens: Tokens) -> None:
        """XOAUTH2; a token that is refused may have expired, so it is got once more."""
        user = self._settings.user
        reply = self._bear(tokens.current())
        if reply.is_refusal and (token := tokens.another()):
            reply = self._bear(token)
        until = " ".join(map(validity, tokens.held))
        until = f"its token {until}" if until else ""
        self._must(235, f"refused the login of {user} by token", reply, until)
        self._login = with_advice(f"logged in as {user} by token (XOAUTH2)", until)

    def _bear(self, token: str) -> Reply:
        said = _encoded(f"user={self._settings.user}\1auth=Bearer {token}\1\1")
        self._secrets = (token, said)
        reply = self._command(f"AUTH XOAUTH2 {said}")
        return self._command("") if reply.code == 334 else reply  # it says why, then waits for an empty line

    def _must(self, code: int, what: str, reply: Reply, more: str = "") -> None:
        """Go on with an expected answer alone."""
        if reply.is_refusal:
            raise self._stop(what, reply, more)
        if reply.code != code:
            raise Later(f"{self._where} {what}: {reply.words}")

    def _stop(self, what: str, reply: Reply, more: str = "") -> KitError:
        """What stops everything: a refusal that has nothing to do with the reader."""
        advice = meaning(reply.words) or f"see smtp and sender in {HERE}, or ask who runs the server"
        return KitError(with_advice(f"{self._where} {what}: {reply.words}", more, advice))

    def _command(self, line: str, patience: float = COMMAND) -> Reply:
        reply = self._answer(line, patience)
        if reply.code == 421:
            raise _Lost(reply.words)
        return reply

    def _answer(self, line: str, patience: float) -> Reply:
        """What the server answers to a line."""
        server = self._server
        if server is None or server.sock is None:
            raise _Lost(f"{self._where}: the connection is closed")
        try:
            server.sock.settimeout(patience)
            server.putcmd(line)
            return self._reply(*server.getreply())
        except (smtplib.SMTPException, OSError) as error:
            raise _Lost(self._lost(error)) from None

    def _reply(self, code: int, words: bytes) -> Reply:
        return Reply(code, shown((f"{code} ".encode() if code > 0 else b"") + words, self._secrets))

    def _lost(self, error: Exception) -> str:
        return f"{self._where}: {trouble(error, self._secrets)}"

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Errors of connecting and writing, told as what passes or as what stops everything."""
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise KitError(untrusted(self._where, error.verify_message)) from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:  # it hung up in the midst of the handshake
            raise _Lost(self._lost(error)) from None
        except ssl.SSLError as error:
            reason = shown(error.reason or str(error))
            raise KitError(f"{self._where} does not speak TLS as expected ({reason}); {self._other_tls}") from None
        except smtplib.SMTPResponseException as error:
            words = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
            self._must(220, "does not serve us", self._reply(error.smtp_code, words))
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            raise _Lost(self._lost(error)) from None

    @property
    def _other_tls(self) -> str:
        """What to try where the server speaks another TLS than we do, or none."""
        other = "starttls (port 587)" if self._settings.security == "tls" else "tls (port 465)"
        return f"perhaps it needs security: {other}"

    def _drop(self) -> None:
        """Forget the connection, without a word."""
        if self._server:
            self._server.close()
        self._server = None


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _listed(offered: Sequence[str]) -> str:
    return shown(", ".join(offered)) or "no login at all"


def _security(server: smtplib.SMTP) -> str:
    sock = server.sock
    return f"{sock.version()} with a verified certificate" if isinstance(sock, ssl.SSLSocket) else "not encrypted"
