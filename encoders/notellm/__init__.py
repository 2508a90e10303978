"""NoteLLM: a causal language model that compresses a note into one word (arXiv 2403.01744)."""
