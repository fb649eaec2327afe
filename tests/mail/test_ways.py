import pytest

from helpers.errors import KitError
from helpers.mail.answers import APP_PASSWORD, OF_THE_DAY, SEND_AS, TOO_LARGE, meaning, shown
from helpers.mail.graph import GraphWay
from helpers.mail.recipients import Recipients, SmtpServer
from helpers.mail.sending import open_way
from helpers.mail.smtp import SmtpWay
from tests.mail.letters import made_letter
from tests.mail.servers import mail_server

# As the providers' own pages and people's logs have them, with what the advice must say.
OF_THE_SENDER = [
    ("550 5.7.30 Basic authentication is not supported for Client Submission.", "graph, or smtp with app or token"),
    (
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit "
        "https://aka.ms/smtp_auth_disabled for more information. [AM0PR10CA0001.EURPRD10.PROD.OUTLOOK.COM]",
        "SMTP AUTH is switched off",
    ),
    (
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.",
        "SMTP AUTH is switched off",
    ),
    (
        "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. "
        "Contact your administrator.",
        "security defaults",
    ),
    (
        "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated "
        "successfully. Contact your administrator.",
        "Conditional Access",
    ),
    ("535 5.7.3 Authentication unsuccessful [LO2P265CA0092.GBRP265.PROD.OUTLOOK.COM]", "SMTP.SendAsApp"),
    ("530 5.7.57 Client not authenticated to send mail. [AS9PR06CA0090.eurprd06.prod.outlook.com]", "log in"),
    ("530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM", "log in"),
    ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", SEND_AS),
    (
        "554 5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com; STOREDRV.Submission.Exception:"
        "SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception",
        SEND_AS,
    ),
    (
        "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process",
        SEND_AS,
    ),
    (
        "535 5.7.8 Username and Password not accepted. For more information, go to 5.7.8 "
        "https://support.google.com/mail/?p=BadCredentials a1-20020a05600c0 - gsmtp",
        APP_PASSWORD,
    ),
    (
        "534 5.7.9 Application-specific password required. For more information, go to 5.7.9 https://support",
        APP_PASSWORD,
    ),
    (
        "534 5.7.14 <https://accounts.google.com/signin/continue?sarp=1> Please log in via your web browser",
        APP_PASSWORD,
    ),
    ("530 5.7.0 Must issue a STARTTLS command first. 5b1f17b1804b1-43 - gsmtp", "security: starttls"),
    ("530 5.7.0 Authentication Required. For more information, go to", "log in"),
    ("432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending", "three connections"),
    ("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", "three connections"),
    ("550 5.4.5 Daily user sending limit exceeded. For more information on Gmail 5.4.5 sending limits", OF_THE_DAY),
    ("550 5.4.5 Daily sending quota exceeded.", OF_THE_DAY),
    (
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a "
        "permanent exception with message The message can't be submitted because the sender's submission quota",
        OF_THE_DAY,
    ),
    (
        "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
        OF_THE_DAY,
    ),
    ("550 5.7.233 Your message can't be sent because your tenant has exceeded its daily limit", OF_THE_DAY),
    ("554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionQuotaExceeded", "full"),
    ("552 5.2.3 Message exceeds maximum message size", TOO_LARGE),
    ("552 5.3.4 Your message exceeded Google's message size limits. Please visit 5.3.4 https://support", TOO_LARGE),
    ("552 5.3.4 Message size exceeds fixed maximum message size", TOO_LARGE),
    ("550 5.1.8 Access denied, bad outbound sender AS(42003)", "blocked this sender"),
    ("550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.", "blocked this sender"),
    ("550 5.7.606 Access denied, banned sending IP [192.0.2.1]", "blocked this sender"),
    ("550 5.7.26 This mail has been blocked because the sender is unauthenticated.", "SPF, DKIM"),
    ("554 5.7.1 <ann@example.org>: Relay access denied", "log in"),
    ("550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "log in"),
    ("550 5.7.64 TenantAttribution; Relay Access Denied SMTP", "log in"),
]

OF_THE_READER = [
    "550 5.1.1 <bad@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 The email account that you tried to reach does not exist. https://support.google.com/mail/?p=NoSuchUser",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "550 5.4.1 Recipient address rejected: Access denied. [AM0EUR02FT040.eop-EUR02.prod.protection.outlook.com]",
    "550 5.2.1 The email account that you tried to reach is disabled.",
    "552 5.2.2 The email account that you tried to reach is over quota.",
    "554 5.2.2 mailbox full",
    "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required",
    "550 5.7.1 Message rejected by the policy of this reader",
    "553 5.1.3 Invalid address",
]


@pytest.mark.parametrize(("words", "advice"), OF_THE_SENDER)
def test_what_is_the_senders_fault_is_known_with_what_to_do(words, advice):
    assert advice in meaning(words)


@pytest.mark.parametrize("words", OF_THE_READER)
def test_what_may_be_of_one_reader_stops_nothing(words):
    assert meaning(words) == ""


@pytest.mark.parametrize("step", ["RCPT", "END"])
@pytest.mark.parametrize("words", [words for words, _ in OF_THE_SENDER if words.startswith("5")])
def test_no_reader_is_refused_for_what_the_sender_did(step, words):
    """Whoever asks next would get the same answer: 500 readers marked as refused would be told nothing ever again."""
    with mail_server(replies={step: words}) as server:
        way = SmtpWay(SmtpServer(host="127.0.0.1", port=server.port, security="none"))
        if step == "RCPT" and words.startswith("552"):
            answer = way.send(made_letter(), lambda _: None)["ann@example.com"]
            assert answer.outcome == "refused", "a size that is told for one reader is the limit of that reader"
        else:
            with pytest.raises(KitError) as told:
                way.send(made_letter(), lambda _: None)
            assert meaning(words) in str(told.value)
        way.close()


def recipients(**way) -> Recipients:
    given = {"sender": "kpi@example.com", "owner": "a@example.com", "allowed_domains": ["example.com"]}
    return Recipients(**given, **way, lists={"board": {"to": ["ann@example.com"]}})


def test_the_way_that_the_file_gives_is_opened_and_not_connected():
    server = open_way(recipients(smtp={"host": "smtp.invalid"}))
    mailbox = open_way(recipients(graph={"mailbox": "kpi@example.com", "token": {"environment": "NOT_SET"}}))
    assert isinstance(server, SmtpWay)
    assert isinstance(mailbox, GraphWay)
    server.close()
    mailbox.close()


@pytest.mark.parametrize("secret", ["short", "a-long-password", "x" * 3000])
@pytest.mark.parametrize("cut", [slice(None), slice(0, 9), slice(2, None)])
def test_no_piece_of_a_secret_is_shown(secret, cut):
    piece = secret[cut]
    said = shown(f"500 you said AUTH [{piece.upper()}] and {piece}, really", (secret,))
    if len(piece) >= min(8, len(secret)):
        assert said == "500 you said AUTH … and … really"


def test_an_empty_secret_hides_nothing():
    assert shown("250 all is well", ("",)) == "250 all is well"
