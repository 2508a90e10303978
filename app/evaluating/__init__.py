"""What `notelens evaluate` does with its options.

reading.py   notes, interactions and moments as they are given
systems.py   names told apart, encoders loaded, indexes opened
run.py       all systems made and measured
output.py    what was found, as files
"""
