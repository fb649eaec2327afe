"""The parameters of notebooks: their tagged cell is the schema, read without running it.

Specification 12: a build injects default <- review.yml <- ``--set``.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt, TypeAdapter, ValidationError

from helpers.catalogue import THEMES
from helpers.errors import KitError, nearest
from helpers.params import Review, Rules, themes_alone
from helpers.strict_yaml import parse_value, shown, validated

GIVEN = ("period", "source", "review", "as_of")
NOT_A_LITERAL = "must be an annotated literal, such as retention_months: int = 12"
_SIMPLE = {
    "int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict, "PositiveInt": PositiveInt,
    "NonNegativeInt": NonNegativeInt, "PositiveFloat": PositiveFloat,
}  # fmt: skip
_IN_WORDS = {
    "PositiveInt": "int of 1 or more", "NonNegativeInt": "int of 0 or more", "PositiveFloat": "float above 0",
}  # fmt: skip


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook, as its tagged cell declares it: ``retention_months: int = 12``."""

    name: str
    annotation: str
    type: Any
    default: Any

    def checked(self, value: Any) -> Any:
        """The value, if it is of the parameter's type: a bool is no int, and ``none`` means None where that may be.

        >>> Parameter("horizon_days", "int | None", int | None, 90).checked("none") is None
        True

        Raises:
            ValueError: with what the value must be.
        """
        for candidate in (None, value) if value == "none" else (value,):
            try:
                return TypeAdapter(self.type).validate_python(candidate, strict=True)
            except ValidationError:
                continue
        wanted = re.sub(r"\w+", lambda name: _IN_WORDS.get(name[0], name[0]), self.annotation)
        wanted = re.sub(r"Literal\[([^\]]*)\]", r"one of \1", wanted)
        raise ValueError(f"must be {wanted}")


class Resolved(NamedTuple):
    """The review with the rules in force, and the parameters of each of its themes, in the pack's order."""

    review: Review
    parameters: dict[str, dict[str, Any]]


class _Setting(NamedTuple):
    """One value that review.yml or ``--set`` gives, and where it stands."""

    where: str
    theme: str
    name: str
    value: Any


def notebook_schema(path: Path) -> dict[str, Parameter]:
    """The parameters of a notebook by name, from its cell tagged ``parameters``.

    Raises:
        KitError: no such cell or more than one, or a line of it is not ``name: type = literal``.
    """
    where = f"{shown(path)}: the parameters cell"
    try:
        lines = ast.parse(_tagged_cell(path)).body
    except SyntaxError as error:
        raise KitError(f"{where}, line {error.lineno} is not Python: {error.msg}") from None
    found: dict[str, Parameter] = {}
    faults: list[str] = []
    for line in lines:
        if isinstance(line, ast.ImportFrom) and line.module in ("typing", "pydantic", "__future__"):
            continue
        try:
            parameter = _declared(line)
            found[parameter.name] = parameter
        except ValueError as error:
            faults.append(f"{where}, line {line.lineno}: {ast.unparse(line)} {error}")
    faults += [f"{where} does not declare {name}, which every build gives" for name in GIVEN if name not in found]
    if faults:
        raise KitError(*faults)
    return found


def resolve(review: Review, notebooks: Path, given: Mapping[str, str], sets: Sequence[str] = ()) -> Resolved:
    """What each theme's notebook is run with: its own default, else the review's value, else that of ``--set``.

    ``given`` holds the build's ``period``, ``source``, ``review`` and ``as_of``; ``sets`` are texts like
    ``recurring_revenue.retention_months=6`` and ``rules.grace_days=30``.

    Raises:
        KitError: with every theme, parameter and rule that is not known or not of its type.
    """
    schemas, faults = _schemas(review, notebooks)
    parameters = {theme: {name: p.default for name, p in schema.items()} for theme, schema in schemas.items()}
    settings, malformed = _settings(review, sets)
    faults += malformed
    for setting in settings:
        try:
            if setting.theme == "rules":
                review = _with_rule(review, setting)
            elif setting.theme in schemas:
                parameters[setting.theme][setting.name] = _checked(setting, schemas[setting.theme])
            elif setting.theme not in review.themes:
                raise ValueError(f"is of no theme of this review{nearest(setting.theme, [*review.themes, 'rules'])}")
        except ValueError as error:
            faults.append(f"{setting.where} {error}")
    if faults:
        raise KitError(*faults)
    return Resolved(review, {theme: {**values, **given} for theme, values in parameters.items()})


