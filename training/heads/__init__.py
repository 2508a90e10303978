"""Training of the heads that suggest hashtags and a category, on an encoder that is finished.

targets.py      which categories and hashtags are learnt, from which notes, and which notes are kept aside
vocabulary.py   hashtags as the few tokens that are in use, and the weights of all others
batches.py      epochs of batches: hashtags in an order drawn anew
fit.py          the loop: AdamW, cosine, early stop, best weights kept
aside.py        how good the suggestions are, beside those of neighbours
train.py        from notes to a folder of heads; an encoder with them
"""
