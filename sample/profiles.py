"""What the made-up company knows of its customers beside their contracts: their kind of use, groups and contacts."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd

from sample.accounts import ENTERPRISE
from sample.days import pick, stream
from sample.names import person_names

INTERACTIVE, API, MONITORING = "interactive", "api", "monitoring"
USES = {INTERACTIVE: 0.90, API: 0.06, MONITORING: 0.04}  # of smaller accounts; large ones have dispatchers of their own
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ł": "l", "ø": "oe", "'": "", "’": ""})


def make_profiles(seed: int, accounts: pd.DataFrame) -> pd.DataFrame:
    """Columns to add to the accounts: ``product_type``, ``by_seat``, ``parent_id`` and ``contact_email``.

    Contracts of large accounts are for a site, those of systems for calls or machines: neither counts seats.
    """
    use = _use(stream(seed, "product types"), accounts)
    return pd.DataFrame(
        {
            "product_type": use,
            "by_seat": (use == INTERACTIVE) & (accounts.segment != ENTERPRISE),
            "parent_id": _parents(stream(seed, "groups"), accounts),
            "contact_email": _contacts(stream(seed, "contacts"), accounts),
        }
    )


def _use(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.Series:
    """People at screens for most; for some, a system that calls, or agents that watch machines."""
    found = pd.Series(INTERACTIVE, accounts.index)
    some = (accounts.kind == "customer") & (accounts.role == "") & (accounts.segment != ENTERPRISE)
    found[some] = pick(rng, USES, int(some.sum()))
    return found


def _parents(rng: np.random.Generator, accounts: pd.DataFrame) -> pd.Series:
    """The customer that heads the group of an account: two or three smaller ones under a larger one."""
    found = pd.Series(None, accounts.index, dtype=object)
    free = accounts[(accounts.kind == "customer") & (accounts.role == "")]
    heads = free.nlargest(max(1, len(free) // 45), "seats").index
    others = rng.permutation(free.index.difference(heads).to_numpy())[: len(heads) * 5 // 2]
    found[others] = accounts.customer_id[heads].to_numpy()[np.arange(len(others)) % len(heads)]
    return found


def _contacts(rng: np.random.Generator, accounts: pd.DataFrame) -> list[str]:
    people = rng.choice(person_names(rng, 1_296), size=len(accounts))
    return [
        f"{address(person, '.')}@{address(name)}.example" for person, name in zip(people, accounts.name, strict=True)
    ]


def address(name: str, joint: str = "-") -> str:
    """A name as a part of an address.

    >>> address("Łęgowski & Söhne Sp. z o.o."), address("Paula van Dijk", ".")
    ('legowski-soehne-sp-z-o-o', 'paula.van.dijk')
    """
    spelled = unicodedata.normalize("NFKD", name.lower().translate(_SPELLED)).encode("ascii", "ignore").decode()
    return joint.join(re.findall("[a-z0-9]+", spelled))
