"""Parameters from people: what a notebook takes, and what someone typed, checked and typed."""

import ast
import contextlib
import difflib
import functools
import json
import re
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

from ..parameters import ParameterError, check, has_rule, shown
from .figures import read_notebook


class Parameter(NamedTuple):
    """What a notebook's `parameters` cell says of one name."""

    default: Any
    help: str
    like: Any  # a value of the type: the default, or where that is None what is annotated


def parameters(notebook):
    """The parameters that a notebook takes, as name → `Parameter`.

    They are the assignments in its cell tagged `parameters`, the comment behind each its help:
    `epochs: int = 10  # passes over the training images`. A default of None needs its type in
    the annotation, `looks: int | None = None`; one that is whole may be annotated as a float.

    Raises:
        OSError: a file that cannot be read.
        ValueError: what is not a notebook, or such a cell that holds anything else.
    """
    tagged = (
        c for c in read_notebook(notebook).cells if "parameters" in c.metadata.get("tags", [])
    )
    source = next((cell.source for cell in tagged), "")
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(
            f"{notebook}: the parameters cell is no Python ({str(error)[:60]}): {_EXPECTED}"
        ) from None
    found = {}
    for node in body:
        try:
            name, parameter = _parameter(node, source)
        except (ValueError, AttributeError, OverflowError, RecursionError):
            line = shown(ast.get_source_segment(source, node))
            raise ValueError(
                f"{notebook}: the parameters cell holds {line}: {_EXPECTED}"
            ) from None
        if type(parameter.like) not in _TYPE_NAMES:
            raise ValueError(
                f"{notebook}: {name} = {shown(parameter.default)} is none of {', '.join(_LIKE)}: "
                "expected one of them as its value, or annotated where that is None"
            )
        found[name] = parameter
    return found


_EXPECTED = "expected nothing but lines such as `epochs: int = 10  # help`"


# What stands for each type that people may write, and how they would call it.
_LIKE = {"int": 0, "float": 0.0, "str": "", "bool": False, "list": []}
_TYPE_NAMES = {
    int: "a whole number",
    float: "a number",
    str: "a string",
    bool: "a bool",
    list: "a list",
}


def _parameter(node, source):
    (target,) = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
    last_line = source.splitlines()[node.end_lineno - 1]
    comment = last_line.encode()[node.end_col_offset :].decode()  # ast counts in UTF-8
    default = ast.literal_eval(node.value)
    like = _meant(default, _annotated(node))
    default = default if default in (None, []) else like
    return target.id, Parameter(default, comment.strip(" #"), like)


def _meant(default, annotated):
    """The default, or what the annotation says of it: of None, an empty list, a whole number."""
    if default in (None, []) and annotated is not None:
        return annotated
    if type(default) is int and type(annotated) is float:
        return float(default)
    if type(default) is type(annotated) is list and annotated:
        return [_meant(element, annotated[0]) for element in default]
    return default


def _annotated(node):
    """A value of the first type that the annotation names, or None."""
    written = ast.walk(getattr(node, "annotation", None) or ast.Pass())
    names = [part.id for part in written if isinstance(part, ast.Name) and part.id in _LIKE]
    return _like(*names) if names else None


def _like(name, *inner):
    return [_like(*inner)] if name == "list" and inner else _LIKE[name]


def parse_parameters(notebook, settings=(), file=None):
    """Parameters for a notebook from a person: checked, and typed as its defaults are.

    Args:
        notebook: its path.
        settings: strings `name=value`. A list is written `500,500` or `[500, 500]`.
        file: a YAML file of names and values; settings win over it.

    Raises:
        ParameterError: an unknown or repeated name, a value of the wrong type, and, where the
            notebook calls `check_parameters`, values that break a rule, alone or together with
            the defaults.
        ValueError, OSError: a file that it cannot read.

    Example:
        `parse_parameters("notebooks/04_evaluation.ipynb", ["epochs=2"])` gives `{"epochs": 2}`.
    """
    values = read_yaml(file) if file else {}
    if not isinstance(values, dict):
        raise ValueError(f"{file}: expected lines such as `epochs: 10`")
    return typed_parameters(notebook, values | split_settings(settings))


def split_settings(settings):
    """`name=value` strings as a dict; `ParameterError` for another form and a repeated name."""
    given = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise ParameterError(f"{shown(setting)}: expected name=value")
        if name in given:
            raise ParameterError(f"{name} is given twice: expected one value")
        given[name] = value
    return given


