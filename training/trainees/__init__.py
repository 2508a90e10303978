"""Encoders as training sees them: notes to rows with gradient, and back to an encoder."""
