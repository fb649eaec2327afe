"""A mail server that runs in the test on a port of this machine, keeps what it gets, and fails when it is told to.

It is aiosmtpd, which parses the protocol independently of smtplib.
"""
# ruff: noqa: N802 - aiosmtpd finds its hooks by the verbs of SMTP

import asyncio
import base64
import json
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import trustme

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of asyncio, on later versions of Python
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session, auth_mechanism


class Received(NamedTuple):
    """A message as the server took it."""

    sender: str
    addresses: tuple[str, ...]
    content: bytes
    options: tuple[str, ...]


@dataclass
class MailServer:
    """What the server is told to do, and what it has seen; both may be looked at and changed while it runs.

    ``replies`` gives the answer to a command by its verb, by its verb and address, or to the content (``END``).
    ``drops`` are the points at which it hangs up, each once: ``MAIL``, ``DATA`` in the midst of the content, ``END``
    after the content was taken and before it is answered. ``most`` is how many messages a connection may bring.
    """

    port: int = 0
    passwords: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    replies: dict[str, str] = field(default_factory=dict)
    drops: list[str] = field(default_factory=list)
    most: int | None = None
    slow: float = 0  # seconds before the content is answered

    received: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)  # each verb with its argument
    connections: int = 0

    @property
    def reached(self) -> list[str]:
        """Every address that a message was taken for."""
        return [address for message in self.received for address in message.addresses]


class _Handler:
    """The hooks of aiosmtpd."""

    def __init__(self, told: MailServer) -> None:
        self.told = told

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]):
        if reply := self.told.replies.get("MAIL"):
            return reply
        envelope.mail_from, envelope.mail_options = address, options
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]):
        reply = self.told.replies.get(f"RCPT {address}") or self.told.replies.get("RCPT")
        if not reply:
            envelope.rcpt_tos.append(address)
        return reply or "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        reply = self.told.replies.get("END")
        if not reply:
            taken = Received(
                envelope.mail_from, tuple(envelope.rcpt_tos), envelope.original_content, tuple(envelope.mail_options)
            )
            self.told.received.append(taken)
        if "END" in self.told.drops:
            self.told.drops.remove("END")
            server.transport.abort()
        await asyncio.sleep(self.told.slow)
        return reply or "250 2.0.0 taken"

    @auth_mechanism("XOAUTH2")
    async def auth_xoauth2(self, server: SMTP, args: list[str]) -> AuthResult:
        if len(args) < 2:
            return AuthResult(success=False, handled=False)
        user, bearer, *_ = base64.b64decode(args[1]).decode().split("\1")
        user, token = user.removeprefix("user="), bearer.removeprefix("auth=Bearer ")
        if self.told.tokens.get(user) == token:
            return AuthResult(success=True, auth_data=user)
        why = base64.b64encode(json.dumps({"status": "401", "schemes": "Bearer"}).encode()).decode()
        await server.push(f"334 {why}")
        assert await server._reader.readline() == b"\r\n"
        message = self.told.replies.get("TOKEN", "535 5.7.3 Authentication unsuccessful")
        return AuthResult(success=False, handled=False, message=message)

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data) -> AuthResult:
        good = self.told.passwords.get(data.login.decode()) == data.password.decode()
        message = self.told.replies.get("PASSWORD", "535 5.7.8 Error: authentication failed")
        return AuthResult(success=good, handled=False, auth_data=data.login, message=None if good else message)


class _Smtp(SMTP):
    """The protocol, with the faults that no hook can bring about."""

    def __init__(self, told: MailServer, handler: _Handler, **settings) -> None:
        super().__init__(handler, **settings)
        self.told = told
        self.brought = 0

    def connection_made(self, transport) -> None:
        self.told.connections += self._original_transport is None  # not again for STARTTLS
        super().connection_made(transport)

    async def _handle_client(self) -> None:
        if greeting := self.told.replies.get("GREETING"):
            await self.push(greeting)
            self.transport.close()
            return
        await super()._handle_client()

    async def push(self, status) -> None:
        await super().push(status.encode() if isinstance(status, str) else status)

    async def _call_handler_hook(self, command: str, *args):
        if command != "AUTH":  # noted below, without what it carries
            self.told.commands.append(" ".join([command, *filter(None, args[:1])]))
        return await super()._call_handler_hook(command, *args)

    async def smtp_AUTH(self, arg: str) -> None:
        self.told.commands.append(f"AUTH {arg.split()[0]}")
        if reply := self.told.replies.get("AUTH"):
            await self.push(reply.replace("{}", arg))
        else:
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str) -> None:
        if "MAIL" in self.told.drops:
            self.told.drops.remove("MAIL")
            self.transport.abort()
        elif self.told.most is not None and self.brought >= self.told.most:
            await self.push("421 4.7.0 too many messages over this connection")
            self.transport.close()
        else:
            await super().smtp_MAIL(arg)

    async def smtp_DATA(self, arg: str) -> None:
        self.brought += 1
        if reply := self.told.replies.get("DATA"):
            await self.push(reply)
        elif "DATA" in self.told.drops:
            self.told.drops.remove("DATA")
            await self.push("354 go on")
            await self._reader.read(100)
            self.transport.abort()
        else:
            await super().smtp_DATA(arg)


class _Controller(Controller):
    def __init__(self, told: MailServer, **settings) -> None:
        self.told = told
        super().__init__(_Handler(told), hostname="127.0.0.1", port=told.port, **settings)

    def _trigger_server(self) -> None:
        self.port = self.told.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    def factory(self) -> SMTP:
        return _Smtp(self.told, self.handler, **self.SMTP_kwargs)


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """What a server with a certificate for the names shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names or ("localhost", "127.0.0.1")).configure_cert(context)
    return context


@contextmanager
def mail_server(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    size: int = 33_554_432,
    **told,
) -> Iterator[MailServer]:
    """A server that runs while the block does; logins are only offered where the connection is encrypted."""
    server = MailServer(**told)
    controller = _Controller(server, tls_context=starttls, ssl_context=tls, data_size_limit=size, enable_SMTPUTF8=False)
    controller.SMTP_kwargs["authenticator"] = controller.handler.authenticate
    controller.start()
    server.connections = 0  # that of the controller itself
    try:
        yield server
    finally:
        controller.stop()
