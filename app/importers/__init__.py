"""Corpus folders made from public datasets in the layouts they are published in.

run.py             an import from beginning to end, and its summary
layouts.py         the layouts by name
plain_tables.py    `csv`: any table of notes, any table of interactions
movielens.py       `movielens`: ml-latest, 25M, 32M, 1M, 100K
movielens_side.py  its tags and links
amazon_reviews.py  `amazon-reviews-2023`
microlens.py       `microlens`: 50k, 100k, 1M
qilin.py           `qilin`: notes and recommendation requests of Xiaohongshu
boardgamegeek.py   `boardgamegeek`: ranks dump, two public scrapes
base.py            what a layout is asked and what it gives
finding.py         the files of a source
reading.py         their rows, plain or gzipped
values.py          cells: text, lists, ids, times
notes.py           rows to notes
interactions.py    rows to interactions
pictures.py        local pictures, which never lie outside their folder
writing.py         notes, pictures and interactions into a corpus folder
errors.py          what can go wrong
"""
