"""The ways out of mail, a mail server and Microsoft Graph, and the one that the recipients' file names.

Either connects when it first needs to, and again after a loss. ``send`` hands a letter over and says what came of it
for each of its addresses: it calls ``handing_over`` with them right before the letter may have been taken, and raises a
KitError where nothing can be sent this way, whoever the reader is. ``check`` tries the way without sending.
"""

from __future__ import annotations

from typing import cast

from helpers.mail.graph import GraphWay
from helpers.mail.recipients import GraphMailbox, Recipients
from helpers.mail.smtp import SmtpWay

Way = SmtpWay | GraphWay


def open_way(settings: Recipients) -> Way:
    """The way out that the file of recipients gives; nothing is connected yet."""
    return SmtpWay(settings.smtp) if settings.smtp else GraphWay(cast(GraphMailbox, settings.graph))
