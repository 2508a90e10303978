"""How good is an encoder or an index at finding what people look at together?

evaluate.py     everything below in one run; start here
facts.py        what must be known of every note, in columns
split.py        who may be seen in training, and what is held out; saved, and checked against the data
relevance.py    what counts as a right answer
pool.py         candidates, queries and right answers: the one setting all systems are compared in
systems/        what is evaluated: vectors, a served index, and baselines
ranking.py      the best candidates of all, in bounded memory
metrics/        figures of rankings, as pure functions of arrays
bootstrap.py    intervals and significance, paired by query
slices.py       parts of the queries worth looking at apart
leaks.py        refuses training data that holds what is tested
run_files.py    rankings and right answers as TREC files
results.py      what was found, as values
"""
