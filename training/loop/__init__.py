"""The loop of one stage, over any trainee.

seams.py        what the loop is handed: batches, objective, evaluator, progress
stage.py        train_stage: steps, evaluations and checkpoints in order; result.py: what is asked, what came of it
step.py         one optimiser step over all processes
workplace.py    device, number format and processes (accelerate, DistributedDataParallel)
optimiser.py    AdamW by part; schedule.py: the learning rate; seeds.py: a step as a function of its number
learner.py      everything a step changes, as named tensors
checkpoint.py   these in files, whole or not at all; state.py: where a stage stands; identity.py: of which stage
judge.py        evaluations, the best of them, patience
log.py          what a stage tells: metrics.py, one line a step; board.py, TensorBoard; the progress bar
nonfinite.py    what is written down when a loss or gradient is not finite
signals.py      SIGINT and SIGTERM end a stage between two steps
"""
