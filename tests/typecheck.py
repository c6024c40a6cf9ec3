"""How shapes and types in signatures are checked while tests run."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from types import FunctionType
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

# an int is a fine float, as for every type checker; what is read from files is refused by a `TypeError`
check = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=TypeError))
_jaxtyped = jaxtyping.jaxtyped


def jaxtyped(function: Any = None, *, typechecker: Callable[..., Any]) -> Any:
    """Check a function as `jaxtyping.jaxtyped` does, in a quarter of its time.

    That binds arguments by `inspect`, and checks them again together with what is returned; here beartype
    checks the function itself, in a scope of its own where annotations have shapes.
    """
    if function is None:
        return functools.partial(jaxtyped, typechecker=typechecker)
    if not isinstance(function, FunctionType) or inspect.isgeneratorfunction(function):
        return _jaxtyped(function, typechecker=typechecker)
    hints = {name: _resolve(each, function.__globals__) for name, each in function.__annotations__.items()}
    if not hints:
        return function
    plain = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    functools.update_wrapper(plain, function)
    del plain.__wrapped__
    plain.__kwdefaults__, plain.__annotations__ = function.__kwdefaults__, hints
    checked = typechecker(plain)
    if not any("jaxtyping." in repr(hint) for hint in hints.values()):
        return functools.update_wrapper(checked, function)

    @functools.wraps(function)
    def scoped(*args: Any, **kwargs: Any) -> Any:
        with _jaxtyped("context"):
            return checked(*args, **kwargs)

    return scoped


def _resolve(annotation: Any, names: dict[str, Any]) -> Any:
    """Return what an annotation stands for; anything, where the type checker alone imports its names."""

    def holder(value: Any) -> None: ...

    holder.__annotations__ = {"value": annotation}
    try:
        return typing.get_type_hints(holder, names, include_extras=True)["value"]
    except Exception:
        return Any
