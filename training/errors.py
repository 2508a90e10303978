"""What training refuses."""


class TrainingError(ValueError):
    """A training cannot go on; the message says what was found, what was wanted and how to mend it."""
