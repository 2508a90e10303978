"""NoteLLM-2: text and pictures compressed by one language model, with late fusion (arXiv 2405.16789)."""
