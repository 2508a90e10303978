"""What is evaluated: vectors, a served index, and the baselines that stand beside every result."""
