"""Who is due: once each, by whichever list, and of a correction those who got the version before."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from helpers.mail.ledger import Entry, Ledger
from tests.mail.made_up import mailing, recipients

AT = datetime(2026, 10, 14, tzinfo=UTC)


def ledger(tmp_path, *found):
    """A ledger of (version, list, name, outcome)."""
    entries = []
    for version, name, who, outcome in found:
        audience = "sales" if name == "sales" else ""
        entries.append(Entry("2026-10-14T08:00:00", version, audience, name, f"{who}@example.com", "<1>", outcome))
    return Ledger(tmp_path / "sent.jsonl", entries)


def due(made, *found, tmp_path, again=False):
    told = made.due(ledger(tmp_path, *found), again=again)
    return [person.address.partition("@")[0] for person in told.people], "\n".join(told.told)


def test_everybody_once(tmp_path):
    made = mailing(recipients(tmp_path))
    assert due(made, tmp_path=tmp_path) == (["ann", "bo", "eve"], "")
    people, told = due(made, ("v1", "board", "ann", "sent"), ("v1", "board", "bo", "later"), tmp_path=tmp_path)
    assert people == ["bo", "eve"]
    assert told == "ann@example.com has it since 2026-10-14, by list board"


def test_of_several_lists_what_says_most_holds(tmp_path):
    """One that is put off by this list may have come by the other."""
    made = mailing(recipients(tmp_path))
    for first, second in (("board", "others"), ("others", "board")):
        found = ("v1", first, "ann", "later"), ("v1", second, "ann", "unknown"), ("v1", second, "bo", "refused")
        people, told = due(made, *found, ("v1", first, "bo", "sent"), tmp_path=tmp_path)
        assert people == ["eve"]
        assert "ann@example.com: unknown" in told
        assert f"bo@example.com has it since 2026-10-14, by list {first}" in told


def test_many_readers_are_asked_of_in_the_time_of_one_look(tmp_path):
    people = [f"p{i}@example.com" for i in range(400)]
    looks = []

    class Counted(Ledger):
        def latest(self, version):
            looks.append(version)
            return super().latest(version)

    mailing(recipients(tmp_path, people)).due(Counted(tmp_path / "x"))
    assert looks == ["v1"]


def test_who_has_the_same_pack_by_another_list_is_not_sent_it_again(tmp_path):
    who = recipients(tmp_path)
    sent = ("v1", "board", "ann", "sent")
    assert due(mailing(who, name="others"), sent, tmp_path=tmp_path)[0] == ["bo", "eve"]
    assert due(mailing(who, name="sales"), sent, tmp_path=tmp_path)[0] == ["ann", "bo", "eve"]  # another pack


def test_a_list_that_gets_the_pack_of_another_audience_than_before_gets_each_once(tmp_path):
    """The same list and version: what came of the one pack says nothing of the other, nor hides it."""
    before = [
        Entry("2026", "v1", "sales", "board", f"{who}@example.com", "<1>", "sent") for who in ("ann", "bo", "eve")
    ]
    made = mailing(recipients(tmp_path))
    assert len(made.due(Ledger(tmp_path / "x", before)).people) == 3
    sent = [each._replace(audience="") for each in before[:2]]
    unknown = before[2]._replace(audience="", outcome="unknown")
    found = made.due(Ledger(tmp_path / "x", [*before, *sent, unknown]))
    assert not found.people
    assert "eve@example.com: unknown" in found.open[0]


@pytest.mark.parametrize("outcome", ["unknown", "refused", "handing over"])
def test_what_is_unknown_or_refused_asks_for_a_reason(tmp_path, outcome):
    made, found = mailing(recipients(tmp_path)), ("v1", "board", "ann", outcome)
    people, told = due(made, found, tmp_path=tmp_path)
    assert people == ["bo", "eve"]
    assert "--again REASON" in told
    assert due(made, found, tmp_path=tmp_path, again=True)[0] == ["ann", "bo", "eve"]


def test_what_was_sent_is_never_sent_again(tmp_path):
    made = mailing(recipients(tmp_path))
    found = [("v1", "board", name, "sent") for name in ("ann", "bo", "eve")]
    assert due(made, *found, tmp_path=tmp_path, again=True)[0] == []


def test_a_correction_goes_to_exactly_those_who_got_the_one_before(tmp_path):
    """Ann and Bo got it, Bo may have, Eve's server refused it, and Dee is of the list no more."""
    made = mailing(recipients(tmp_path), version=2)
    before = [
        ("v1", "board", "ann", "sent"), ("v1", "board", "bo", "unknown"), ("v1", "board", "eve", "refused"),
        ("v1", "board", "dee", "sent"), ("v1", "others", "eve", "sent"),
    ]  # fmt: skip
    people, told = due(made, *before, tmp_path=tmp_path)
    assert people == ["ann", "bo", "dee"]
    assert "dee@example.com is no longer of board, and gets what corrects v1" in told
    assert "the message tells only" not in told
    assert "eve@example.com got no version before v2 by board" in told
    after = [*before, ("v2", "board", "ann", "sent")]
    assert due(made, *after, tmp_path=tmp_path)[0] == ["bo", "dee"]
    third = mailing(recipients(tmp_path), version=3)
    people, told = due(third, *after, tmp_path=tmp_path)
    assert people == ["ann", "bo", "dee"]
    assert "2 of them got no v2, and the message tells only what changed since that" in told


