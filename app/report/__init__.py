"""An evaluation as one HTML file that opens from disk anywhere: no network, no script, no other file.

write.py        the whole report; start here
reading.py      how results are read: which system is the main one, what beats what, which number is best
glossary.py     what every metric means, which direction is better, how it is written
numbers.py      numbers as people read them
cells.py        results as tables of text
parts.py        the report's sections of tables, from an evaluation
figure.py       drawings that follow the page's colours, light or dark
series.py       how each system is drawn, told apart without colour too
curves.py       recall by cutoff
dots.py         values with intervals in rows
histograms.py   scores of relevant and of random pairs
plots.py        all figures of an evaluation
queries.py      the worst and the best queries, with their notes
pictures.py     pictures as data inside the page
templates/      the page and its style
"""

from app.report.write import write_report

__all__ = ["write_report"]
