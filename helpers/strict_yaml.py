"""YAML files read into typed models: every fault of a file at once, and no value of the environment in any message.

Plainer than YAML's defaults, where these surprise: keys and dates are the text as written, only ``true`` and
``false`` are yes and no (``no`` is Norway), and a number that starts with 0 is not octal.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError, WrapValidator
from pydantic_core import ErrorDetails, PydanticCustomError

from helpers.errors import KitError, nearest, refuse

Model = TypeVar("Model", bound=BaseModel)
ENVIRONMENT = re.compile(r"\$\{([^}]*)\}")
SHOWN_CHARACTERS = 60
_Path = tuple[int | str, ...]  # the keys and positions that lead to a value


class Frozen(BaseModel):
    """What all of params/ is: frozen once read, and no key beyond the known ones."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FromFile(Frozen):
    """What a file of params/ is as a whole; ``path`` is that file."""

    _path: Path = PrivateAttr(default=Path())

    @property
    def path(self) -> Path:
        return self._path


def read_model(
    path: Path, model: type[Model], *, prepare: Callable[[dict[str, Any]], dict[str, Any]] = dict, printed: str = ""
) -> Model:
    """A YAML file as a model, ``${NAME}`` in its strings taken from the environment.

    ``prepare`` may bring the mapping into the model's form first. ``printed`` names a section that the pack prints
    as it is, so that nothing of the environment may stand in it.

    Raises:
        KitError: with every fault of the file, each as ``path: where what``.
    """
    read, faults = _read(path)
    written = prepare(_mapping(read, shown(path)))
    for name, place in ((name, _place(at)) for at, text in texts_in(written) for name in ENVIRONMENT.findall(text)):
        if not os.environ.get(name):
            faults.append(f"environment variable {name} is not set; {place} needs it")
        elif place.split(".")[0] == printed:
            faults.append(f"{place} takes ${{{name}}} from the environment, but packs print {printed}; write the value")
    try:
        found = validated(_filled_in(written), model, written)
    except KitError as error:
        faults += error.faults
    refuse(f"{shown(path)}: {fault}" for fault in faults)
    if isinstance(found, FromFile):
        found._path = path
    return found


def read_text(text: str, model: type[Model], where: str) -> Model:
    """YAML that stands in a text of others as a model; nothing in it is taken from the environment.

    Raises:
        KitError: with every fault of the text, each as ``where: what``.
    """
    read, faults = _loaded(text, where)
    read = _mapping({} if read is None else read, where)
    try:
        found = validated(read, model)
    except KitError as error:
        faults += error.faults
    refuse(f"{where}: {fault}" for fault in faults)
    return found


def validated(given: Mapping[str, Any], model: type[Model], written: Mapping[str, Any] | None = None) -> Model:
    """A mapping as a model: no number for a text and no yes for a 1.

    Raises:
        KitError: with every fault, each as ``where what``, the values shown as in ``written``.
    """
    try:
        return model.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        raise KitError(*(_told(details, model, written or given) for details in error.errors())) from None


@dataclass(frozen=True)
class Places:
    """Where the values of a YAML file stand. The file is read when this is first asked for, most often never."""

    path: Path

    @cached_property
    def written(self) -> Mapping[_Path, tuple[int, str]]:
        """The line and the name in messages of every key and item by its path; none of a file that is not YAML.

        Entries of a section are there by their position in it too, so that a mapping from names to fields can be
        addressed as the list of records that it is read as.
        """
        try:
            root = yaml.compose(self.path.read_text(encoding="utf-8"), _Loader)
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            root = None
        return dict(_written(root, ()))

    def where(self, *at: int | str) -> str:
        """A place as messages print it, with the line of the innermost part that is written.

        ``params/review.yml, line 93: departments[1].kpi_ids[2]``
        """
        inner = next((at[:n] for n in range(len(at), 0, -1) if at[:n] in self.written), ())
        line, name = self.written.get(inner, (0, ""))
        place = ".".join(filter(None, [name, _place(at[len(inner) :])]))
        return f"{shown(self.path)}{f', line {line}' if line else ''}: {place}"


