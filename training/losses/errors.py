"""Errors of the losses.

LossError   shapes, rates or counts that no loss is defined for
"""


class LossError(ValueError):
    """Shapes, rates or counts that no loss is defined for; the message says what was got, wanted, how to mend it."""
