"""Tokens for XOAUTH2 and for Microsoft Graph: read as a secret, or fetched by an application with its own."""

from __future__ import annotations

import base64
import binascii
import json
import re
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx

from helpers.errors import KitError
from helpers.mail.answers import HERE, Later, number, shown, trouble, with_advice
from helpers.mail.recipients import App
from helpers.mail.secrets import Secret

CONNECT, ANSWER = 30, 120  # seconds
NO_ADDRESS = (httpx.InvalidURL, UnicodeError)  # what a host that is no name ends in
NO_ANSWER = (httpx.HTTPError, *NO_ADDRESS)
TOKEN = re.compile(r"[\x21-\x7e]+")
MARGIN = 300  # seconds before its end at which a token is no longer used
SECRETS_PAGE = "Microsoft Entra admin center, App registrations, Certificates & secrets"
# learn.microsoft.com/entra/identity-platform/reference-error-codes
ADVICE = {
    7000215: f"app.secret is not the secret of this application; copy the Value, not the Secret ID, of {SECRETS_PAGE}",
    7000222: f"app.secret has expired; make a new one in {SECRETS_PAGE}",
    700016: "app.client is not known in this tenant; copy Application (client) ID and Directory (tenant) ID of the "
    "app registration",
    90002: "app.tenant is not known; copy Directory (tenant) ID of the app registration",
    900023: "app.tenant is neither an ID nor a domain; copy Directory (tenant) ID of the app registration",
    7000112: "the application is disabled; an administrator has to enable it (Enterprise applications, Properties)",
    53003: "Conditional Access blocks this login; an administrator has to allow the application",
}


class Tokens:
    """The token of one way out: kept while it is good, and got once more when a server refuses it."""

    def __init__(self, source: Secret | App, scope: str) -> None:
        self._source, self._scope = source, scope
        self._token, self._end = "", 0.0

    def current(self) -> str:
        """The token.

        Raises:
            KitError: there is none to be had, with what to do.
            Later: the login server does not answer.
        """
        if not self._token or time.monotonic() > self._end:
            self._get()
        return self._token

    def another(self) -> str:
        """A token in place of one that was refused; empty where there is only that one.

        Raises:
            KitError, Later: as above.
        """
        refused = self._token
        self._get()
        return self._token if self._token != refused else ""

    @property
    def held(self) -> tuple[str, ...]:
        """The token that is at hand, which no message may show."""
        return (self._token,) if self._token else ()

    def _get(self) -> None:
        if isinstance(self._source, App):
            self._token, lasts = _fetched(self._source, self._scope)
            self._end = time.monotonic() + lasts - MARGIN
        else:
            self._token, self._end = self._source.read().strip(), float("inf")
        if not TOKEN.fullmatch(self._token):
            self._token = ""
            raise KitError(
                "the token for the mail is no token: it holds blanks, or letters beyond ASCII; see where it is read"
            )


def claims(token: str) -> Mapping[str, Any]:
    """What a token says about itself, not verified; empty where it is no JWT, as tokens of Google are not."""
    try:
        body = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def validity(token: str) -> str:
    """Until when a token says that it is good, in words; empty where it does not say."""
    try:
        end = datetime.fromtimestamp(int(claims(token)["exp"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return ""
    return f"{'expired at' if end < datetime.now(UTC) else 'good until'} {end:%Y-%m-%d %H:%M} UTC"


def _fetched(app: App, scope: str) -> tuple[str, float]:
    """A token of an application, and how many seconds it lasts."""
    secret = app.secret.read()
    form = {"grant_type": "client_credentials", "client_id": app.client, "client_secret": secret, "scope": scope}
    url = f"{app.login}/{quote(app.tenant, safe='')}/oauth2/v2.0/token"
    timeout = httpx.Timeout(ANSWER, connect=CONNECT)
    try:
        answer = httpx.post(url, data=form, timeout=timeout, verify=ssl.create_default_context())
    except NO_ANSWER as error:
        raise unreachable(app.login, error) from None
    found = in_json(answer)
    token = found.get("access_token")
    if answer.status_code == 200 and isinstance(token, str) and token:
        return token, number(str(found.get("expires_in", "")))
    codes = found.get("error_codes")
    told = str(found.get("error_description") or found.get("error") or "").split("Trace ID")[0]
    words = shown(told, (secret,))
    words = f"{app.login} gives no token: {answer.status_code} {words}".rstrip()
    if answer.status_code == 429 or answer.status_code >= 500:
        raise Later(words, wait_of(answer))
    known = [ADVICE[code] for code in codes if code in ADVICE] if isinstance(codes, list) else []
    raise KitError(with_advice(words, *known))


def in_json(answer: httpx.Response) -> Mapping[str, Any]:
    """The object that an answer holds; empty where it holds none."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def wait_of(answer: httpx.Response) -> float:
    """The seconds that an answer asks to wait."""
    return number(answer.headers.get("Retry-After", ""))


def unreachable(where: str, error: Exception) -> KitError | Later:
    """What to raise for a request that came to no answer: a certificate stops everything, the rest may pass."""
    if isinstance(error, NO_ADDRESS):
        return KitError(f"{where} is no address of a server; see {HERE}")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return KitError(untrusted(where, str(error)))
    return Later(f"{where} does not answer ({trouble(error)})")


def untrusted(where: str, reason: str) -> str:
    """The message for a certificate that cannot be verified."""
    return (
        f"{where}: its certificate cannot be verified ({shown(reason)}); if the server is your own, name the "
        "certificate of its authority in SSL_CERT_FILE"
    )
