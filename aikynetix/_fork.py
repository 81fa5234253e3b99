"""What the child of a fork begins anew: it has one thread, and what the others had locked stays locked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_kept: WeakKeyDictionary[Any, Callable[[Any], object]] = WeakKeyDictionary()


def in_child(one: T, begin_anew: Callable[[T], object]) -> None:
    """Have ``begin_anew`` called with ``one`` in the child of every fork for as long as it exists.

    Args:
        one: Compared by identity.
        begin_anew: A function that holds on to nothing, such as a method taken from its class.
    """
    _kept[one] = begin_anew


def _begin_anew() -> None:
    for one, begin_anew in list(_kept.items()):
        begin_anew(one)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_begin_anew)
