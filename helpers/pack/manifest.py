"""What a pack was made from, so that anyone can ask later whether it would come out the same."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = (
    "kpi-review", "duckdb", "pandas", "papermill", "nbconvert", "matplotlib", "typst", "xlsxwriter",
)  # fmt: skip
CODE = ("helpers/**/*.py", "notebooks/*.ipynb", "templates/**/*")


def versions() -> dict[str, str]:
    """The versions that have a say in a pack's numbers and looks."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def code_fingerprint(root: Path) -> str:
    """One hash over the helpers, the notebooks and the templates."""
    files = sorted(path for pattern in CODE for path in root.glob(pattern) if path.is_file())
    return _hash_of_files(root, (path for path in files if "__pycache__" not in path.parts))


def file_hashes(folder: Path) -> dict[str, str]:
    """sha256 of every file in a folder, by its path inside it; the manifest itself cannot be among them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def write_manifest(folder: Path, contents: Mapping[str, Any]) -> None:
    """Writes ``manifest.json`` last, with the hashes of all that lies beside it."""
    complete = {**contents, "files": file_hashes(folder)}
    (folder / "manifest.json").write_text(json.dumps(complete, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _hash_of_files(root: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
