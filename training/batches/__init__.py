"""What a training step sees: which notes, read when they are needed, in micro-batches that fit memory."""
