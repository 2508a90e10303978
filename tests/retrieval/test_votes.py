"""Voting: weights by hand, order, and what does not vote."""

from __future__ import annotations

from encoders.suggestion import Suggestion
from retrieval.votes import Voter, vote


def test_weights_are_the_fourth_power_of_scores():
    voters = [
        Voter(("a",), "x", 0.9),  # .9⁴ = .6561
        Voter(("b", "c"), "y", 0.8),  # .8⁴ = .4096
        Voter(("b",), "y", 0.7),  # .7⁴ = .2401: b and y weigh .6497, less than a and x
        Voter(("c",), None, 0.75),  # .75⁴ = .3164: c weighs .7260
    ]
    assert vote(voters, 3) == Suggestion(("c", "a", "b"), "x")
    assert vote(voters, 1, {"y"}) == Suggestion(("c",), "y")
    assert vote(voters, 0, ()) == Suggestion((), None)


def test_spelling_and_ties_are_the_first_voter_s():
    voters = [Voter(("京都", "Ramen", "RAMEN"), None, 0.5), Voter(("ramen", "soup"), "", 0.5)]
    # ramen: twice .0625, though written twice by one note; 京都 and soup once each.
    assert vote(voters, 5) == Suggestion(("Ramen", "京都", "soup"), None)


def test_what_is_not_alike_does_not_vote():
    assert vote([Voter(("a",), "x", 0.0), Voter(("b",), "y", -0.9)], 5) == Suggestion((), None)
    assert vote([], 5) == Suggestion((), None)
