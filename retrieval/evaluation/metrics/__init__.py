"""Figures of rankings and of suggestions: pure functions of arrays, one subject a file.

lists.py        the top of each list, which of its places are right, and means over queries that count
accuracy.py     is what is relevant found: recall, nDCG, MRR, MAP; recall by cutoff
catalogue.py    how much of the catalogue is shown, how evenly, and how far into its tail
novelty.py      how little known the shown notes are
diversity.py    how much the notes of one list differ
parity.py       are categories served alike
generation.py   suggested hashtags and categories against the authors' own
"""
