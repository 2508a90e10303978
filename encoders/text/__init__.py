"""Text towers: a note's words to a unit vector."""
