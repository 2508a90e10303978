"""How good is an encoder or an index at finding what people look at together?

protocol.py     corpus, interactions and split made into one setting; start here, then evaluate.py
facts.py        what must be known of every note, in columns
split.py        who may be seen in training, and what is held out; saved, and checked against the data
holdout.py      a split at one stage, over its interactions
cooccurrence.py how strongly two notes belong together in the eyes of some people
relevance.py    what counts as a right answer
pool.py         candidates, queries and right answers: the one setting all systems are compared in
leaks.py        refuses training data that holds what is tested
entries.py      baselines, encoders and indexes made into systems
encoding.py     notes as vectors: whole, by text alone, by pictures alone
text_view.py    one text for all systems
systems/        what is evaluated: vectors, a served index, and baselines
ranking.py      the best candidates of all, in bounded memory
tied.py         what float32 cannot part, decided exactly
evaluate.py     every figure of every system, and how they compare
metrics/        figures of rankings and of suggestions, as pure functions of arrays
slices.py       parts of the queries worth looking at apart
bootstrap.py    intervals and significance, paired by query
index_recall.py what a served index misses against exact search
suggesting.py   suggested tags and categories against the authors' own
run_files.py    rankings and right answers as TREC files
results.py      what was found, as values
"""
