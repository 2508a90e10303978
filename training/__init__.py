"""Learning from what people look at together.

mining/    pairs of notes from interactions, out of core, by day if wanted
pairs.py   files of positive pairs, and whether they keep to a split
losses/    what training minimises: contrastive, masks, generation, GradCache
"""
