"""What is learnt on top of two towers: a map of each block, so that frozen towers can be trained in seconds."""
