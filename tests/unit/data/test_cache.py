"""Prepared folders that are kept for JupyterLab: the newest, and those that somebody reads from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.data import cache
from helpers.data.prepared import Prepared

HOLD = """
import sys
from pathlib import Path
from helpers.data.cache import _hold
print(_hold(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folders(tmp_path) -> list[Path]:
    """More prepared folders than are kept, the oldest first."""
    found = [tmp_path / f"folder{i}" for i in range(cache.KEPT + 2)]
    for age, folder in enumerate(found):
        folder.mkdir()
        (folder / "prepared.json").write_text("{}")
        os.utime(folder, (age, age))
    return found


def test_the_oldest_folders_go_and_room_is_made_for_one(folders):
    cache._remove_old(folders[0].parent)
    assert [folder.exists() for folder in folders] == [False] * 3 + [True] * (cache.KEPT - 1)


def test_a_folder_that_another_process_reads_from_stays_as_long_as_it_reads(folders):
    reader = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folders[0])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout.readline() == "True\n"
    cache._remove_old(folders[0].parent)
    assert [folder.exists() for folder in folders[:3]] == [True, False, False]
    reader.communicate()
    cache._remove_old(folders[0].parent)
    assert not folders[0].exists()


def test_there_is_nothing_to_hold_where_no_folder_is(tmp_path):
    assert not cache._hold(tmp_path / "gone")


def test_a_folder_is_made_once_and_read_again(tmp_path, monkeypatch):
    """Also where another process made it in the meantime: that one is read."""
    made = []

    def prepare(source, period, *, currency, folder):
        made.append(folder)
        (folder / "prepared.json").write_text("{}")
        if len(made) == 2:
            (tmp_path / "other").mkdir()
            (tmp_path / "other/prepared.json").write_text("{}")

    monkeypatch.setattr(cache.platformdirs, "user_cache_dir", lambda name: str(tmp_path))
    monkeypatch.setattr(cache, "prepare", prepare)
    monkeypatch.setattr(cache, "_key", lambda source, period, currency: source)
    monkeypatch.setattr(Prepared, "open", lambda folder: folder)
    assert [cache.prepared_for(key, None, "EUR").name for key in ("one", "one", "other")] == ["one", "one", "other"]
    assert len(made) == 2
