"""Image towers: a picture to a unit vector."""
