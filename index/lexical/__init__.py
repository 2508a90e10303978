"""Keyword search: the words of texts, and a BM25 index over them that can always be built again.

The room's other parts use `LexicalIndex` (index/lexical/bm25.py) and `words` (index/lexical/words.py).
"""
