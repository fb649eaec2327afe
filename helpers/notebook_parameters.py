"""What each theme is run with: the value of its notebook, else that of review.yml, else that of ``--set``.

The notebook's cell tagged ``parameters`` says which there are and of which type; it is read, never run (specification
12).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, TypeAdapter, ValidationError

from helpers.catalogue import THEMES
from helpers.errors import KitError, nearest, refuse
from helpers.params import MOST, Rules
from helpers.strict_yaml import parse_value, shown, validated

GIVEN = ("period", "source", "review", "as_of")
NOT_A_LITERAL = "must be an annotated literal, such as retention_months: int = 12"
_SIMPLE = {
    "int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict,
    "PositiveInt": Annotated[PositiveInt, Field(le=MOST)],
    "NonNegativeInt": Annotated[NonNegativeInt, Field(le=MOST)], "PositiveFloat": PositiveFloat,
}  # fmt: skip
_IN_WORDS = {
    "PositiveInt": f"int of 1 to {MOST}", "NonNegativeInt": f"int of 0 to {MOST}", "PositiveFloat": "float above 0",
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


class ThemeParameters(NamedTuple):
    """What every theme is run with, by theme and name; what each build gives (``GIVEN``) is not in it.

    ``asked`` are the themes of the review, or those of ``--only``, in the order of the review. ``others`` are all that
    remain: objectives may be measured by their KPIs. ``rules`` are the rules that ``--set`` changes.
    """

    asked: dict[str, dict[str, Any]]
    others: dict[str, dict[str, Any]]
    rules: dict[str, Any]


def theme_parameters(
    themes: Mapping[str, Mapping[str, Any]],
    notebooks: Path,
    *,
    file: Path,
    only: Sequence[str] = (),
    sets: Sequence[str] = (),
    option: str = "--set",
) -> ThemeParameters:
    """What every theme is run with. A command asks for this once and hands it on.

    Args:
        themes: What the review gives, by theme and name.
        notebooks: The folder of the notebooks, one of the name of each theme.
        file: The file of the review, for messages.
        only: The themes asked for; all of the review where none is named.
        sets: Texts like ``recurring_revenue.retention_months=6`` and ``rules.grace_days=30``.
        option: What gives the texts, for messages.

    Raises:
        KitError: with every theme, parameter and rule that is not known or not of its type.
    """
    asked = [theme for theme in themes if theme in only or not only]
    faults = [
        f"--only {name}: not a theme of this review{nearest(name, themes)}" for name in only if name not in themes
    ]
    given = _given(sets, [*asked, "rules"], option, faults)
    found: dict[str, dict[str, Any]] = {}
    for theme in dict.fromkeys([*themes, *THEMES]):
        try:
            schema = _schema_of(theme, notebooks, file)
            found[theme] = _values(
                schema,
                {f"{shown(file)}: themes.{theme}": themes.get(theme, {}), f"{option} {theme}": given.get(theme, {})},
            )
        except KitError as error:
            faults += error.faults if theme in themes else ()  # other themes need not be whole
    rules = _rules(given.get("rules", {}), option, faults)
    refuse(faults)
    return ThemeParameters({theme: found.pop(theme) for theme in asked}, found, rules)


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
    refuse(faults)
    return found


def _given(sets: Sequence[str], known: Sequence[str], option: str, faults: list[str]) -> dict[str, dict[str, Any]]:
    """What the option gives, by theme and name; ``faults`` hears of what cannot be read or is of no known theme."""
    given: dict[str, dict[str, Any]] = {}
    for text in sets:
        match = re.fullmatch(r"(\w+)\.(\w+)=(.+)", text, re.DOTALL)
        if not match:
            faults.append(f"{option} {text}: must be THEME.NAME=VALUE or rules.NAME=VALUE")
        elif match[1] not in known:
            faults.append(f"{option} {match[1]}.{match[2]} is of no theme that is asked for{nearest(match[1], known)}")
        else:
            try:
                given.setdefault(match[1], {})[match[2]] = parse_value(match[3])
            except KitError as error:
                faults += [f"{option} {text}: {fault}" for fault in error.faults]
    return given


def _rules(given: Mapping[str, Any], option: str, faults: list[str]) -> dict[str, Any]:
    try:
        rules = validated(given, Rules)
    except KitError as error:
        faults += [f"{option} rules.{fault}" for fault in error.faults]
        return {}
    return {name: getattr(rules, name) for name in rules.model_fields_set}


def _schema_of(theme: str, notebooks: Path, file: Path) -> dict[str, Parameter]:
    known = {path.stem: path for path in notebooks.glob("*.ipynb")}
    if theme not in known:
        raise KitError(f"{shown(file)}: themes.{theme} has no notebook in {shown(notebooks)}{nearest(theme, known)}")
    if theme not in THEMES:
        raise KitError(
            f"{shown(file)}: themes.{theme} has no rows in helpers/catalogue.py; add one for each kpi_id of its cards"
        )
    return notebook_schema(known[theme])


def _values(schema: Mapping[str, Parameter], layers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The default of each parameter, or what the last layer that names it gives; layers are called by their place."""
    values = {name: parameter.default for name, parameter in schema.items() if name not in GIVEN}
    faults = []
    for place, layer in layers.items():
        for name, value in layer.items():
            try:
                values[name] = _checked(name, value, schema)
            except ValueError as error:
                faults.append(f"{place}.{name} {error}")
    refuse(faults)
    return values


def _checked(name: str, value: Any, schema: Mapping[str, Parameter]) -> Any:
    if name in GIVEN:
        raise ValueError("is given by the command line of the build; take it out")
    if name not in schema:
        raise ValueError(f"is not known{nearest(name, schema.keys() - set(GIVEN))}")
    try:
        return schema[name].checked(value)
    except ValueError as error:
        raise ValueError(f"== {json.dumps(value, ensure_ascii=False)}, {error}") from None


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
