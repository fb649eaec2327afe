"""Where a secret comes from; what is told when it is not there."""

import sys

import keyring
import pytest
from keyring.backend import KeyringBackend

from helpers.errors import KitError
from helpers.mail.recipients import SmtpServer


def secret(**given):
    return SmtpServer(host="m.example.com", user="kpi", password=given).password


class Held(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        return {("kpi-review", "smtp"): "of the keyring"}.get((service, username))

    def set_password(self, service, username, password):
        raise NotImplementedError


@pytest.fixture
def own_keyring():
    before = keyring.get_keyring()
    keyring.set_keyring(Held())
    yield
    keyring.set_keyring(before)


def test_from_the_environment(monkeypatch):
    monkeypatch.setenv("KPI_MAIL", "of the environment")
    assert secret(environment="KPI_MAIL").read() == "of the environment"


def test_from_the_keyring(own_keyring):
    assert secret(keyring="kpi-review/smtp").read() == "of the keyring"
    with pytest.raises(KitError, match="the keyring holds nothing under kpi-review/other"):
        secret(keyring="kpi-review/other").read()


def test_from_a_command_without_a_shell(tmp_path):
    told = secret(command=(sys.executable, "-c", "import sys; print(sys.argv[1])", "$(id); a token")).read()
    assert told == "$(id); a token"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"environment": "KPI_NOT_SET"}, "environment variable KPI_NOT_SET is not set"),
        ({"command": ("no-such-program",)}, "no-such-program cannot be run"),
        ({"command": (sys.executable, "-c", "print('s3cret'); raise SystemExit(3)")}, "ended with 3"),
        ({"command": (sys.executable, "-c", "")}, "printed nothing"),
    ],
)
def test_one_that_is_not_there(given, told):
    with pytest.raises(KitError) as error:
        secret(**given).read()
    assert told in str(error.value)
    assert "s3cret" not in str(error.value)
