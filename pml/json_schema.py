"""JSON that people or stages wrote, against a JSON schema."""

import math
import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from pml.errors import InputError, suggest
from pml.registry import REGISTRIES


def check_json(value: Any, schema: dict, where: str) -> None:
    """Check `value` against a schema; `where` it comes from begins an error.

    Raises:
        InputError: a key is unknown (the nearest known one is suggested) or missing, or has a refused value.
    """
    errors = list(_Validator(schema).iter_errors(value))
    if errors:
        # A misspelt key may also leave the right one missing; the misspelling is the cause.
        raise InputError(_message(best_match([e for e in errors if e.validator == "additionalProperties"] or errors), where))


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


def _is_whole(checker: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(checker: object, value: object) -> bool:
    return _is_whole(checker, value) or (isinstance(value, float) and math.isfinite(value))


def _is_list(checker: object, value: object) -> bool:
    return isinstance(value, (list, tuple))


# 1.0 is no whole number, which code may use to count, and .nan and .inf of YAML are no numbers that can be trained with.
_Validator = extend(
    Draft202012Validator,
    {"registry": _of_registry, "pattern": _whole_pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_whole, "number": _is_finite, "array": _is_list}
    ),
)


def _message(error: ValidationError, where: str) -> str:
    where = ": ".join([where, *filter(None, [".".join(map(str, error.absolute_path))])])
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        unknown = next(key for key in error.instance if key not in known)
        return f"{where}: unknown key '{unknown}'{suggest(unknown, known)}"
    if error.validator == "type" and isinstance(error.instance, str) and re.fullmatch(r"\d+[eE]-?\d+", error.instance):
        return f"{where}: YAML reads {error.instance} as text; write {float(error.instance):f} instead"
    if error.validator == "type" and isinstance(error.instance, float):
        whole = f"a whole number; write {error.instance:.0f}" if error.instance.is_integer() else "of the kind that is needed"
        kind = whole if math.isfinite(error.instance) else "a finite number; write one"
        return f"{where}: {error.instance} is not {kind}{_described(error)}"
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        about = error.schema.get("properties", {}).get(missing, {}).get("description", "")
        return f"{where}: '{missing}' is a required property; add it" + (f": {about}" if about else "")
    return f"{where}: {error.message}{_described(error)}"


def _described(error: ValidationError) -> str:
    description = error.schema.get("description", "")
    return f" ({description})" if description else ""
