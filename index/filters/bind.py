"""A filter held against a schema: names that exist, operators that apply, literals in the form that is stored."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from index.errors import InvalidFilter
from index.filters.literals import KINDS, comparable, comparable_text, short
from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, Filter, In, Leaf, Not, Or, Range
from index.schema import Attribute, AttributeType, IndexSchema

DEEPEST_TREE: Final = 250
"""Nodes from the root to a leaf: more than 100 brackets of a text can make, few enough for Python's stack."""
MOST_NODES: Final = 10_000
"""Nodes of a tree; one In may hold any number of values."""

_T = TypeVar("_T")
_OPERATORS = {
    AttributeType.TEXT: "= != in, not in, < <= > >= and exists",
    AttributeType.NUMBER: "= != in, not in, < <= > >= and exists",
    AttributeType.TIME: "= != in, not in, < <= > >= and exists",
    AttributeType.BOOL: "= != in, not in and exists",
    AttributeType.TEXTS: "has, has any and exists",
}


def bind(filter: Filter, schema: IndexSchema) -> Filter:
    """The same tree with every literal in its comparable form (`Value` in index/schema.py).

    Texts are str, numbers float (-0.0 becomes 0.0), times int microseconds since 1970 UTC, bools bool. Each list
    holds a value once; a Range has at most one lower and one upper bound, the tighter one. A time may be given as
    datetime or as ISO 8601; without an offset it is UTC. The result is for compilers; binding it again means nothing.

    Raises InvalidFilter for an attribute the schema has not, an operator or a literal that does not go with its
    type, a node that is none, and a tree deeper than 250 or of more than 10,000 nodes.
    """
    return _Binder(schema).bound(filter, 1)


class _Binder:
    def __init__(self, schema: IndexSchema) -> None:
        self._attributes = {attribute.name: attribute for attribute in schema.attributes}
        self._nodes = 0

    def bound(self, filter: Filter, depth: int) -> Filter:
        """One frame a level and no look at the parts before the depth is known: any tree may come."""
        self._nodes += 1
        if depth > DEEPEST_TREE or self._nodes > MOST_NODES:
            raise InvalidFilter(
                f"filter: more than {DEEPEST_TREE} levels or {MOST_NODES:,} nodes. "
                "Flatten it; In and ContainsAny take a list of any length."
            )
        if isinstance(filter, Not):
            return Not(self.bound(filter.part, depth + 1))
        if isinstance(filter, And | Or):
            if not isinstance(filter.parts, tuple):
                raise InvalidFilter(
                    f"filter: the parts of {type(filter).__name__} are {type(filter.parts).__name__}, expected "
                    "a tuple. Write And((a, b))."
                )
            parts = []
            for part in filter.parts:
                parts.append(self.bound(part, depth + 1))  # noqa: PERF401 - a comprehension is one more frame a level
            return And(tuple(parts)) if isinstance(filter, And) else Or(tuple(parts))
        if not isinstance(filter, Eq | In | Range | Contains | ContainsAny | Exists):
            mend = " Read it with parse_filter() first." if isinstance(filter, str) else ""
            raise InvalidFilter(f"filter: got {type(filter).__name__}, expected a node of index/filters/tree.py.{mend}")
        return self._leaf(filter)

    def _leaf(self, leaf: Leaf) -> Leaf:
        attribute = self._attribute(leaf.field)
        if isinstance(leaf, Exists):
            return Exists(attribute.name)
        _check_operator(leaf, attribute)
        if isinstance(leaf, Eq):
            return Eq(attribute.name, comparable(attribute, leaf.value))
        if isinstance(leaf, In):
            return In(attribute.name, tuple(dict.fromkeys(_each(attribute, leaf.values, comparable))))
        if isinstance(leaf, Range):
            return _range(attribute, leaf)
        if isinstance(leaf, Contains):
            return Contains(attribute.name, comparable_text(attribute, leaf.value))
        return ContainsAny(attribute.name, tuple(dict.fromkeys(_each(attribute, leaf.values, comparable_text))))

    def _attribute(self, name: object) -> Attribute:
        if isinstance(name, str) and name in self._attributes:
            return self._attributes[name]
        if not self._attributes:
            raise InvalidFilter(
                f"filter: no attribute {short(name)}, because this index has none to filter by. "
                "Declare attributes when the index is created."
            )
        close = get_close_matches(name.lower(), self._attributes, 1) if isinstance(name, str) else []
        allowed = ", ".join(f"{each.name} ({each.type.value})" for each in self._attributes.values())
        raise InvalidFilter(
            f"filter: no attribute {short(name)}."
            f"{f' Did you mean {close[0]}?' if close else ''} This index can be filtered by {allowed}."
        )


def _check_operator(leaf: Leaf, attribute: Attribute) -> None:
    listed = attribute.type is AttributeType.TEXTS
    if isinstance(leaf, Contains | ContainsAny) == listed and not (
        isinstance(leaf, Range) and attribute.type is AttributeType.BOOL
    ):
        return
    used = {Eq: "=", In: "in", Range: "< <= > >=", Contains: "has", ContainsAny: "has any"}[type(leaf)]
    mend = "" if not listed else f' Write {attribute.name} has "…" or {attribute.name} has any ("…", "…").'
    raise InvalidFilter(
        f"filter: {attribute.name} is {KINDS[attribute.type]}, to which {used} does not apply; "
        f"expected {_OPERATORS[attribute.type]}.{mend}"
    )


def _each(attribute: Attribute, values: object, bound: Callable[[Attribute, object], _T]) -> list[_T]:
    if not isinstance(values, tuple):
        raise InvalidFilter(
            f"filter: the values for {attribute.name} are {type(values).__name__}, expected a tuple. "
            "Wrap them in tuple()."
        )
    return [bound(attribute, value) for value in values]


def _range(attribute: Attribute, leaf: Range) -> Range:
    given = (leaf.gt, leaf.ge, leaf.lt, leaf.le)
    bounds: list[Any] = [None if bound is None else comparable(attribute, bound) for bound in given]
    gt, ge, lt, le = bounds  # of one type, that of the attribute
    if gt is ge is lt is le is None:
        raise InvalidFilter(f"filter: the Range over {attribute.name} has no bound. Give it gt, ge, lt or le.")
    if gt is not None and ge is not None:
        gt, ge = (gt, None) if gt >= ge else (None, ge)
    if lt is not None and le is not None:
        lt, le = (lt, None) if lt <= le else (None, le)
    return Range(attribute.name, gt, ge, lt, le)
