"""What `notelens evaluate` does with its options.

systems.py   names told apart, encoders loaded, indexes opened
run.py       all systems made and measured
output.py    what was found, as files
"""
