"""What stands on the covers: one drawn motif a topic, by its name in the topic files."""

from collections.abc import Callable

from app.demo.draw import Look, Pen
from app.demo.motifs import (
    baking,
    crafts,
    desk,
    family,
    fitness,
    food,
    garden,
    home,
    music,
    orchestra,
    outdoors,
    pets,
    play,
    study,
    style,
    travel,
    yard,
)

Motif = Callable[[Pen, Look], None]

_MODULES = (
    baking,
    crafts,
    desk,
    family,
    fitness,
    food,
    garden,
    home,
    music,
    orchestra,
    outdoors,
    pets,
    play,
    study,
    style,
    travel,
    yard,
)

MOTIFS: dict[str, Motif] = {name: motif for module in _MODULES for name, motif in module.MOTIFS.items()}
