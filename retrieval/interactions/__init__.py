"""Who looked at what, and when.

columns.py   which columns of an interactions file mean what; its rows in batches
check.py     whether a file fits a corpus
events.py    a file as arrays
"""