def parameters_of_all(review: Review, notebooks: Path) -> dict[str, dict[str, Any]]:
    """The parameters of every theme that there is: as the review settles them, of others as their notebooks stand.

    A theme whose parameters are at fault is left out.
    """
    found: dict[str, dict[str, Any]] = {}
    for theme in dict.fromkeys([*review.themes, *THEMES]):
        with suppress(KitError):
            alone = review.model_copy(update={"themes": {theme: review.themes.get(theme, {})}})
            found |= resolve(alone, notebooks, {}).parameters
    return found


def check_themes(path: Path, notebooks: Path) -> None:
    """Holds the themes of a review file against the notebooks, even if the rest of the file is at fault.

    Raises:
        KitError: with every theme and parameter that is not known or not of its type.
    """
    if review := themes_alone(path):
        resolve(review, notebooks, {})


def _tagged_cell(path: Path) -> str:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        tagged = [cell["source"] for cell in cells if "parameters" in cell["metadata"].get("tags", ())]
    except OSError as error:
        raise KitError(f"{shown(path)} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise KitError(f"{shown(path)} is not a Jupyter notebook of version 4; save it again from JupyterLab") from None
    if len(tagged) != 1:
        raise KitError(f"{shown(path)} has {len(tagged)} cells tagged 'parameters', must have one")
    return "".join(tagged[0])


def _declared(line: ast.stmt) -> Parameter:
    match line:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
            parameter = Parameter(name, ast.unparse(annotation), _type(annotation), _literal(value))
            parameter.checked(parameter.default)
            return parameter
    raise ValueError(NOT_A_LITERAL)


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        raise ValueError(NOT_A_LITERAL) from None


def _type(annotation: ast.expr) -> Any:
    """The type that an annotation names, put together from its parts and never evaluated."""
    match annotation:
        case ast.Constant(value=None):
            return None
        case ast.Name(id=name) if name in _SIMPLE:
            return _SIMPLE[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Union[_type(left), _type(right)]  # noqa: UP007 - the operator does not take None on both sides
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            values = _literal(choices)
            return Literal[values]
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return list[_type(item)]  # type: ignore[misc]
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[key, item])):
            return dict[_type(key), _type(item)]  # type: ignore[misc]
    raise ValueError(
        "is of no known type; known: int, PositiveInt, NonNegativeInt, float, PositiveFloat, str, bool, "
        "list[…], dict[…, …], Literal[…], None, and | of them"
    )


def _schemas(review: Review, notebooks: Path) -> tuple[dict[str, dict[str, Parameter]], list[str]]:
    known = {path.stem: path for path in sorted(notebooks.glob("*.ipynb"))}
    schemas: dict[str, dict[str, Parameter]] = {}
    faults: list[str] = []
    for theme in review.themes:
        try:
            if theme not in known:
                raise KitError(
                    f"{shown(review.path)}: themes.{theme} has no notebook in {shown(notebooks)}{nearest(theme, known)}"
                )
            schemas[theme] = notebook_schema(known[theme])
        except KitError as error:
            faults.extend(error.faults)
    return schemas, faults


def _settings(review: Review, sets: Sequence[str]) -> tuple[list[_Setting], list[str]]:
    """Every value given, the review's before those of the command line; and what is not THEME.NAME=VALUE."""
    file = shown(review.path)
    settings = [
        _Setting(f"{file}: themes.{theme}.{name}", theme, name, value)
        for theme, values in review.themes.items()
        for name, value in values.items()
    ]
    faults: list[str] = []
    for text in sets:
        match = re.fullmatch(r"(\w+)\.(\w+)=(.+)", text, re.DOTALL)
        try:
            if not match:
                raise KitError("must be THEME.NAME=VALUE or rules.NAME=VALUE")
            settings.append(_Setting(f"--set {match[1]}.{match[2]}", match[1], match[2], parse_value(match[3])))
        except KitError as error:
            faults += [f"--set {text}: {fault}" for fault in error.faults]
    return settings, faults


def _with_rule(review: Review, setting: _Setting) -> Review:
    try:
        rule = validated({setting.name: setting.value}, Rules)
    except KitError as error:
        raise ValueError(str(error).removeprefix(f"{setting.name} ")) from None
    rules = review.rules.model_copy(update={setting.name: getattr(rule, setting.name)})
    return review.model_copy(update={"rules": rules})


def _checked(setting: _Setting, schema: Mapping[str, Parameter]) -> Any:
    if setting.name in GIVEN:
        raise ValueError("is given by the command line of the build; take it out")
    if setting.name not in schema:
        raise ValueError(f"is not known{nearest(setting.name, schema.keys() - set(GIVEN))}")
    try:
        return schema[setting.name].checked(setting.value)
    except ValueError as error:
        raise ValueError(f"== {json.dumps(setting.value, ensure_ascii=False)}, {error}") from None
