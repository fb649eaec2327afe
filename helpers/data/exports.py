"""The tables of a tool as files: a folder of exports, however its files are named."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from helpers.data.engines import quoted
from helpers.errors import KitError
from helpers.strict_yaml import shown

READERS = {".csv": "read_csv({}, all_varchar = true)", ".parquet": "read_parquet({})"}
SHORT_NAMES = {"salesforce": "sf"}


class Exports:
    """A folder of CSV or Parquet files. A table's file may be named after it or its tool and it, ``_data`` behind:
    ``customer.csv``, ``stripe_customer.csv``, ``customer_data.csv``, in a folder named after the tool or in none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def reader(self, tool: str, table: str) -> str | None:
        """The SQL that reads a table, text as text so that nothing is guessed; None where no file is the table.

        Raises:
            KitError: several files could be it.
        """
        found = [file for file in self._files if file.stem.lower() in _stems(tool, table)]
        own = [file for file in found if tool in self._folders(file)]
        candidates = own or [file for file in found if not self._folders(file)]
        if len(candidates) > 1:
            several = " and ".join(self._name(file) for file in candidates)
            raise KitError(f"{shown(self.folder)}: {several} could each be {tool}.{table}; keep one of them there")
        return READERS[candidates[0].suffix.lower()].format(quoted(self._name(candidates[0]))) if candidates else None

    @cached_property
    def _files(self) -> list[Path]:
        return sorted(file for file in self.folder.rglob("*") if file.suffix.lower() in READERS)

    def _folders(self, file: Path) -> list[str]:
        return [part.lower() for part in file.relative_to(self.folder).parts[:-1]]

    def _name(self, file: Path) -> str:
        return file.relative_to(self.folder).as_posix()


def _stems(tool: str, table: str) -> set[str]:
    """The names that a table's file may have.

    >>> sorted(_stems("jira", "sprint"))
    ['jira.sprint', 'jira_sprint', 'jira_sprint_data', 'sprint', 'sprint_data']
    """
    prefixes = {f"{tool}_", f"{SHORT_NAMES.get(tool, tool)}_", ""}
    return {f"{prefix}{table}{suffix}" for prefix in prefixes for suffix in ("", "_data")} | {f"{tool}.{table}"}
