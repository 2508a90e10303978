"""Filters: tree.py is the expression, text.py its written form, bind.py holds it against a schema.

A bound filter is compiled for each back-end: arrays.py to NumPy (the oracle), sql.py to parametrised SQL,
milvus.py to Milvus' expressions. All give the same records; tests/index/filters holds them to it.
Behind text.py stand tokens.py, parser.py and written.py, behind bind.py literals.py, behind sql.py sql_values.py.
"""
