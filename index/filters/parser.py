"""From the written form of a filter (index/filters/text.py) to its tree: recursive descent, a method a rule."""

from __future__ import annotations

from typing import Final

from index.errors import InvalidFilter
from index.filters.tokens import Kind, Token, fault, tokens
from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, Filter, In, Literal, Not, Or, Range

LONGEST_TEXT: Final = 20_000
"""Characters."""
DEEPEST_TEXT: Final = 100
"""Brackets and `not` within one another."""

BOUNDS: Final = {">": "gt", ">=": "ge", "<": "lt", "<=": "le"}
"""The operators of a Range, and the names of its fields."""

_OPERATORS = "= != < <= > >= in, not in, has, has any, exists"


class Parser:
    """Recursive descent, a method a rule; `_depth` bounds the recursion."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0
        self._depth = 0

    def whole(self) -> Filter:
        """The text as one condition."""
        condition = self._condition()
        if self._peek().kind is not Kind.END:
            raise self._unexpected('"and", "or" or the end')
        return condition

    def _condition(self) -> Filter:
        parts = [self._conjunction()]
        while self._take("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self) -> Filter:
        parts = [self._term()]
        while self._take("and"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _term(self) -> Filter:
        token = self._peek()
        if self._take("not"):
            self._deeper(token)
            part: Filter = Not(self._term())
            self._depth -= 1
            return part
        if self._take("("):
            self._deeper(token)
            part = self._condition()
            if not self._take(")"):
                raise self._unexpected('"and", "or" or the ")" of this bracket')
            self._depth -= 1
            return part
        if self._take("true"):
            return And(())
        if self._take("false"):
            return Or(())
        return self._comparison()

    def _comparison(self) -> Filter:
        token = self._peek()
        if token.kind is not Kind.NAME:
            hint = " An attribute of that name stands in backticks." if token.kind is Kind.KEYWORD else ""
            raise self._unexpected('the name of an attribute, "not" or "("', hint)
        self._next += 1
        name, operator = str(token.value), self._peek()
        if self._take("exists"):
            return Exists(name)
        if self._take("has"):
            return ContainsAny(name, self._strings()) if self._take("any") else Contains(name, self._string())
        if self._take("in"):
            return In(name, self._values())
        if self._take("not"):
            if not self._take("in"):
                raise self._unexpected("in", " The complement of a comparison is written before it: not a exists.")
            return And((Exists(name), Not(In(name, self._values()))))
        if self._take("="):
            return Eq(name, self._value())
        if self._take("!="):
            return And((Exists(name), Not(Eq(name, self._value()))))
        if operator.kind is Kind.SYMBOL and operator.value in BOUNDS:
            self._next += 1
            bound = self._value()
            return Range(name, **{BOUNDS[str(operator.value)]: bound})
        raise self._unexpected(f"an operator after {name} ({_OPERATORS})")

    def _values(self) -> tuple[Literal, ...]:
        values: list[Literal] = []
        self._open_list()
        while not (not values and self._take(")")):
            values.append(self._value())
            if self._ends_list():
                break
        return tuple(values)

    def _strings(self) -> tuple[str, ...]:
        strings: list[str] = []
        self._open_list()
        while not (not strings and self._take(")")):
            strings.append(self._string())
            if self._ends_list():
                break
        return tuple(strings)

    def _open_list(self) -> None:
        if not self._take("("):
            raise self._unexpected('a list in brackets, as in ("a", "b")')

    def _ends_list(self) -> bool:
        if self._take(")"):
            return True
        if not self._take(","):
            raise self._unexpected("a comma or ) in the list")
        return False

    def _value(self) -> Literal:
        if self._take("true"):
            return True
        if self._take("false"):
            return False
        token = self._peek()
        if token.kind is not Kind.LITERAL:
            hint = f' Strings stand in double quotes: "{token.value}".' if token.kind is Kind.NAME else ""
            raise self._unexpected("a value: a string, a number, a time, true or false", hint)
        self._next += 1
        return token.value

    def _string(self) -> str:
        token = self._peek()
        if token.kind is not Kind.LITERAL or not isinstance(token.value, str):
            raise self._unexpected('a string in double quotes ("…")')
        self._next += 1
        return token.value

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self, word: str) -> bool:
        token = self._peek()
        taken = token.kind in (Kind.KEYWORD, Kind.SYMBOL) and token.value == word
        self._next += taken
        return taken

    def _deeper(self, token: Token) -> None:
        self._depth += 1
        if self._depth > DEEPEST_TEXT:
            raise fault(self._text, token.start, f"nested deeper than {DEEPEST_TEXT}. Write a flatter condition.")

    def _unexpected(self, expected: str, hint: str = "") -> InvalidFilter:
        token = self._peek()
        got = self._text[token.start : token.end]
        got = "the end" if token.kind is Kind.END else got if len(got) <= 40 else got[:40] + "…"
        return fault(self._text, token.start, f"got {got}, expected {expected}.{hint}")
