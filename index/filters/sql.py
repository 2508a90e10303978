"""A filter as parametrised SQL over the tables `attributes` and `records`.

    attributes(field INTEGER, value, key INTEGER, PRIMARY KEY (field, value, key)) WITHOUT ROWID
    records(key INTEGER PRIMARY KEY, …)

`field` is the attribute's position in the schema and the only thing written into the text; every value is a
parameter. Each leaf is a range of the primary key. A value of the schema is stored as TEXT, REAL or INTEGER, one row
for each text of a list, and SQLite's binary order of UTF-8 is the order of code points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from index.errors import InvalidFilter
from index.filters.sql_values import Parameter, values_sql
from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, Filter, In, Leaf, Literal, Not, Or, Range
from index.schema import AttributeType, IndexSchema

MOST_PARAMETERS: Final = 32_766
"""SQLite's own default since 3.32."""

_GROUP = 8  # parts joined without a bracket
_LEVELS = 10  # brackets within one another; SQLite's parser holds 100 symbols, of which a level takes three
_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_Parameters: TypeAlias = tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text with `?` places, and what goes there in order."""

    text: str
    parameters: _Parameters


def leaf_keys(leaf: Leaf, schema: IndexSchema) -> Sql:
    """A SELECT of the keys, each once and in no promised order, of the records that satisfy a bound leaf."""
    listed = _attribute(leaf, schema)[1] is AttributeType.TEXTS and not isinstance(leaf, Contains)
    return _select(leaf, schema, "SELECT DISTINCT key" if listed else "SELECT key")


def condition(bound: Filter, schema: IndexSchema) -> Sql:
    """An expression over `records.key`, true of the records that satisfy a bound filter.

    It goes into `SELECT … FROM records WHERE <text>`, also beside `AND` and `OR`.
    Raises InvalidFilter where it would take more than 32,766 parameters, which takes some thousand comparisons.
    """
    compiler = _Compiler(schema)
    sql = compiler.whole(bound)
    if len(sql.parameters) > MOST_PARAMETERS:
        raise InvalidFilter(
            f"filter: it takes {len(sql.parameters):,} parameters of SQL, at most {MOST_PARAMETERS:,} are possible. "
            "Write several comparisons of one attribute as one list of values (in, has any)."
        )
    return sql


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the expression, and how many levels of brackets it is."""

    text: str
    parameters: _Parameters
    levels: int


class _Compiler:
    """One condition. What is nested too deep for SQLite's parser becomes a common table expression of its own."""

    def __init__(self, schema: IndexSchema) -> None:
        self._schema = schema
        self._tables: list[_Piece] = []

    def whole(self, filter: Filter) -> Sql:
        piece = self._piece(filter, negated=False)
        if not self._tables:
            return Sql(piece.text, piece.parameters)
        tables = ", ".join(
            f"part{number}(key) AS (SELECT records.key FROM records WHERE {table.text})"  # noqa: S608 - made below
            for number, table in enumerate(self._tables)
        )
        text = f"records.key IN (WITH {tables} SELECT records.key FROM records WHERE {piece.text})"  # noqa: S608 - made below
        parameters = [parameter for each in (*self._tables, piece) for parameter in each.parameters]
        return Sql(text, tuple(parameters))

    def _piece(self, filter: Filter, negated: bool) -> _Piece:
        """The filter, or its complement: a Not is carried down to the leaves, where it takes no bracket."""
        if isinstance(filter, Not):
            return self._piece(filter.part, not negated)
        if isinstance(filter, And | Or):
            every = isinstance(filter, And) != negated
            pieces = []
            for part in filter.parts:
                pieces.append(self._piece(part, negated))  # noqa: PERF401 - a comprehension is one more frame a level
            return self._joined(pieces, " AND " if every else " OR ") if pieces else _Piece("10"[not every], (), 0)
        keys = _select(filter, self._schema, "SELECT key")
        return _Piece(f"records.key {'NOT ' if negated else ''}IN ({keys.text})", keys.parameters, 0)

    def _joined(self, pieces: list[_Piece], word: str) -> _Piece:
        """All pieces joined, as a tree of groups: SQLite allows an expression a depth of 1,000."""
        while len(pieces) > 1:
            pieces = [self._group(pieces[first : first + _GROUP], word) for first in range(0, len(pieces), _GROUP)]
        return pieces[0]

    def _group(self, pieces: list[_Piece], word: str) -> _Piece:
        if len(pieces) == 1:
            return pieces[0]
        pieces = [self._table(piece) if piece.levels == _LEVELS else piece for piece in pieces]
        return _Piece(
            f"({word.join(piece.text for piece in pieces)})",
            tuple(parameter for piece in pieces for parameter in piece.parameters),
            1 + max(piece.levels for piece in pieces),
        )

    def _table(self, piece: _Piece) -> _Piece:
        self._tables.append(piece)
        text = f"records.key IN (SELECT key FROM part{len(self._tables) - 1})"  # noqa: S608 - a number
        return _Piece(text, (), 0)


def _select(leaf: Leaf, schema: IndexSchema, select: str) -> Sql:
    field, kind = _attribute(leaf, schema)
    start = f"{select} FROM attributes WHERE field = {field}"
    if isinstance(leaf, Exists):
        return Sql(start, ())
    if isinstance(leaf, Eq | Contains):
        return Sql(f"{start} AND value = ?", (_parameter(leaf.value),))
    if isinstance(leaf, In | ContainsAny):
        text, parameters = values_sql(kind, leaf.values)
        return Sql(f"{start} AND value IN ({text})", parameters)
    given = [(sign, getattr(leaf, name)) for name, sign in _BOUNDS.items() if getattr(leaf, name) is not None]
    text = "".join(f" AND value {sign} ?" for sign, _ in given)
    return Sql(start + text, tuple(_parameter(bound) for _, bound in given))


def _attribute(leaf: Leaf, schema: IndexSchema) -> tuple[int, AttributeType]:
    if isinstance(leaf, Eq | In | Range | Contains | ContainsAny | Exists):
        for place, attribute in enumerate(schema.attributes):
            if attribute.name == leaf.field:
                return place, attribute.type
    raise InvalidFilter("filter: this is no filter of this schema. Pass it through bind() first.")


def _parameter(value: Literal) -> Parameter:
    if isinstance(value, str | int | float):
        return value
    raise InvalidFilter(f"filter: got a {type(value).__name__}, expected a bound filter. Pass it through bind() first.")
