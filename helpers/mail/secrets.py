"""Passwords and tokens of the mail: named in a file, read from elsewhere when they are needed, never shown."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from helpers.errors import KitError
from helpers.strict_yaml import Frozen

PATIENCE = 60  # seconds that a command may take
VARIABLE, IN_KEYRING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), re.compile(r"[^/]+/.+")


def _of_form(form: re.Pattern[str], what: str) -> AfterValidator:
    """A name of a form; one that is not is never shown, since people write the secret itself there."""

    def checked(name: str) -> str:
        if not form.fullmatch(name):
            raise PydanticCustomError("hidden", "must be {what}, not the secret itself", {"what": what})
        return name

    return AfterValidator(checked)


class _Secret(Frozen):
    """Where a secret is read from: a variable of the environment, the keyring, or what a command prints.

    ``keyring`` is ``SERVICE/USER``; ``command`` is a program and its arguments, run without a shell.
    """

    environment: Annotated[str, _of_form(VARIABLE, "the name of a variable")] | None = None
    keyring: Annotated[str, _of_form(IN_KEYRING, "SERVICE/USER")] | None = None
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> _Secret:
        if sum(each is not None for each in (self.environment, self.keyring, self.command)) != 1:
            raise ValueError("must give one of environment, keyring and command")
        return self

    def read(self) -> str:
        """The secret itself.

        Raises:
            KitError: it is not there; the message says where it was looked for, never what was found.
        """
        if self.environment:
            found, where = os.environ.get(self.environment, ""), f"environment variable {self.environment} is not set"
        elif self.keyring:
            found, where = _from_keyring(self.keyring), f"the keyring holds nothing under {self.keyring}"
        else:
            found, where = _printed(self.command or ()), f"{(self.command or ('',))[0]} printed nothing"
        if not found:
            raise KitError(f"{where}; the mail needs it")
        return found


def _named(written: Any) -> Any:
    if not isinstance(written, dict):
        raise PydanticCustomError(
            "hidden", "must name where the secret is, such as {example}", {"example": "{environment: NAME}"}
        )
    return written


Secret = Annotated[_Secret, BeforeValidator(_named)]


def _from_keyring(name: str) -> str:
    service, _, user = name.partition("/")
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise KitError(f"keyring {name}: pip install 'kpi-review[keyring]', or name an environment variable") from None
    try:
        return keyring.get_password(service, user) or ""
    except KeyringError:
        raise KitError(
            f"keyring {name}: this machine has no keyring that opens; name an environment variable instead"
        ) from None


def _printed(command: tuple[str, ...]) -> str:
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        raise KitError(
            f"{command[0]} cannot be run, or took more than {PATIENCE} s; the mail needs what it prints"
        ) from None
    if run.returncode:
        raise KitError(
            f"{command[0]} ended with {run.returncode}; run it by hand to see why; the mail needs what it prints"
        )
    return run.stdout.strip()
