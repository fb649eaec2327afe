import smtplib
import socket
import threading

import pytest

from helpers.errors import KitError
from helpers.mail import smtp
from helpers.mail.answers import SEND_AS
from helpers.mail.recipients import SmtpServer
from helpers.mail.smtp import SmtpWay
from tests.mail.letters import SENDER, made_letter, outcomes, sent_by
from tests.mail.servers import mail_server, server_context
from tests.postgres import free_port

PASSWORD = "hunter2-is-long"  # told nowhere
TOKEN = "ya29.a0AfH6SMBx-token"


def plain(server, **more) -> SmtpWay:
    return SmtpWay(SmtpServer(host="127.0.0.1", port=server.port, security="none", **more))


def settings_of(server, security="starttls", host="localhost", **more) -> SmtpServer:
    return SmtpServer(host=host, port=server.port, security=security, **more)


# what goes over the wire


@pytest.mark.parametrize(
    "body",
    [
        b"plain\r\n",
        b".\r\n..\r\n.a line\r\n\r\n.\r\n",
        b"." * 900 + b"\r\n",
        ("\u043e\u0442\u0447\u0451\u0442 " * 70).encode() + b"\r\n.\r\n" + ("\u62a5\u544a" * 150).encode() + b"\r\n",
        b"".join(b".%d\r\n" % i for i in range(60_000)),  # dots at the edges of what is sent at once
    ],
    ids=["plain", "dots", "long", "non-ASCII", "large"],
)
def test_what_arrives_is_the_letter_byte_for_byte(body):
    letter = made_letter("ann@example.com", body=body)
    with mail_server() as server:
        answers, handed = sent_by(plain(server), letter)
    assert outcomes(answers) == {"ann@example.com": "sent"}
    assert answers["ann@example.com"].words == "250 2.0.0 taken"
    assert handed == [("ann@example.com",)]
    [message] = server.received
    assert (message.sender, message.addresses, message.content) == (SENDER, ("ann@example.com",), letter.whole)
    assert f"SIZE={len(letter.whole)}" in message.options
    assert ("BODY=8BITMIME" in message.options) == (not body.isascii())


@pytest.mark.parametrize("body", [b"a\n.\nb\r\n", b"a\r.\r\r\n", b"a\r\n.\nMAIL FROM:<x@y.z>\r\n", b"no end"])
def test_a_letter_that_a_server_might_end_early_is_not_begun(body):
    with mail_server() as server:
        way = plain(server)
        with pytest.raises(ValueError, match="CRLF"):
            way.send(made_letter(body=body), lambda _: None)
        way.close()
    assert not server.connections


def test_one_connection_carries_many_letters():
    with mail_server() as server:
        way = plain(server)
        for i in range(5):
            assert outcomes(way.send(made_letter(f"a{i}@example.com"), lambda _: None)) == {f"a{i}@example.com": "sent"}
        way.close()
    assert server.connections == 1
    assert server.reached == [f"a{i}@example.com" for i in range(5)]


def test_the_least_of_the_limits_holds():
    with mail_server(size=1_000_000) as small, mail_server(size=50_000_000) as large, mail_server(size=0) as silent:
        found = []
        for server in (small, large, silent):
            way = plain(server)
            found.append(way.most_bytes)
            way.close()
    assert found == [1_000_000, 20_000_000, 20_000_000]


# what the server refuses


def test_one_refused_address_leaves_the_others():
    refusals = {"RCPT bad@example.com": "550 5.1.1 no such user", "RCPT slow@example.com": "450 4.2.1 mailbox busy"}
    with mail_server(replies=refusals) as server:
        letter = made_letter("ann@example.com", "bad@example.com", "slow@example.com", "bo@example.com")
        answers, handed = sent_by(plain(server), letter)
    assert outcomes(answers) == {
        "ann@example.com": "sent",
        "bad@example.com": "refused",
        "slow@example.com": "later",
        "bo@example.com": "sent",
    }
    assert answers["bad@example.com"].words == "550 5.1.1 no such user"
    assert handed == [("ann@example.com", "bo@example.com")]
    assert server.reached == ["ann@example.com", "bo@example.com"]


