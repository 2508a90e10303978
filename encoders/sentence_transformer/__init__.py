"""Models of sentence-transformers as encoders, and encoder folders as models of sentence-transformers."""
