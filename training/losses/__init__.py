"""What training minimises: pure functions of tensors, on CPU and CUDA, summed in float32 also under bfloat16 autocast.

    contrastive.py      GCL of NoteLLM, and its general form that all else composes through
    listwise.py         co-occurrence among all notes of a batch as soft targets
    chunks.py           the same loss a few rows at a time, for batches whose similarities would not fit
    false_negatives.py  candidates that are no negatives: same note, known positive, near-duplicate, too similar
    sampling_bias.py    logQ: popular notes are in more batches than others
    hard_negatives.py   negatives within a band of similarity
    matryoshka.py       a loss at several lengths of one embedding; plain prefixes and blocks
    multimodal.py       NoteLLM-2's balance of modalities; dropout of fields and modalities
    generation.py       CSFT: hashtags and category; the losses of the heads
    alignment.py        content vectors towards collaborative ones
    cached.py           GradCache: a batch of any size in the memory of a micro-batch
    distributed.py      embeddings of all processes, with gradient
    precision.py        float32 inside, whatever goes on around; errors.py: what is refused

Every loss is one tensor (`listwise_losses` has one a row, and says which rows count). What is left out of a softmax
is an `allowed` mask, what is added to a logit a tensor of corrections, so ingredients are combined by `&`, `~` and `+`.
"""