def test_after_a_letter_that_nobody_takes_the_next_goes_out():
    with mail_server(replies={"RCPT bad@example.com": "550 5.1.1 no such user"}) as server:
        way, handed = plain(server), []
        assert outcomes(way.send(made_letter("bad@example.com"), handed.append)) == {"bad@example.com": "refused"}
        assert handed == []
        assert outcomes(way.send(made_letter(), handed.append)) == {"ann@example.com": "sent"}
        way.close()
    assert server.connections == 1


@pytest.mark.parametrize(
    ("step", "reply", "outcome", "begun"),
    [
        ("END", "554 5.6.0 the content is not wanted", "refused", True),
        ("END", "451 4.3.0 try again", "later", True),
        ("END", "421 4.3.0 closing", "later", True),
        ("END", "354 go on", "unknown", True),
        ("DATA", "554 5.5.1 no valid recipients", "refused", False),
        ("DATA", "451 4.3.0 try again", "later", False),
        ("MAIL", "451 4.3.0 try again", "later", False),
        ("RCPT", "552 5.2.3 larger than this reader takes", "refused", False),
        ("GREETING", "421 4.3.2 too busy", "later", False),
        ("GREETING", "450 4.3.2 too busy", "later", False),
    ],
)
def test_what_an_answer_means(step, reply, outcome, begun):
    with mail_server(replies={step: reply}) as server:
        answers, handed = sent_by(plain(server), made_letter("ann@example.com", "bo@example.com"))
    assert outcomes(answers) == {"ann@example.com": outcome, "bo@example.com": outcome}
    assert {answer.words.split("127.0.0.1:", 1)[-1][-len(reply) :] for answer in answers.values()} == {reply}
    assert handed == [("ann@example.com", "bo@example.com")] * begun
    assert server.received == []


def test_an_answer_that_is_none_is_unknown():
    with mail_server(replies={"END": "oops taken, I think"}) as server:
        way = plain(server)
        answer = way.send(made_letter(), lambda _: None)["ann@example.com"]
        assert (answer.outcome, answer.words) == ("unknown", "taken, I think")
        server.replies.clear()
        assert outcomes(way.send(made_letter(), lambda _: None)) == {"ann@example.com": "sent"}
        way.close()
    assert server.connections == 2, "what is out of step is not gone on with"


@pytest.mark.parametrize(
    ("step", "reply"),
    [
        ("GREETING", "554 5.7.1 no service for you"),
        ("MAIL", "550 5.1.0 sender rejected"),
        ("MAIL", "530 5.7.57 Client not authenticated to send mail."),
        ("MAIL", "552 5.3.4 Message size exceeds fixed maximum message size"),
        ("RCPT", "554 5.7.1 <ann@example.com>: Relay access denied"),
        ("RCPT", "550 5.4.5 Daily user sending limit exceeded."),
        ("END", "554 5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com"),
        ("END", "550 5.7.30 Basic authentication is not supported for Client Submission."),
    ],
)
def test_what_is_the_senders_fault_stops_everything(step, reply):
    with mail_server(replies={step: reply}) as server:
        with pytest.raises(KitError) as told:
            sent_by(plain(server), made_letter("ann@example.com"))
        assert server.received == []
    reply = reply.rstrip(".")
    assert reply in str(told.value)
    assert f"127.0.0.1:{server.port} " in str(told.value)
    assert "; " in str(told.value).split(reply)[1], "says what to do"


def test_the_advice_is_of_the_refusal():
    with (
        mail_server(replies={"END": "554 5.2.252 SendAsDenied; not allowed"}) as server,
        pytest.raises(KitError) as told,
    ):
        sent_by(plain(server), made_letter())
    assert SEND_AS in str(told.value)


def test_a_servers_answer_is_one_short_printable_line():
    reply = "550-5.1.1 \u202eoffice\x1b[31m " + "x" * 400 + "\r\n550 5.1.1 second"
    with mail_server(replies={"RCPT": reply}) as server:
        answers, _ = sent_by(plain(server), made_letter())
    words = answers["ann@example.com"].words
    assert len(words) == 300
    assert words.startswith("550 5.1.1 office[31m xxx")
    assert words.isprintable()


# losses


