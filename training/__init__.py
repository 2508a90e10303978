"""What users do together, and what is learned from it.

interactions.py   a corpus' interactions file: columns, and whether it fits the notes
"""
