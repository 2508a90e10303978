"""How fast the encoders are, beside the usual way to run the same weights, in one run.

    python benchmarks/encode.py text|images|notellm|all [--corpus DIR] [--limit N] [--repeats R] [--quick]
                                                       [--out FILE.json]

text     the default text tower in every precision beside sentence-transformers' own `encode`
images   decoding and resizing overlapped with the model, beside a plain loop over open_clip's preprocessing
notellm  the language model's encoder beside a plain loop, one note at a time

--corpus names a corpus folder: its texts, and the pictures under its `images`. Without one, inputs are made up.
Prints tables and writes all figures as JSON.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

PARTS = ("text", "images", "notellm")


def measure(part: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run one part; only what that part needs is imported."""
    if part == "text":
        from encoding import text

        return text.run(args.corpus, 128 if args.quick else args.limit, 1 if args.quick else args.repeats)
    if part == "images":
        from encoding import images

        pictures = args.corpus / "images" if args.corpus else None
        return images.run(pictures if pictures and pictures.is_dir() else None, args.quick)
    from encoding import notellm

    return notellm.run(args.quick)


def show(console: Console, part: str, figures: dict[str, Any]) -> None:
    """Print the figures of one part."""
    if part == "text":
        from encoding import text

        title, (header, *rows) = text.table(figures)
    else:
        title, header, rows = part, ["figure", "value"], list(_flat(figures))
    shown = Table(*header, title=title, title_justify="left", box=None)
    for column in shown.columns[1:]:
        column.justify = "right"
    for row in rows:
        shown.add_row(*row)
    console.print(shown)


def _flat(figures: dict[str, Any], prefix: str = "") -> list[list[str]]:
    rows = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}, ")
        else:
            rows.append([prefix + name, f"{value:,.4g}" if isinstance(value, float) else str(value)])
    return rows


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=(*PARTS, "all"))
    parser.add_argument("--corpus", type=Path, help="a corpus folder; made-up inputs without one")
    parser.add_argument("--limit", type=int, default=1024, help="texts of the corpus, picked at random")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="few inputs, once: whether it runs, not how fast")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/encode.json"))
    args = parser.parse_args()
    if args.limit < 1 or args.repeats < 1:
        parser.error("--limit and --repeats are at least 1")
    console = Console(width=None if sys.stdout.isatty() else 200)
    machine = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    figures: dict[str, Any] = {"command": sys.argv, "machine": machine}
    for part in PARTS if args.part == "all" else (args.part,):
        figures[part] = measure(part, args)
        show(console, part, figures[part])
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
