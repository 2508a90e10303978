"""What can go wrong when a demo corpus is made."""

from app.errors import AppError


class DemoError(AppError):
    """The demo corpus cannot be made or read there; the message says how to mend it."""
