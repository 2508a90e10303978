"""Events that count, from an interactions file, in chunks that fit memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.interactions.columns import InteractionsError, read_batches, unix_seconds
from retrieval.interactions.events import EventFilter
from training.mining.config import MiningConfig
from training.mining.errors import MiningError, NothingMined
from training.mining.held import Held, Mask
from training.mining.report import MiningReport
from training.mining.windows import MICROS

MANY = 1000  # kinds; a column of texts is no column of kinds
CHUNK = 1 << 20  # events a chunk; some 100 MB with their ids


def is_timed(path: Path) -> bool:
    """Whether a file has a column of times. Raises InteractionsError, and NothingMined where it has no rows."""
    for batch in read_batches(path, lambda: None):
        return "time" in batch.schema.names
    raise NothingMined(f"{path} has no rows that can be read: there is nothing to mine")


@dataclass(slots=True)
class Reading:
    """Reads one file; config must be resolved. kinds: those that occurred, once all is read, up to a thousand or so."""

    path: Path
    config: MiningConfig
    held: Held
    report: MiningReport
    on_progress: Callable[[int], None] | None = None
    kinds: set[str] = field(default_factory=set)

    def chunks(self) -> Iterator[Any]:
        """Yield Arrow tables: user, note (text), time (int64), weight (float64), viewed, clicked (bool).

        time: Unix microseconds; the row's number in a file without times. Rows that do not count are counted in the
        report. Raises InteractionsError, MiningError.
        """
        import pyarrow as pa

        waiting: list[Any] = []
        for batch in read_batches(self.path, self.report.count_broken):
            waiting.append(self._kept(batch))
            if sum(each.num_rows for each in waiting) >= CHUNK:
                yield pa.Table.from_batches(waiting)
                waiting = []
            if self.on_progress:
                self.on_progress(batch.num_rows)
        if waiting:
            yield pa.Table.from_batches(waiting)

    def _kept(self, batch: Any) -> Any:
        import pyarrow as pa

        names, rows, report = batch.schema.names, batch.num_rows, self.report
        if "time" in names:
            seconds = unix_seconds(batch["time"])
            micros = np.rint(np.nan_to_num(seconds) * MICROS).astype(np.int64)
        else:
            seconds, micros = np.zeros(rows), np.arange(report.read, report.read + rows, dtype=np.int64)
        report.read += rows
        keep = _named(batch["user"]) & _named(batch["note"]) & np.isfinite(seconds)
        report.broken += rows - int(keep.sum())
        weight, viewed, clicked = self._kinds(batch, names, keep)
        keep, report.other_kinds = _less(keep, viewed | clicked, report.other_kinds)
        keep, report.low_ratings = _less(keep, self._rated(batch, names, rows), report.low_ratings)
        if self.held.by_time and "time" not in names:
            raise MiningError(f"{self.path} has no times, so a split by time cannot be held to: add a column timestamp")
        keep, report.held_out_times = _less(keep, ~self.held.times(seconds), report.held_out_times)
        columns = {"time": micros, "weight": weight, "viewed": viewed, "clicked": clicked}
        made = {"user": batch["user"], "note": batch["note"]} | {name: pa.array(each) for name, each in columns.items()}
        return pa.record_batch(made).filter(pa.array(keep))

    def _kinds(self, batch: Any, names: list[str], keep: Mask) -> tuple[NDArray[np.float64], Mask, Mask]:
        """The weight of each event, and whether it is a view, a click."""
        import pyarrow as pa

        rows, config, allowed = batch.num_rows, self.config, self._split_events.kinds
        weight, everything = np.ones(rows), np.ones(rows, dtype=np.bool_)
        if not config.named and not allowed:
            return weight, everything, everything
        if "event" not in names:
            raise InteractionsError(f"{self.path} has no column for the event, so events cannot be chosen by kind")
        try:
            encoded = batch["event"].cast(pa.string()).dictionary_encode()
        except pa.ArrowException as error:
            raise InteractionsError(f"{self.path}: a kind of event is no text ({error})") from error
        kinds = encoded.dictionary.to_pylist()
        codes = encoded.indices.fill_null(len(kinds)).to_numpy(zero_copy_only=False)
        met = {kinds[code] for code in np.unique(codes[keep]) if code < len(kinds)}
        self.kinds |= met & set(config.named) if len(self.kinds) > MANY else met

        def chosen(some: tuple[str, ...]) -> Mask:
            counts = [
                (not config.weights or kind in config.weights)
                and (not some or kind in some)
                and (not allowed or kind in allowed)
                for kind in kinds
            ]
            mask: Mask = np.array([*counts, not (config.weights or some or allowed)], dtype=np.bool_)[codes]
            return mask

        weight = np.array([*(config.weights.get(kind, 1.0) for kind in kinds), 1.0])[codes]
        return weight, chosen(config.view), chosen(config.click)

    def _rated(self, batch: Any, names: list[str], rows: int) -> Mask:
        import pyarrow as pa
        import pyarrow.compute as pc

        bounds = [each for each in (self.config.min_rating, self._split_events.min_rating) if each is not None]
        if not bounds:
            return np.ones(rows, dtype=np.bool_)
        if "rating" not in names:
            raise InteractionsError(f"{self.path} has no column for the rating, so events cannot be chosen by it")
        try:
            ratings = pc.cast(batch["rating"], pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowException as error:
            raise InteractionsError(f"{self.path}: a rating is no number ({error})") from error
        rated: Mask = ratings >= max(bounds)  # NaN, a rating that is missing, is not
        return rated

    @property
    def _split_events(self) -> EventFilter:
        """What the split's own interactions are: others say nothing that its checks know of."""
        return self.held.split.data.events if self.held.split else EventFilter()


def _named(ids: Any) -> Mask:
    """Whether each id of an Arrow column is there and not blank, bool [E]."""
    import pyarrow.compute as pc

    lengths = pc.utf8_length(pc.utf8_trim_whitespace(ids))
    named: Mask = pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False) > 0
    return named


def _less(keep: Mask, also: Mask, count: int) -> tuple[Mask, int]:
    """keep and also, and the count with what falls out added."""
    both = keep & also
    return both, count + int(keep.sum()) - int(both.sum())
