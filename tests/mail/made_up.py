"""A mailing of a pack that is only named, and a way out that answers as told."""

from types import SimpleNamespace

from helpers.mail.answers import Answer
from helpers.mail.letter import Attachment, Content
from helpers.mail.mailing import Mailing
from helpers.mail.message import Message
from helpers.mail.recipients import Recipients, load_recipients, read_person
from helpers.pack.pages import Edition

FILE = """
sender: KPI review <kpi@example.com>
owner: Mara Lind <mara@example.com>
allowed_domains: [example.com]
smtp: {{host: localhost, port: {port}, security: none}}
lists:
  board: {{to: [{people}]{more}}}
  others: {{to: [{people}]}}
  sales: {{to: [{people}], audience: sales}}
"""


def recipients(folder, people=("Ann <ann@example.com>", "bo@example.com", "eve@example.com"), more="", port=25):
    """A file of three lists of the same people; the third gets another pack."""
    file = folder / "recipients.yml"
    file.write_text(FILE.format(people=", ".join(people), more=more, port=port), encoding="utf-8")
    return load_recipients(file)


def mailing(who: Recipients, version=1, name="board", to="", attached=b"%PDF"):
    """The pack of a version for a list; version 0 is a draft."""
    edition = Edition(version, "2026-10-14T08:00:00+00:00", "mara") if version else None
    label = f"v{version}" if version else "2026Q3-20261001T080000000000"
    before = f"2026Q3/v{version - 1}" if version > 1 else None
    found = SimpleNamespace(
        manifest={"files": {"pack.pdf": f"{label:0>64}"}, "compared_with": before},
        edition=edition,
        request=SimpleNamespace(period=SimpleNamespace(label="2026Q3"), review=SimpleNamespace(audiences={})),
    )  # fmt: skip
    message = Message(
        "Talvenor", "Quarterly KPI review", "2026 Q3", "" if version else "draft", "en", "Text\n", "<p>Text</p>", {}
    )
    content = Content(message.text, message.html, {}, [Attachment("kpi-review.pdf", "application/pdf", attached)])
    return Mailing(found, label, who, name, message, content, read_person(to) if to else None)


class Scripted:
    """A way out that answers each address with the next of its outcomes, and the last one for good."""

    most_bytes = 10_000_000

    def __init__(self, **outcomes):
        self.outcomes = {f"{name}@example.com": list(found) for name, found in outcomes.items()}
        self.letters = []

    def send(self, letter, handing_over):
        answers = {}
        for address in letter.addresses:
            script = self.outcomes.get(address, ["sent"])
            outcome = script.pop(0) if len(script) > 1 else script[0]
            if isinstance(outcome, BaseException):
                raise outcome
            if outcome in ("sent", "unknown"):
                handing_over([address])
            if outcome == "sent":
                self.letters.append((address, letter))
            answers[address] = Answer(outcome, f"words of {outcome}")
        return answers

    @property
    def got(self):
        """The addresses that got a letter, in order."""
        return [address for address, _ in self.letters]
