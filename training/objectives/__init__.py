"""From the rows of a batch to the number that is minimised."""
