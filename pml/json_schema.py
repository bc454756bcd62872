"""JSON that people or stages wrote, against a JSON schema."""

import math
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from numpy import format_float_positional

from pml.errors import InputError, suggest
from pml.registry import REGISTRIES

PLACES = 3  # that a message lists where the same is wrong in several
KINDS = {
    "object": "keys with values",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def check_json(value: Any, schema: dict, where: str) -> None:
    """Check `value` against a schema; `where` it comes from begins an error.

    Raises:
        InputError: a key is unknown (the nearest known one is suggested) or missing, or has a refused value. It has a message
            for each mistake, the unknown keys first. What is wrong in several places, as by an anchor of YAML, is one mistake.
    """
    errors = _causes(_Validator(schema).iter_errors(value))
    places: dict[str, list[str]] = {}
    for error in sorted(errors, key=lambda error: (error.validator != "additionalProperties", _order(value, error))):
        for text in _texts(error):
            places.setdefault(text, []).append(".".join(map(str, error.absolute_path)))
    if places:
        raise InputError(*(_message(where, text, list(dict.fromkeys(found))) for text, found in places.items()))


def _of_registry(validator: Draft202012Validator, kind: str, value: object, schema: dict) -> Iterator[ValidationError]:
    """Yield an error unless `value` is a short name of the registry `kind`, or is written as module:Name."""
    known = REGISTRIES[kind]
    if not isinstance(value, str):
        yield ValidationError(f"{value!r} is no name of a {kind}; known: {', '.join(known)}")
    elif value not in known and not re.fullmatch(r"[\w.]+:\w+", value):
        yield ValidationError(f"'{value}' is no known {kind}{suggest(value, known)}; one of your own is written module:Name")


def _whole_pattern(validator: Draft202012Validator, pattern: str, value: object, schema: dict) -> Iterator[ValidationError]:
    """Yield an error unless the pattern matches all of `value`: `$` alone lets a newline at the end pass."""
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _required(validator: Draft202012Validator, names: list, value: Any, schema: dict) -> Iterator[ValidationError]:
    """Yield an error for each key that is missing, which is its `validator_value`."""
    for name in names if isinstance(value, dict) else []:
        if name not in value:
            about = schema.get("properties", {}).get(name, {}).get("description", "")
            text = f"'{name}' is a required property; add it" + (f": {about}" if about else "")
            yield ValidationError(text, validator_value=name)


def _is_whole(checker: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(checker: object, value: object) -> bool:
    return _is_whole(checker, value) or (isinstance(value, float) and math.isfinite(value))


def _is_list(checker: object, value: object) -> bool:
    return isinstance(value, (list, tuple))


# 1.0 is no whole number, which code may use to count, and .nan and .inf of YAML are no numbers that can be trained with.
_Validator = extend(
    Draft202012Validator,
    {"registry": _of_registry, "pattern": _whole_pattern, "required": _required},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_whole, "number": _is_finite, "array": _is_list}
    ),
)


def _causes(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Yield the errors that are mistakes of their own.

    A misspelt key may also leave the right one missing, and its object none of several that are allowed; the misspelling is the
    cause. Of several that are allowed, the one that is meant tells what is wrong with it.
    """
    errors = list(errors)
    unknown = {tuple(error.absolute_path): _unknown(error) for error in errors if error.validator == "additionalProperties"}
    for error in errors:
        misspelt = unknown.get(tuple(error.absolute_path), [])
        if error.validator in ("oneOf", "anyOf"):
            if not misspelt:
                yield from _meant(error)
        elif error.validator != "required" or not get_close_matches(error.validator_value, misspelt):
            yield error


def _meant(error: ValidationError) -> Iterator[ValidationError]:
    """Yield what is wrong with the one alternative whose type is right, or else that it is none of them."""
    alternatives: dict[int, list[ValidationError]] = {}
    for inner in error.context:
        alternatives.setdefault(inner.relative_schema_path[0], []).append(inner)
    right = [
        inner for inner in alternatives.values() if not any(one.validator == "type" and not one.relative_path for one in inner)
    ]
    yield from _causes(right[0]) if len(right) == 1 else [error]


def _order(value: Any, error: ValidationError) -> list[int]:
    """Return the place of what is wrong in the order in which it was written."""
    numbers = []
    for key in error.absolute_path:
        numbers.append(list(value).index(key) if isinstance(value, dict) else int(key))
        value = value[key]
    return numbers


def _unknown(error: ValidationError) -> list[str]:
    return [str(key) for key in error.instance if key not in error.schema.get("properties", {})]


def _message(where: str, text: str, places: list[str]) -> str:
    first, *others = places
    also = f"; the same in {', '.join(others[:PLACES])}" if others else ""
    also += f" and {len(others) - PLACES} more" if len(others) > PLACES else ""
    return ": ".join(filter(None, [where, first, text])) + also


def _texts(error: ValidationError) -> Iterator[str]:
    """Yield what an error says, a text for each key that it is about."""
    if error.validator == "additionalProperties":
        for key in _unknown(error):
            yield f"unknown key '{key}'{suggest(key, error.schema['properties'])}"
    elif error.validator == "required":
        yield error.message
    elif error.validator in ("oneOf", "anyOf"):
        yield f"{_what_it_is(error.instance)}; give {_about(error)}"
    else:
        yield _wrong(error) + _in_brackets(error)


def _wrong(error: ValidationError) -> str:
    """Return what is wrong with a value."""
    value = error.instance
    if error.validator == "enum":
        return f"{_shown(value)} is not one of {', '.join(map(str, error.validator_value))}; write one of these"
    if error.validator == "minItems" and error.validator_value > 1:
        return f"{value} has {len(value)} of {error.validator_value} values or more; add to them"
    if error.validator != "type":
        return error.message
    kinds = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
    if {"integer", "number"} & {*kinds}:
        if isinstance(value, str) and re.fullmatch(r"\d+[eE]-?\d+", value):
            return f"YAML reads {value} as text; write {format_float_positional(float(value), trim='-')} instead"
        if isinstance(value, float) and not math.isfinite(value):
            return f"{value} is not a finite number; write one"
        if isinstance(value, float) and value.is_integer():
            return f"{value} is not a whole number; write {value:.0f}"
    return f"{_shown(value)} is not {' or '.join(KINDS[kind] for kind in kinds)}; write {'one' if len(kinds) == 1 else 'it so'}"


def _what_it_is(value: object) -> str:
    """Return what is told of a value that is none of several that are allowed."""
    if isinstance(value, dict):
        return f"has {' and '.join(map(str, value)) or 'no key'}"
    return f"{_shown(value)} is not allowed"


def _shown(value: object) -> str:
    return "an empty value" if value is None else repr(value)


def _in_brackets(error: ValidationError) -> str:
    """Return what the key that has a wrong value is for; the name that a registry does not know tells that by itself."""
    if not _about(error) or error.validator == "registry":
        return ""
    key = error.absolute_path[-1] if error.absolute_path else 0
    return f" ({key}: {_about(error)})" if isinstance(key, str) else f" ({_about(error)})"


def _about(error: ValidationError) -> str:
    return error.schema.get("description", "")
