"""The written form of a filter: `category = "food" and created_at >= 2024-01-01 and not tags has "ramen"`.

    condition  = conjunction { "or" conjunction }
    conjunction = term { "and" term }
    term       = "not" term | "(" condition ")" | comparison | "true" | "false"
    comparison = name ("=" | "!=" | "<" | "<=" | ">" | ">=") value
               | name ["not"] "in" "(" [ value { "," value } ] ")"
               | name "has" string
               | name "has" "any" "(" [ string { "," string } ] ")"
               | name "exists"
    value      = string | number | time | "true" | "false"

Strings and numbers are JSON's. A time is `2024-01-31` or `2024-01-31T10:00:00+08:00`, without quotation marks; one
without an offset is UTC. Keywords may be written in any case; an attribute named like one stands in backticks.
As a term of its own, `true` is every record and `false` none.

A missing attribute satisfies no comparison, hence `a != 1` means `a exists and not a = 1`, and likewise `not in`.
`not` before a comparison is the plain complement. Written by hand, because a grammar of ten rules needs no library,
and so that an error can say what was expected there and how to mend it.
"""

from __future__ import annotations

from index.errors import InvalidFilter
from index.filters.parser import LONGEST_TEXT, Parser
from index.filters.tree import Filter
from index.filters.written import Writer


def parse_filter(text: str) -> Filter:
    """The filter a text describes; whether it fits an index is for bind() to say.

    Raises InvalidFilter, with a caret under the place, for a text that is not of the form above, is longer than
    20,000 characters, or is nested deeper than 100.
    """
    if not isinstance(text, str):
        raise InvalidFilter(f"filter: got {type(text).__name__}, expected its text.")
    if len(text) > LONGEST_TEXT:
        raise InvalidFilter(
            f"filter: its text has {len(text):,} characters, expected at most {LONGEST_TEXT:,}. "
            "Build the tree in Python (index/filters/tree.py), where lists may be long."
        )
    return Parser(text).whole()


def format_filter(filter: Filter) -> str:
    """The text of a filter; parse_filter reads the same filter from it.

    The same but for this: an And or Or of one part is that part, a Range of several bounds an And of one Range each,
    a time is in UTC. Raises InvalidFilter for a filter that has no text: a value or name that cannot be written,
    or a tree beyond parse_filter's limits.
    """
    return Writer().written(filter)
