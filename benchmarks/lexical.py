"""Speed and quality of keyword search.

    python -m benchmarks.lexical [--docs 1000000] [--queries 300] [--scifact FOLDER] [--seed 0] [--out FILE.json]

Notes are about 12 words drawn from Zipf's law, a third of them Chinese; queries of 2 to 6 words are drawn from the
notes, so common words come as often as people write them. SciFact (corpus.jsonl, queries.jsonl, qrels.tsv) is
indexed as title + " " + body, nDCG@10 over all queries with judgements. Prints tables and writes JSON.
"""

import argparse
import json
import math
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from index.lexical.bm25 import Changes, LexicalIndex
from index.lexical.words import analysis

# Words that people write notes with, two letters each.
CHINESE = (
    "美食探店上海北京攻略旅行周末穿搭护肤口红减脂早餐咖啡火锅装修客厅收纳宝宝辅食英语考研健身瑜伽露营自驾成都重庆杭州西湖民宿海边日落拍照手机电脑测评"
    "推荐平价学生春天夏天秋天冬天外套裙子发型美甲猫咪狗狗植物面包蛋糕奶茶烧烤拉面寿司牛排沙拉电影音乐小说展览公园地铁机场酒店签证日本泰国法国工作面试"
)
SYLLABLES = "bacodifugahejakolumonorepaquritasuvewoxiyazo"  # two letters each
SHARES = {"all": 1.0, "50 %": 0.5, "2 %": 0.02, "0.01 %": 0.0001}


class Notes:
    """Endless made-up notes over two Latin vocabularies and a Chinese one."""

    def __init__(self, rng: np.random.Generator, size: int = 50_000) -> None:
        latin = ["".join(rng.choice(_pairs(SYLLABLES), size=rng.integers(1, 5))) for _ in range(size)]
        letters = [chr(code) for code in range(0x4E00, 0x4E00 + 3000)]
        chinese = _pairs(CHINESE) + ["".join(rng.choice(letters, size=2)) for _ in range(size)]
        self.vocabularies = (latin, latin, chinese)

    def batch(self, rng: np.random.Generator, count: int) -> list[list[str]]:
        """`count` notes as lists of words: ranks by Zipf's law with exponent 1 over the vocabulary."""
        lengths = rng.integers(8, 17, size=count)
        vocabularies = rng.integers(0, 3, size=count)
        drawn = np.exp(rng.random(int(lengths.sum())) * math.log(50_000)).astype(np.int64) - 1
        ends = np.cumsum(lengths)
        return [
            [self.vocabularies[which][rank] for rank in drawn[end - length : end].tolist()]
            for which, length, end in zip(vocabularies, lengths.tolist(), ends.tolist(), strict=True)
        ]


def _pairs(letters: str) -> list[str]:
    return [letters[at : at + 2] for at in range(0, len(letters), 2)]


def timed_ms(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def speed(folder: Path, docs: int, queries: int, seed: int) -> dict[str, float]:
    """Build, then query under each filter; milliseconds unless the name says otherwise."""
    rng = np.random.default_rng(seed)
    notes = Notes(rng)

    def rows() -> Iterator[tuple[int, str]]:
        for start in track(range(0, docs, 10_000), "indexing", console=Console(stderr=True)):
            for offset, words in enumerate(notes.batch(rng, min(10_000, docs - start))):
                yield start + offset, " ".join(words[:-2]) + " #" + " #".join(words[-2:])

    figures: dict[str, float] = {}
    started = time.perf_counter()
    index = LexicalIndex.build(folder, lambda _: Changes(rows(), [], 1))
    figures["build, s"] = time.perf_counter() - started
    figures["build, peak RSS MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    info = index.info()
    figures["size, MiB"] = float(str(info["bytes"])) / 2**20
    figures["segments"] = float(str(info["segments"]))
    index.close()
    figures["open with checksums, ms"] = timed_ms(lambda: LexicalIndex.open(folder).close())
    index = LexicalIndex.open(folder, verify=False)
    asked = [" ".join(words[: rng.integers(2, 7)]) for words in notes.batch(rng, queries)]
    common = [" ".join(notes.vocabularies[which][:words]) for which in (0, 2) for words in range(1, 7)]
    filters = {"all": None}
    for name, share in list(SHARES.items())[1:]:
        filters[name] = rng.random(docs) < share
    for text in asked[:20]:
        index.search(text, 10)
    for name, allowed in filters.items():
        took = [timed_ms(lambda text=text, allowed=allowed: index.search(text, 10, allowed)) for text in asked]
        figures[f"query, {name}, p50 ms"], figures[f"query, {name}, p99 ms"] = np.percentile(took, [50, 99]).tolist()
        took = [timed_ms(lambda text=text, allowed=allowed: index.search(text, 10, allowed)) for text in common]
        figures[f"commonest words, {name}, max ms"] = max(took)
    took, seen = [], []
    for number in range(20):
        fresh = [(docs + number * 1000 + at, " ".join(words)) for at, words in enumerate(notes.batch(rng, 1000))]
        took.append(timed_ms(lambda fresh=fresh, number=number: index.apply(lambda _: Changes(fresh, [], number + 2))))
        seen.append(timed_ms(lambda: index.search(asked[0], 10)))
    figures["apply 1,000, p50 ms"], figures["apply 1,000, max ms"] = float(np.median(took)), max(took)
    figures["first query after, p50 ms"] = float(np.median(seen))
    took = []
    for number in range(5):
        gone = [*range(number * 1000, number * 1000 + 1000)]
        took.append(timed_ms(lambda gone=gone, number=number: index.apply(lambda _: Changes([], gone, number + 22))))
    figures["remove 1,000, p50 ms"] = float(np.median(took))
    index.close()
    return figures


def quality(folder: Path, scifact: Path) -> dict[str, float]:
    """NDCG@10 = Σ gain / log2(place + 1), over that of the ideal order (Järvelin and Kekäläinen 2002)."""
    with (scifact / "corpus.jsonl").open(encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    with (scifact / "queries.jsonl").open(encoding="utf-8") as lines:
        queries = {each["_id"]: each for each in map(json.loads, lines)}
    judged: dict[str, dict[str, int]] = {}
    for line in (scifact / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, gain = line.split("\t")
        judged.setdefault(query, {})[document] = int(gain)
    rows = [(key, f"{each['title']} {each['text']}") for key, each in enumerate(documents)]
    values: dict[str, list[float]] = {}
    with LexicalIndex.build(folder, lambda _: Changes(rows, [], 1)) as index:
        for query, gains in judged.items():
            keys, _ = index.search(queries[query]["text"], 10)
            got = [gains.get(documents[key]["_id"], 0) for key in keys[:10].tolist()]
            ideal = sorted(gains.values(), reverse=True)[:10]
            value = _gain(got) / _gain(ideal)
            for split in ("all", str(queries[query].get("split", "all"))):
                values.setdefault(f"nDCG@10, {split}", []).append(value)
    return {name: float(np.mean(each)) for name, each in values.items()}


def _gain(gains: list[int]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--scifact", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/lexical.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = quality(Path(folder) / "scifact", args.scifact) if args.scifact else {}
        if args.docs:
            figures |= speed(Path(folder) / "notes", args.docs, args.queries, args.seed)
    shown = Table("figure", "value", box=None, title=f"{args.docs:,} notes, {analysis()}", title_justify="left")
    for name, value in figures.items():
        shown.add_row(name, f"{value:,.4f}" if "nDCG" in name else f"{value:,.2f}")
    Console().print(shown)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"docs": args.docs, "analysis": analysis(), "figures": figures}, indent=2))


if __name__ == "__main__":
    main()
