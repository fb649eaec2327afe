"""Codes that others define, checked where they are read: currencies, time zones, locales."""

from __future__ import annotations

import difflib
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator


def _currency(code: str) -> str:
    from babel.numbers import list_currencies

    if code not in list_currencies():
        raise ValueError("must be an ISO 4217 code such as 'EUR'")
    return code


def _timezone(name: str) -> str:
    if name not in available_timezones():
        close = difflib.get_close_matches(name, available_timezones(), n=1) or ["Europe/Berlin"]
        raise ValueError(f"must be an IANA time zone such as {close[0]!r}")
    return name


def _locale(name: str) -> str:
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(name.replace("-", "_")))
    except (ValueError, UnknownLocaleError):
        raise ValueError("must be a locale such as 'en_GB' or 'de_DE'") from None


Currency = Annotated[str, AfterValidator(_currency)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Locale = Annotated[str, AfterValidator(_locale)]