@pytest.mark.parametrize(
    ("drop", "outcome", "taken"), [("MAIL", "later", 0), ("DATA", "later", 0), ("END", "unknown", 1)]
)
def test_a_connection_that_is_lost(drop, outcome, taken):
    """Before the end of the letter it was certainly not taken; after it nobody knows."""
    with mail_server(drops=[drop]) as server:
        way, handed = plain(server), []
        letter = made_letter(body=(b"y" * 900 + b"\r\n") * 9_000)  # more than the buffers between us hold
        assert outcomes(way.send(letter, handed.append)) == {"ann@example.com": outcome}
        assert len(server.received) == taken == len(handed)
        assert outcomes(way.send(made_letter(), handed.append)) == {"ann@example.com": "sent"}
        way.close()
    assert server.connections == 2


def test_a_small_letter_that_is_lost_in_its_midst_is_not_taken():
    """The loss is seen only after the dot was sent: the server alone knows that it read no further."""
    with mail_server(drops=["DATA"]) as server:
        answers, _ = sent_by(plain(server), made_letter())
    assert outcomes(answers)["ann@example.com"] in ("later", "unknown")
    assert server.received == []


@pytest.mark.parametrize("fault", [{"most": 2}, {"drops": ["MAIL"]}])
def test_a_connection_that_ends_between_letters_is_made_again(fault):
    with mail_server() as server:
        way = plain(server)
        way.send(made_letter("first@example.com"), lambda _: None)
        for name, value in fault.items():
            setattr(server, name, value)
        for i in range(5):
            assert outcomes(way.send(made_letter(f"a{i}@example.com"), lambda _: None)) == {f"a{i}@example.com": "sent"}
        way.close()
    assert server.reached == ["first@example.com", *(f"a{i}@example.com" for i in range(5))]
    assert server.connections > 1


def test_a_slow_answer_after_the_end_is_unknown(monkeypatch):
    monkeypatch.setattr(smtp, "AFTER_DATA", 0.1)
    with mail_server(slow=0.5) as server:
        way = plain(server)
        answer = way.send(made_letter(), lambda _: None)["ann@example.com"]
        server.slow = 0
        assert answer.outcome == "unknown"
        assert "timed out" in answer.words
        assert outcomes(way.send(made_letter("bo@example.com"), lambda _: None)) == {"bo@example.com": "sent"}
        way.close()
    assert server.reached == ["ann@example.com", "bo@example.com"], "the late answer is not taken for that of the next"


def test_a_ledger_that_cannot_be_written_keeps_the_letter_back():
    def full(addresses):
        raise OSError("disk full")

    with mail_server() as server:
        way = plain(server)
        with pytest.raises(OSError, match="disk full"):
            way.send(made_letter(), full)
        way.close()
    assert server.received == []


