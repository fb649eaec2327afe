"""The file of recipients: every mistake is told at once, and no secret is ever shown."""

from pathlib import Path

import pytest

from helpers.errors import KitError
from helpers.mail.recipients import load_recipients

ROOT = Path(__file__).parents[2]
GOOD = """
sender: KPI review <kpi@example.com>
owner: Mara Lind <mara@example.com>
allowed_domains: [example.com, пример.рф]
smtp: {host: localhost, port: 1025, security: none}
lists:
  board:
    to: ["Lee, Ann <ann@example.com>", bo@example.com]
    cc: [Инес <ines@пример.рф>]
"""


def loaded(tmp_path, text):
    file = tmp_path / "recipients.yml"
    file.write_text(text, encoding="utf-8")
    return load_recipients(file)


def faults(tmp_path, text):
    with pytest.raises(KitError) as error:
        loaded(tmp_path, text)
    return error.value.faults


def test_names_and_addresses(tmp_path):
    people = loaded(tmp_path, GOOD).list("board").people()
    assert [(str(person), kind) for person, kind in people.items()] == [
        ("Lee, Ann <ann@example.com>", "to"),
        ("bo@example.com", "to"),
        ("Инес <ines@xn--e1afmkfd.xn--p1ai>", "cc"),  # mail servers take a domain in ASCII
    ]


def test_the_file_of_the_sample_is_right():
    assert {"board", "reviewers"} <= load_recipients(ROOT / "params/recipients.yml").lists.keys()


def test_every_mistake_is_told_at_once(tmp_path):
    told = faults(
        tmp_path,
        """
sender: kpi
owner: mara@example.com
allowed_domains: ["no domain"]
smtp: {host: mail.example.com, security: none}
lists:
  Board: {to: [ann@example.com]}
  sales: {to: ["ann@example.com\\nBcc: eve@example.org"], subject: "{customer}", attach: [doc], langauge: ru}
  empty: {}
""",
    )
    assert len(told) == 10
    for part in (
        "sender == 'kpi', must be an address", "allowed_domains[0] == 'no domain', must be a domain",
        "plain connections go to localhost alone", "lists.Board", "in one line", "{company}, {title}, {period}",
        "lists.sales.attach[0] == 'doc'", "langauge is not known; did you mean 'language'",
        "must name somebody under to, cc or bcc", "lists.sales.to[0]",
    ):  # fmt: skip
        assert any(part in fault for fault in told), part


def test_an_address_of_another_domain_is_told_with_its_line(tmp_path):
    told = faults(tmp_path, GOOD.replace("bo@example.com]", "bo@sub.example.com, eve@example.org]"))
    assert told == (
        f"{tmp_path}/recipients.yml, line 8: lists.board.to[1] == 'bo@sub.example.com', "
        "must be of allowed_domains: example.com, xn--e1afmkfd.xn--p1ai",
        f"{tmp_path}/recipients.yml, line 8: lists.board.to[2] == 'eve@example.org', "
        "must be of allowed_domains: example.com, xn--e1afmkfd.xn--p1ai",
    )


def test_word_of_failures_goes_to_the_allowed_domains_too(tmp_path):
    (told,) = faults(tmp_path, GOOD.replace("mara@example.com", "mara@example.org"))
    assert "line 3: owner == 'mara@example.org', must be of allowed_domains" in told


def test_nobody_is_on_a_list_twice(tmp_path):
    (told,) = faults(tmp_path, GOOD.replace("Инес <ines@пример.рф>", "ANN@example.com"))
    assert "lists.board.cc[0] == 'ANN@example.com', is given before, in lists.board.to" in told


@pytest.mark.parametrize(
    "smtp",
    [
        "{host: m.example.com, user: kpi, password: hunter2}",
        "{host: m.example.com, user: kpi, password: {environment: 'hunter2!'}}",
        "{host: m.example.com, user: kpi, password: {keyring: hunter2}}",
        "{host: m.example.com, user: kpi, token: [hunter2]}",
        "{host: m.example.com, security: none, user: kpi, password: {environment: A}, note: hunter2}",
    ],
)
def test_a_secret_in_the_file_is_refused_and_never_shown(tmp_path, smtp):
    told = faults(tmp_path, GOOD.replace("{host: localhost, port: 1025, security: none}", smtp))
    assert told
    assert not any("hunter2" in fault for fault in told), told


def test_a_password_never_goes_over_a_plain_connection(tmp_path):
    smtp = "{host: localhost, security: none, user: kpi, password: {environment: A}}"
    (told,) = faults(tmp_path, GOOD.replace("{host: localhost, port: 1025, security: none}", smtp))
    assert "must have security: starttls or tls where one logs in" in told


def test_a_password_of_the_pdf_protects_no_other_file(tmp_path):
    (told,) = faults(tmp_path, GOOD + "    attach: [pdf, xlsx]\n    pdf_password: {environment: A}\n")
    assert "must attach the pdf alone" in told


@pytest.mark.parametrize(
    "subject",
    ["{company:d}", "{company:>999999999}", "{company!r}", "{company.__class__}", "{}", "{0}", "{company", "\\n"],
)
def test_a_subject_has_nothing_in_braces_but_what_is_filled_in(tmp_path, subject):
    (told,) = faults(tmp_path, f'{GOOD}    subject: "{subject}"\n')
    assert "must be one line, in which {company}, {title}, {period} are filled in, and no other braces" in told


def test_an_unknown_list_is_told_with_the_nearest(tmp_path):
    with pytest.raises(KitError, match="'bord' is no list; did you mean 'board'"):
        loaded(tmp_path, GOOD).list("bord")
