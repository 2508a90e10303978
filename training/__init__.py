"""Learning from what people look at together.

pairs.py   files of positive pairs, and whether they keep to a split
"""