def test_nobody_listens():
    way = SmtpWay(SmtpServer(host="127.0.0.1", port=free_port(), security="none"))
    answer = way.send(made_letter(), lambda _: None)["ann@example.com"]
    assert answer.outcome == "later"
    assert "refused" in answer.words
    for asked in (way.check, lambda: way.most_bytes):
        with pytest.raises(KitError, match="nothing was sent"):
            asked()


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"250" * 4000 + b"\r\n", b"2\xff0 hello\r\n", b""]
)
def test_a_server_that_speaks_something_else(monkeypatch, answer):
    monkeypatch.setattr(smtp, "CONNECT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def speak():
            connection, _ = listening.accept()
            with connection:
                connection.sendall(answer)
                connection.recv(1000)

        thread = threading.Thread(target=speak)
        thread.start()
        way = SmtpWay(SmtpServer(host="127.0.0.1", port=listening.getsockname()[1], security="none"))
        with pytest.raises(KitError, match=r"127\.0\.0\.1") as told:
            way.check()
        thread.join()
    assert len(str(told.value)) < 700


# encryption


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_with_a_verified_certificate(trusted, security):
    with mail_server(**{security: server_context(trusted)}) as server:
        way = SmtpWay(settings_of(server, security))
        assert way.check()[0] == f"localhost:{server.port} answers, TLSv1.3 with a verified certificate"
        assert outcomes(sent_by(way, made_letter())[0]) == {"ann@example.com": "sent"}


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_wrong_certificate_stops_everything(trusted, tmp_path, monkeypatch, security, wrong):
    names = ["mail.example.org"] if wrong == "name" else ["localhost"]
    if wrong == "authority":
        monkeypatch.delenv("SSL_CERT_FILE")
    with mail_server(**{security: server_context(trusted, *names)}, passwords={SENDER: PASSWORD}) as server:
        monkeypatch.setenv("PASSWORD", PASSWORD)
        way = SmtpWay(settings_of(server, security, user=SENDER, password={"environment": "PASSWORD"}))
        for tried in (way.check, lambda: way.send(made_letter(), lambda _: None)):
            with pytest.raises(KitError, match=r"its certificate cannot be verified.*SSL_CERT_FILE"):
                tried()
        way.close()
    assert not any(command.startswith("AUTH") for command in server.commands)


def test_no_starttls_no_login_no_letter(monkeypatch):
    monkeypatch.setenv("PASSWORD", PASSWORD)
    with mail_server(passwords={SENDER: PASSWORD}) as server:
        way = SmtpWay(settings_of(server, user=SENDER, password={"environment": "PASSWORD"}))
        with pytest.raises(KitError, match=r"offers no STARTTLS, and nothing is sent in the open.*security: tls"):
            way.send(made_letter(), lambda _: None)
        way.close()
    assert not any(command.startswith(("AUTH", "MAIL")) for command in server.commands)


def test_tls_to_a_server_that_speaks_in_the_open_first():
    with mail_server() as server:
        way = SmtpWay(settings_of(server, "tls"))
        with pytest.raises(KitError, match=r"does not speak TLS as expected.*security: starttls \(port 587\)"):
            way.check()


# logins


@pytest.mark.parametrize("how", ["PLAIN", "LOGIN"])
def test_login_by_password(trusted, monkeypatch, how):
    monkeypatch.setenv("PASSWORD", "p\u00e4ss w\u00f6rd")
    with mail_server(starttls=server_context(trusted), passwords={SENDER: "p\u00e4ss w\u00f6rd"}) as server:
        way = SmtpWay(settings_of(server, user=SENDER, password={"environment": "PASSWORD"}))
        if how == "LOGIN":
            monkeypatch.setattr(smtplib.SMTP, "ehlo", without_plain(smtplib.SMTP.ehlo))
        assert f"logged in as {SENDER} by password ({how})" in way.check()
        assert outcomes(sent_by(way, made_letter())[0]) == {"ann@example.com": "sent"}
    assert f"AUTH {how}" in server.commands


def without_plain(ehlo):
    """As Exchange Online answers: AUTH LOGIN XOAUTH2."""

    def answered(self, *args):
        found = ehlo(self, *args)
        if "auth" in self.esmtp_features:
            self.esmtp_features["auth"] = "LOGIN XOAUTH2"
        return found

    return answered


def test_a_wrong_password_stops_everything_and_is_tried_once(trusted, monkeypatch):
    monkeypatch.setenv("PASSWORD", PASSWORD)
    with mail_server(starttls=server_context(trusted), passwords={SENDER: "another"}) as server:
        way = SmtpWay(settings_of(server, user=SENDER, password={"environment": "PASSWORD"}))
        with pytest.raises(KitError, match=f"refused the login of {SENDER}: 535 5.7.8 .*app password"):
            way.send(made_letter(), lambda _: None)
        way.close()
    assert [command for command in server.commands if command.startswith("AUTH")] == ["AUTH PLAIN"]


def test_a_login_that_passes_trouble_is_later(trusted, monkeypatch):
    monkeypatch.setenv("PASSWORD", PASSWORD)
    replies = {"AUTH": "454 4.7.0 Temporary authentication failure"}
    with mail_server(starttls=server_context(trusted), passwords={SENDER: PASSWORD}, replies=replies) as server:
        way = SmtpWay(settings_of(server, user=SENDER, password={"environment": "PASSWORD"}))
        assert outcomes(way.send(made_letter(), lambda _: None)) == {"ann@example.com": "later"}
        server.replies.clear()
        assert outcomes(sent_by(way, made_letter())[0]) == {"ann@example.com": "sent"}


@pytest.mark.parametrize("echo", ["{}", "[{}]", "...{}"])
def test_no_message_shows_a_secret_that_the_server_repeats(trusted, monkeypatch, caplog, capfd, echo):
    """Servers repeat what they do not understand, whole or cut."""
    caplog.set_level(0)
    monkeypatch.setenv("SECRET", PASSWORD)
    replies = {"AUTH": f"500 5.5.1 unrecognized command AUTH {echo} {PASSWORD.upper()} {PASSWORD[:9]}"}
    for given in ({"password": {"environment": "SECRET"}}, {"token": {"environment": "SECRET"}}):
        with mail_server(starttls=server_context(trusted), replies=replies, tokens={SENDER: "x"}) as server:
            way = SmtpWay(settings_of(server, user=SENDER, **given))
            with pytest.raises(KitError) as told:
                way.check()
            seen = f"{told.value!r} {told.value.__cause__!r} {way.__dict__['_login']}"
        assert "500 5.5.1 unrecognized command AUTH" in str(told.value)
        assert PASSWORD[:9].lower() not in seen.lower()
        assert smtp._encoded(f"\0{SENDER}\0{PASSWORD}")[:12] not in seen
        assert smtp._encoded(f"user={SENDER}")[:12] not in seen
    told = [record.getMessage() for record in caplog.records if not record.name.startswith("mail")]  # aiosmtpd's own
    assert PASSWORD not in "".join([*told, *capfd.readouterr()])


def test_login_by_token(trusted, monkeypatch):
    monkeypatch.setenv("TOKEN", TOKEN)
    with mail_server(starttls=server_context(trusted), tokens={SENDER: TOKEN}) as server:
        way = SmtpWay(settings_of(server, user=SENDER, token={"environment": "TOKEN"}))
        assert f"logged in as {SENDER} by token (XOAUTH2)" in way.check()
        assert outcomes(sent_by(way, made_letter())[0]) == {"ann@example.com": "sent"}


def test_an_expired_token_is_read_once_more(trusted, monkeypatch):
    monkeypatch.setenv("TOKEN", "old")
    with mail_server(starttls=server_context(trusted), tokens={SENDER: "old"}) as server:
        way = SmtpWay(settings_of(server, user=SENDER, token={"environment": "TOKEN"}))
        way.send(made_letter(), lambda _: None)
        server.tokens[SENDER], server.most = TOKEN, 1  # it expires, and the connection has to be made again
        monkeypatch.setenv("TOKEN", TOKEN)
        assert outcomes(sent_by(way, made_letter("bo@example.com"))[0]) == {"bo@example.com": "sent"}
    assert [command for command in server.commands if command.startswith("AUTH")] == ["AUTH XOAUTH2"] * 3


@pytest.mark.parametrize(("again", "tries"), [("old", 1), ("older", 2)])
def test_a_token_that_stays_refused_stops_everything(trusted, monkeypatch, tmp_path, again, tries):
    (tmp_path / "tokens").write_text(f"old\n{again}\n")
    command = ["sh", "-c", "head -n 1 $0; sed -i 1d $0", str(tmp_path / "tokens")]
    with mail_server(starttls=server_context(trusted), tokens={SENDER: TOKEN}) as server:
        way = SmtpWay(settings_of(server, user=SENDER, token={"command": command}))
        with pytest.raises(KitError, match=f"refused the login of {SENDER} by token: 535 5.7.3 .*SMTP.SendAsApp"):
            way.send(made_letter(), lambda _: None)
        way.close()
    assert [command for command in server.commands if command.startswith("AUTH")] == ["AUTH XOAUTH2"] * tries


def test_a_server_that_takes_no_passwords_or_no_tokens(trusted, monkeypatch):
    monkeypatch.setenv("SECRET", PASSWORD)
    with mail_server(starttls=server_context(trusted), tokens={SENDER: TOKEN}) as server:
        for offered, given, told in (
            ("XOAUTH2", "password", r"takes no passwords \(PLAIN, LOGIN\), but XOAUTH2; give token or app"),
            ("PLAIN LOGIN", "token", r"takes no tokens \(XOAUTH2\), but PLAIN, LOGIN; give password"),
        ):
            monkeypatch.setattr(smtplib.SMTP, "ehlo", offering(offered, smtplib.SMTP.ehlo))
            way = SmtpWay(settings_of(server, user=SENDER, **{given: {"environment": "SECRET"}}))
            with pytest.raises(KitError, match=told):
                way.check()
    assert not any(command.startswith("AUTH") for command in server.commands)


def offering(mechanisms, ehlo):
    def answered(self, *args):
        found = ehlo(self, *args)
        self.esmtp_features["auth"] = mechanisms
        return found

    return answered


def test_check_sends_nothing():
    with mail_server(size=5_000_000) as server:
        way = plain(server)
        assert way.check() == [
            f"127.0.0.1:{server.port} answers, not encrypted",
            "no login",
            "a message may have 5.0 MB",
        ]
    assert [command.split()[0] for command in server.commands] == ["NOOP", "QUIT"]
