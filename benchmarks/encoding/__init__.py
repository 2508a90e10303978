"""The parts of benchmarks/encode.py: texts, pictures, and language models."""
