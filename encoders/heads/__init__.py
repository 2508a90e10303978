"""Heads that suggest hashtags and a category from a text embedding."""