def parse_value(text: str) -> Any:
    """One value as YAML reads it.

    >>> parse_value("12"), parse_value("[mql, won]"), parse_value("null"), parse_value("no")
    (12, ['mql', 'won'], None, 'no')
    """
    try:
        value, repeated = _held(_Loader(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        raise KitError(f"{text!r} is not a YAML value; put quotes around a text with special characters") from None
    refuse(repeated)
    return value


def texts_in(value: Any, *at: int | str) -> Iterator[tuple[_Path, str]]:
    """Every text in a value, with its place.

    >>> list(texts_in({"by": "Ann", "of": ["nrr", 4]}))
    [(('by',), 'Ann'), (('of', 0), 'nrr')]
    """
    if isinstance(value, str):
        yield at, value
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from texts_in(item, *at, key)


def from_environment(path: Path) -> dict[str, str]:
    """The values that a file takes from the environment, each with the ``${NAME}`` that stands for it."""
    names = ENVIRONMENT.findall(path.read_text(encoding="utf-8"))
    return {os.environ[name]: f"${{{name}}}" for name in names if os.environ.get(name)}


def shown(path: Path) -> str:
    """A path as messages print it: relative to the working directory where it lies under it.

    >>> shown(Path("params/review.yml").absolute())
    'params/review.yml'
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow the user's own links
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def expected(what: str) -> WrapValidator:
    """What a field of more than one form says in its faults: ``window_days == "x", must be a number of days …``."""

    def validated(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise PydanticCustomError("expected", "must be {what}", {"what": what}) from None

    return WrapValidator(validated)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way to say it

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.repeated: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be plain text", key.start_mark)
            key.tag = "tag:yaml.org,2002:str"
            line = key.start_mark.line + 1
            if key.value in first:
                self.repeated.append(f"{key.value} is given twice, on line {first[key.value]} and line {line}")
            first.setdefault(key.value, line)
        return super().construct_mapping(node, deep)


class _QuickLoader(_Loader):
    """The same from the events that libyaml finds, in a seventh of the time."""

    def __init__(self, stream: str) -> None:
        from yaml._yaml import CParser

        super().__init__("")
        self._events = CParser(stream)

    def check_event(self, *choices: Any) -> bool:
        return bool(self._events.check_event(*choices))

    def peek_event(self) -> Any:
        return self._events.peek_event()

    def get_event(self) -> Any:
        return self._events.get_event()


for _tag, _form, _starts in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_form})$"), _starts)


def _read(path: Path) -> tuple[Any, list[str]]:
    """What the file holds, and the keys that it gives twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise KitError(f"{shown(path)} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KitError(f"{shown(path)} is not plain text; save it as YAML in UTF-8") from None
    return _loaded(text, shown(path))


def _loaded(text: str, where: str) -> tuple[Any, list[str]]:
    """What a text holds, and the keys that it gives twice; ``where`` names it in messages.

    What cannot be read in C is read once more in Python, which says where the fault is.
    """
    with suppress(yaml.YAMLError, ValueError, RecursionError, ImportError):  # PyYAML may be built without C
        return _held(_QuickLoader(text))
    try:
        return _held(_Loader(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise KitError(f"{where}{line} is not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError:
        raise KitError(f"{where} is not plain text; save it as YAML in UTF-8") from None
    except (ValueError, RecursionError):
        raise KitError(f"{where} cannot be read: it refers to itself, or nests too deeply") from None


def _held(loader: _Loader) -> tuple[Any, list[str]]:
    return _plain(loader.get_single_data()), loader.repeated


def _written(node: yaml.Node | None, at: _Path, name: str = "") -> Iterator[tuple[_Path, tuple[int, str]]]:
    """Every key and item inside a node by its path: its line, and its name in messages."""
    if isinstance(node, yaml.MappingNode):
        inside = [(key.value, key, value, f"{name}.{key.value}".removeprefix(".")) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        inside = [(i, item, item, f"{name}[{i}]") for i, item in enumerate(node.value)]
    else:
        return
    for i, (part, mark, value, shown_as) in enumerate(inside):
        for key in {part, i} if len(at) == 1 else {part}:
            yield (*at, key), (mark.start_mark.line + 1, shown_as)
            yield from _written(value, (*at, key), shown_as)


def _plain(value: Any) -> Any:
    """The value in JSON's types, what the models are read from; one that refers to itself is a ValueError."""
    return json.loads(json.dumps(value, default=str))


def _filled_in(value: Any) -> Any:
    if isinstance(value, str):
        return ENVIRONMENT.sub(lambda match: os.environ.get(match[1]) or match[0], value)
    if isinstance(value, dict):
        return {key: _filled_in(item) for key, item in value.items()}
    return [_filled_in(item) for item in value] if isinstance(value, list) else value


def _told(details: ErrorDetails, model: type[BaseModel], written: Any) -> str:
    """One fault of pydantic in our words; values are shown as written, so never those of the environment."""
    loc = tuple(part for part in details["loc"] if not str(part).startswith("("))  # the name of one of several forms
    is_key = loc[-1] == "[key]"
    where = _place(loc[:-1] if is_key else loc)
    if details["type"] == "extra_forbidden":
        return f"{where} is not known{nearest(str(loc[-1]), _names_at(model, loc[:-1]))}"
    if details["type"] == "missing":
        return f"{where} is missing"
    what = re.sub(r"^\w+ should", "must", details["msg"].removeprefix("Value error, "))
    what = what.replace("an object", "a mapping").replace("a valid string", "text")
    bare = is_key or details["type"] == "hidden"  # a connection may hold a password
    return f"{where} {what}" if bare else f"{where} == {_found(written, loc)}, {what}"


def _names_at(model: type[BaseModel], loc: _Path) -> list[str]:
    """The keys that the model knows at a place."""
    at: Any = model
    for part in loc:
        at = at.model_fields[part].annotation if hasattr(at, "model_fields") else get_args(at)[isinstance(part, str)]
        at = _model_among(at) or at
    return [field.alias or name for name, field in at.model_fields.items()]


def _model_among(at: Any) -> Any:
    """The model among the forms that a field may have."""
    if hasattr(at, "model_fields"):
        return at
    forms = get_args(at) if get_origin(at) in (Annotated, Union, UnionType) else ()
    return next((found for form in forms if (found := _model_among(form))), None)


def _place(loc: _Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _found(written: Any, loc: _Path) -> str:
    try:
        for part in loc:
            written = written[part]
    except (LookupError, TypeError):  # a place inside a form that the field also allows
        return "…"
    text = json.dumps(written, ensure_ascii=False) if not isinstance(written, str) else repr(written)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _mapping(read: Any, where: str) -> dict[str, Any]:
    if isinstance(read, dict):
        return read
    kind = "empty" if read is None else "a list" if isinstance(read, list) else "a single value"
    raise KitError(f"{where} is {kind}, must be a mapping of names to values")
