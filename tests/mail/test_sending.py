"""A mailing goes out: once to each, with what was temporary tried again and every answer on record."""

import re
from email import message_from_bytes, policy

import pytest

from helpers.errors import KitError
from helpers.mail import sending
from helpers.mail.answers import Answer
from helpers.mail.ledger import held_ledger, read_ledger
from helpers.mail.sending import check_size, send, tell_owner, write_letters
from tests.mail.made_up import Scripted, mailing, recipients


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The seconds waited, none of them really."""
    found = []
    monkeypatch.setattr(sending.time, "sleep", found.append)
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sent.jsonl"


def run(made, way, path, why=""):
    with held_ledger(path) as ledger:
        return send(made, made.due(ledger, again=bool(why)), ledger, way, lambda address: None, why=why)


def outcomes(made, path):
    return {key[1].partition("@")[0]: each.outcome for key, each in read_ledger(path).latest(made.version).items()}


def test_each_gets_it_once(tmp_path, path):
    made, way = mailing(recipients(tmp_path)), Scripted()
    assert len(run(made, way, path).sent) == 3
    assert run(made, way, path).sent == []
    assert way.got == ["ann@example.com", "bo@example.com", "eve@example.com"]
    ledger = read_ledger(path)
    assert [each.outcome for each in ledger.entries] == ["handing over", "sent"] * 3
    assert [each.id for each in ledger.entries][::2] == [letter.id for _, letter in way.letters]


def test_one_address_that_is_refused_does_not_hold_up_the_others(tmp_path, path):
    made, way = mailing(recipients(tmp_path)), Scripted(bo=["refused"])
    report = run(made, way, path)
    assert way.got == ["ann@example.com", "eve@example.com"]
    assert report.failures() == ["bo@example.com: refused by the mail server: words of refused"]
    assert outcomes(made, path) == {"ann": "sent", "bo": "refused", "eve": "sent"}


def test_what_is_temporary_is_tried_again_after_a_while(tmp_path, path, waits):
    made, way = mailing(recipients(tmp_path)), Scripted(ann=["later", "later", "sent"])
    run(made, way, path)
    assert way.got == ["bo@example.com", "eve@example.com", "ann@example.com"]
    assert waits == [0, *sending.WAITS[:2]]


@pytest.mark.parametrize(("asked", "waited"), [(1, 5), (60, 60), (90_000, sending.LONGEST_WAIT)])
def test_a_server_that_asks_for_a_pause_gets_it_within_reason(tmp_path, path, waits, asked, waited):
    made, way = mailing(recipients(tmp_path)), Scripted()
    answers = iter([Answer("later", "slow down", asked)])
    real = way.send
    way.send = lambda *given: {a: next(answers, None) or real(*given)[a] for a in given[0].addresses}
    assert len(run(made, way, path).sent) == 3
    assert waits == [0, waited]


def test_what_stays_temporary_is_left_for_the_next_run(tmp_path, path):
    made, way = mailing(recipients(tmp_path)), Scripted(ann=["later"])
    assert run(made, way, path).failures() == ["ann@example.com: not taken yet; send again: words of later"]
    way.outcomes.clear()
    assert run(made, way, path).sent == ["ann@example.com"]
    assert sorted(way.got) == ["ann@example.com", "bo@example.com", "eve@example.com"]


def test_a_server_that_takes_nothing_is_left_alone_for_a_while(tmp_path, path):
    people = [f"p{i}@example.com" for i in range(50)]
    made, way = mailing(recipients(tmp_path, people)), Scripted(**{f"p{i}": ["later"] for i in range(50)})
    tried = []
    real = way.send
    way.send = lambda letter, handing_over: (tried.append(letter.addresses), real(letter, handing_over))[1]
    run(made, way, path)
    assert len(tried) == sending.IN_A_ROW * (1 + len(sending.WAITS))


@pytest.mark.parametrize(
    "outcome", [["later"], ["refused"], [KitError("550 5.7.30: use graph")]], ids=["later", "refused", "stopped"]
)
def test_nobody_is_missed_without_a_word(tmp_path, path, outcome):
    """Whoever was not even tried is told of too, to the owner as well."""
    people = [f"p{i}@example.com" for i in range(50)]
    made, way = mailing(recipients(tmp_path, people)), Scripted(**{f"p{i}": outcome for i in range(50)})
    report = run(made, way, path)
    (untried,) = [line for line in report.failures() if line.endswith(": not tried yet; send again")]
    named, more = untried.count("@example.com"), int(re.search(r" and (\d+) more", untried)[1])
    assert named + more == 50 - len(report.answers)
    assert tell_owner(made, report, way)
    assert untried in way.letters[-1][1].content.text


@pytest.mark.parametrize("end", ["refused", "unknown"])
def test_where_all_end_alike_not_everybody_is_tried(tmp_path, path, end):
    """The reason is most likely the sender's or the server's, though no table knows it."""
    people = [f"p{i}@example.com" for i in range(50)]
    made, way = mailing(recipients(tmp_path, people)), Scripted(**{f"p{i}": [end] for i in range(50)})
    report = run(made, way, path)
    assert [each.outcome for each in report.answers.values()] == [end] * sending.IN_A_ROW
    (told,) = report.stopped
    assert told.startswith("3 in a row ended in the same words, so the rest was not tried; see to the cause")


def test_an_unknown_end_is_never_tried_again_without_a_reason(tmp_path, path):
    made, way = mailing(recipients(tmp_path)), Scripted(bo=["unknown", "sent"])
    run(made, way, path)
    assert outcomes(made, path) == {"ann": "sent", "bo": "unknown", "eve": "sent"}
    assert run(made, way, path).answers == {}
    assert run(made, way, path, why="Bo says that nothing came").sent == ["bo@example.com"]
    assert [each.why for each in read_ledger(path).entries if each.why] == ["Bo says that nothing came"] * 2


def test_a_fault_of_the_way_stops_all_and_marks_nobody_as_refused(tmp_path, path):
    made, way = mailing(recipients(tmp_path)), Scripted(bo=[KitError("550 5.7.30: use graph")])
    report = run(made, way, path)
    assert report.stopped == ("550 5.7.30: use graph",)
    assert outcomes(made, path) == {"ann": "sent"}
    assert run(made, Scripted(), path).sent == ["bo@example.com", "eve@example.com"]


def test_a_fault_after_the_end_of_a_letter_leaves_it_for_the_next_run(tmp_path, path):
    """The server said that it takes nothing this way, so that it is certain that it did not take this one."""

    class Late(Scripted):
        def send(self, letter, handing_over):
            handing_over(letter.addresses)
            raise KitError("554 5.2.252 SendAsDenied")

    made = mailing(recipients(tmp_path))
    assert run(made, Late(), path).stopped
    assert outcomes(made, path) == {"ann": "later"}


def test_nothing_is_sent_that_cannot_be_recorded(tmp_path, path, monkeypatch):
    made, way = mailing(recipients(tmp_path)), Scripted()

    def full(ledger, entry):
        raise KitError("No space left on device")

    with held_ledger(path) as ledger:
        monkeypatch.setattr(type(ledger), "write", full)
        report = send(made, made.due(ledger), ledger, way, lambda address: None)
    assert report.stopped
    assert way.got == []


def test_a_test_is_on_record_and_counts_for_nobody(tmp_path, path):
    who, way = recipients(tmp_path), Scripted()
    run(mailing(who, to="ann@example.com"), way, path)
    run(mailing(who, to="ann@example.com"), way, path)
    made = mailing(who)
    assert outcomes(made, path) == {}
    assert len(run(made, way, path).sent) == 3
    assert len({letter.id for _, letter in way.letters}) == 5  # a test is another message each time


def test_readers_who_see_each_other_get_one_letter(tmp_path, path):
    made = mailing(recipients(tmp_path, more=", see_each_other: true"))
    way = Scripted(bo=["later", "sent"], eve=["refused"])
    run(made, way, path)
    assert way.got == ["ann@example.com", "bo@example.com"]
    assert len({letter.head for _, letter in way.letters}) == 1
    assert outcomes(made, path) == {"ann": "sent", "bo": "sent", "eve": "refused"}


def test_the_owner_and_nobody_else_is_told_of_failures(tmp_path, path):
    made, way = mailing(recipients(tmp_path)), Scripted(bo=["refused"], eve=["unknown"])
    report = run(made, way, path)
    way.letters.clear()
    assert tell_owner(made, report, way)
    ((address, notice),) = way.letters
    assert address == "mara@example.com"
    told = message_from_bytes(notice.whole, policy=policy.default)
    assert told["To"] == "Mara Lind <mara@example.com>"
    text = told.get_body().get_content()
    assert "bo@example.com: refused by the mail server" in text
    assert "eve@example.com: unknown whether it arrived" in text
    assert "ann@" not in text
    assert not tell_owner(made, report, Scripted(mara=[KitError("no login")]))


def test_what_is_too_large_is_refused_with_the_sizes(tmp_path):
    made = mailing(recipients(tmp_path), attached=b"x" * 9_000_000)
    letters = list(made.letters(made.due(read_ledger(tmp_path / "x")), sending.datetime.now(sending.UTC)))
    with pytest.raises(KitError) as error:
        check_size(made, letters[0], 10_000_000)
    assert "12.3 MB (kpi-review.pdf 9.0 MB, and a third more as mail), and this way takes 10.0 MB" in str(error.value)
    check_size(made, letters[0], 13_000_000)


def test_a_dry_run_writes_the_exact_messages(tmp_path, path):
    made, way = mailing(recipients(tmp_path)), Scripted()
    at = sending.datetime.now(sending.UTC)
    due = made.due(read_ledger(path))
    (tmp_path / "outbox").mkdir()
    (tmp_path / "outbox/009-old.eml").write_text("of an earlier run")
    files = write_letters(made.letters(due, at), tmp_path / "outbox")
    assert [file.name for file in files] == [
        "001-ann@example.com.eml",
        "002-bo@example.com.eml",
        "003-eve@example.com.eml",
    ]
    assert sorted((tmp_path / "outbox").iterdir()) == files
    run(made, way, path)

    def undated(whole):
        return [line for line in whole.split(b"\r\n") if not line.startswith(b"Date: ")]

    assert [undated(file.read_bytes()) for file in files] == [undated(letter.whole) for _, letter in way.letters]
    assert read_ledger(path).entries