def read_yaml(path):
    """What a YAML file holds; `ValueError` or `OSError` for one that cannot be read."""
    import yaml

    class Loader(yaml.SafeLoader):  # loads no objects
        """It refuses a name that stands there twice, of which PyYAML would take the last."""

        def construct_mapping(self, node, deep=False):
            names = [name.value for name, _ in node.value if isinstance(name, yaml.ScalarNode)]
            for name in names:
                if names.count(name) > 1:
                    raise yaml.YAMLError(f"{name} stands there twice")
            return super().construct_mapping(node, deep)

    def number(_, node, kind):  # as -p takes them: 010 is ten, not eight, and 1:30 is a string
        with contextlib.suppress(ValueError):
            return kind(re.sub(r"\.(?=inf|nan)", "", node.value.lower()))
        return node.value

    for kind in (int, float):
        constructor = functools.partial(number, kind=kind)
        Loader.add_constructor(f"tag:yaml.org,2002:{kind.__name__}", constructor)
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), Loader)  # nosec B506
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = textwrap.shorten(str(error), 80, placeholder=" …")
        raise ValueError(
            f"{path} is not a YAML file ({reason}): expected lines such as `epochs: 10`"
        ) from None


def typed_parameters(notebook, values):
    """`values` (name → value), typed as the notebook's defaults are, and checked with them.

    Raises:
        ParameterError: as `parse_parameters`.
    """
    known = parameters(notebook)
    values = {name: typed(notebook, known, name, value) for name, value in values.items()}
    defaults = {name: parameter.default for name, parameter in known.items()}
    rules(notebook)(defaults | values)
    return values


def rules(notebook):
    """A function that refuses a notebook's parameters, all of them as a dict, if they cannot be.

    Only where the notebook calls `check_parameters`: in another one `epochs` may mean another
    thing. It would refuse them itself, but only after a kernel and TensorFlow have started.
    """
    if "check_parameters" not in Path(notebook).read_text(encoding="utf-8"):
        return lambda values: None
    return lambda values: check(**{name: v for name, v in values.items() if has_rule(name)})


def typed(notebook, known, name, value):
    """A value for one of a notebook's `known` parameters, in the type of its default.

    Raises:
        ParameterError: an unknown name, a value of another type.
    """
    if name not in known:
        close = difflib.get_close_matches(str(name), known, n=1)
        hint = f", did you mean {close[0]}?" if close else ":"
        names = ", ".join(known) or "none"
        raise ParameterError(
            f"unknown parameter {str(name)[:60] or repr(name)}{hint} expected a name that {notebook} takes: {names}"
        )
    default, _, like = known[name]
    nothing = value is None or isinstance(value, str) and value.lower() in ("none", "null")
    if nothing and default is None:
        return None
    if type(value) is list and value == default:  # whatever it mixes
        return default
    try:
        return _as_type_of(like, value)
    except (ValueError, KeyError, OverflowError):
        expected = f"{_TYPE_NAMES[type(like)]} such as {like!r}" + " or none" * (default is None)
        raise ParameterError(f"{name}={shown(value)}: expected {expected}") from None


def _as_type_of(like, value):
    kind = type(like)
    if kind is list:
        value = _split(value, depth(like)) if isinstance(value, str) else value
        if type(value) is list:
            return [_as_type_of(like[0], element) if like else element for element in value]
    if isinstance(value, str):  # also in a YAML file, which takes 1e-3 for a string
        value = in_utf8(value)
        return {"true": True, "false": False}[value.lower()] if kind is bool else kind(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError
    return value


def in_utf8(text):
    """The text; `ValueError` for a name of other bytes, which notebooks and records cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{shown(text)}: expected a name in UTF-8") from None
    return text


def depth(value):
    """How deep lists are nested: 0 for a number, 1 for `[500]`, 2 for `[[500]]`."""
    return 1 + depth((value or [0])[0]) if isinstance(value, list) else 0


def _split(text, levels):
    """The elements of a list of so many levels, written with its outer brackets or without."""
    if levels > 1 or '"' in text or "]" in text:
        value = read_lists(text)
        if depth(value) > levels and len(value) > 1:
            raise ValueError(f"{text!r} are several lists")
        return value[0] if depth(value) > levels else value
    text = text.strip().removeprefix("[").removesuffix("]").strip()
    return [element.strip() for element in text.split(",")] if text else []


def read_lists(text):
    """Lists as people write them, `[1, 2], [3]`; `ValueError` for anything else."""
    import yaml

    try:
        return yaml.load(f"[{text}]", yaml.BaseLoader)  # nosec B506 -- strings, to be typed
    except yaml.YAMLError:
        raise ValueError(f"{text!r} is no list") from None


def as_text(value):
    """A value as one types it on the command line: `500,500`, `true`."""
    if isinstance(value, list):
        inner = (f"[{as_text(v)}]" if isinstance(v, list) else as_text(v) for v in value)
        return ",".join(
            v if v[:1] == "[" or not set(v) & {",", '"'} else json.dumps(v) for v in inner
        )
    return str(value).lower() if isinstance(value, bool | None) else str(value)
