"""What is trained, and how: a recipe is a TOML file, config.py says what may stand in it."""