def test_a_list_of_its_own_gets_a_correction_as_it_is(tmp_path):
    """The way for somebody who joined after the version before."""
    made = mailing(recipients(tmp_path), version=2, name="others")
    assert due(made, ("v1", "board", "ann", "sent"), tmp_path=tmp_path)[0] == ["ann", "bo", "eve"]


def test_a_correction_does_not_follow_somebody_out_of_the_allowed_domains(tmp_path):
    """Nor does she keep it from the others: there is no way to take her out of the ledger."""
    made = mailing(recipients(tmp_path), version=2)
    before = [Entry("2026", "v1", "", "board", who, "<1>", "sent") for who in ("zoe@example.org", "ann@example.com")]
    found = made.due(Ledger(tmp_path / "x", before))
    assert [person.address for person in found.people] == ["ann@example.com"]
    assert "zoe@example.org got v1, is no longer of allowed_domains, and gets no more" in found.told


def test_a_correction_of_the_whole_pack_does_not_go_to_somebody_who_got_that_of_an_audience(tmp_path):
    """Dee got by this list what sales may see, and has left it; since then it gets the whole pack."""
    made = mailing(recipients(tmp_path), version=2)
    before = [Entry("2026", "v1", "sales", "board", f"{who}@example.com", "<1>", "sent") for who in ("ann", "dee")]
    for each, people in (
        (before, ["ann", "bo", "eve"]),
        ([*before, Entry("2026", "v1", "", "board", "bo@example.com", "<1>", "sent")], ["bo"]),
    ):
        found = made.due(Ledger(tmp_path / "x", each))
        assert [person.address for person in found.people] == [f"{who}@example.com" for who in people]
        assert any("dee@example.com got v1 of audience sales by board" in line for line in found.told)


def test_a_new_draft_goes_to_all_who_review_it(tmp_path):
    made = mailing(recipients(tmp_path), version=0)
    older = ("2026Q3-20260930T080000000000", "board", "ann", "sent")
    assert due(made, older, tmp_path=tmp_path)[0] == ["ann", "bo", "eve"]
    assert due(made, older, (made.version, "board", "ann", "sent"), tmp_path=tmp_path)[0] == ["bo", "eve"]


def test_a_test_goes_to_the_tester_alone_and_says_so(tmp_path):
    made = mailing(recipients(tmp_path), to="mara@example.com")
    assert due(made, ("v1", "board", "mara", "sent"), tmp_path=tmp_path) == (["mara"], "")
    assert made.subject == "Talvenor – Quarterly KPI review 2026 Q3 (test)"


@pytest.mark.parametrize(
    ("language", "version", "told"),
    [("en", 0, " (draft, test)"), ("ru", 1, " (тест)"), ("zh_Hans", 1, "（测试）"), ("zh_Hant", 1, "（測試）")],
)
def test_a_test_says_so_in_the_language_of_the_message(language, version, told, tmp_path):
    made = mailing(recipients(tmp_path), version=version, to="mara@example.com")
    made = replace(made, message=replace(made.message, language=language))
    assert made.subject == f"Talvenor – Quarterly KPI review 2026 Q3{told}"


def test_the_subject_says_what_a_draft_is(tmp_path):
    who = recipients(tmp_path, more=', subject: "To read: {company} {period}"')
    assert mailing(who, version=0).subject == "To read: Talvenor 2026 Q3 (draft)"


def test_readers_do_not_see_each_other_unless_the_list_says_so(tmp_path):
    made = mailing(recipients(tmp_path))
    letters = list(made.letters(made.due(ledger(tmp_path)), AT))
    assert [each.addresses for each in letters] == [("ann@example.com",), ("bo@example.com",), ("eve@example.com",)]
    assert all(each.whole.count(b"@example.com") == letters[0].whole.count(b"@example.com") for each in letters)
    assert not any(b"bo@" in each.whole for each in (letters[0], letters[2]))
    made = mailing(recipients(tmp_path, more=", see_each_other: true"))
    (letter,) = made.letters(made.due(ledger(tmp_path)), AT)
    assert letter.addresses == ("ann@example.com", "bo@example.com", "eve@example.com")


def test_a_letter_has_the_same_id_whenever_it_is_made(tmp_path):
    """So that a mail program knows one that comes twice after all."""
    made = mailing(recipients(tmp_path))
    all_due = made.due(ledger(tmp_path))
    ids = [each.id for each in made.letters(all_due, AT)]
    assert [each.id for each in made.letters(all_due, datetime.now(UTC))] == ids
    assert len(set(ids)) == 3
    others = mailing(recipients(tmp_path), version=2), mailing(recipients(tmp_path, more=", audience: sales"))
    for other in others:  # another version, and another pack by the same list
        assert not {each.id for each in other.letters(all_due, AT)} & set(ids)
