"""Learning from what people look at together.

train.py    a whole training: setting.py (what may be seen), positives.py (pairs), stages.py (one by one), record.py
recipes/    what is trained and how, as TOML; config.py says what may stand in it
trainees/   encoders with gradients
batches/    which notes a step sees, read when needed, in micro-batches that fit memory
objectives/ from the rows of a batch to the loss that a recipe names
loop/       steps, checkpoints, log, evaluations of one stage
heads/      hashtags and categories from finished vectors
losses/     what training minimises: contrastive, listwise, masks, generation, GradCache
mining/     pairs of notes from interactions, out of core, by day if wanted
pairs.py    files of positive pairs, and whether they keep to a split
"""
