"""What the tests of all rooms share: no network, no silent skips, corpora made on the spot, one encoder."""

from __future__ import annotations

import csv
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from PIL.Image import Image

    from encoders import NoteEncoder
    from encoders.errors import Reason

ROOT = Path(__file__).parents[1]
TINY_CLIP = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "layers": 2, "width": 64, "head_width": 32},
    "text_cfg": {"context_length": 8, "vocab_size": 100, "width": 32, "heads": 2, "layers": 1},
}
TINY_PREPROCESS = {"mean": [0.48, 0.45, 0.4], "std": [0.27, 0.26, 0.25], "interpolation": "bicubic"}
IN_CI = bool(os.environ.get("CI"))
# What a machine cannot help lacking; every other skip, and every expected failure, fails in CI.
MAY_SKIP_IN_CI = {"gpu", "vnni"}


# How long an example takes says how busy the machine is, nothing of the code.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    excused = any(item.get_closest_marker(name) for name in MAY_SKIP_IN_CI)
    if IN_CI and report.skipped and not excused:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


class NetworkRefused(OSError):
    """A test, or the code under it, reached for another machine."""


@pytest.fixture(scope="session", autouse=True)
def reached() -> Iterator[list[str]]:
    """Refuse every host but this machine's own, whatever the test; the list names those that were tried."""
    tried: list[str] = []
    connect, connect_ex, resolve = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(host: object) -> None:
        name = host.decode() if isinstance(host, bytes) else host
        if not (name in (None, "", "localhost", "::1") or str(name).startswith("127.")):
            tried.append(str(name))
            raise NetworkRefused(f"tests use no network; {name!r} was tried")

    def guarded(original):
        def call(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6):
                check(address[0])
            return original(self, address)

        return call

    def guarded_resolve(host, *args, **kwargs):
        check(host)
        return resolve(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(connect))
        patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        patch.setattr(socket, "getaddrinfo", guarded_resolve)
        yield tried


@pytest.fixture
def unreached(reached: list[str]) -> Iterator[list[str]]:
    """The test fails where anything under it so much as tried to reach a host."""
    reached.clear()
    yield reached
    assert reached == []


@pytest.fixture(scope="session")
def encoder() -> NoteEncoder:
    """The default encoder in float32."""
    from encoders import NoteEncoder

    return NoteEncoder(precision="float32")


@pytest.fixture(scope="session")
def picture() -> Callable[..., Image]:
    """Seeded pictures of a sky-like ramp with a few shapes: picture(seed, size) → RGB."""
    from PIL import Image, ImageDraw

    def draw(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
        rng = np.random.default_rng(seed)
        width, height = size
        top, bottom = rng.integers(0, 256, (2, 3))
        ramp = np.linspace(0, 1, height)[:, None, None]
        pixels = top * (1 - ramp) + bottom * ramp + np.zeros((height, width, 1))
        image = Image.fromarray(pixels.astype(np.uint8))
        pen = ImageDraw.Draw(image)
        for _ in range(int(rng.integers(4, 9))):
            x, y = rng.random(2) * size
            a, b = (0.05 + 0.32 * rng.random(2)) * width
            box = [x - a, y - b, x + a, y + b]
            shape = pen.ellipse if rng.random() < 0.5 else pen.rectangle
            shape(box, fill=tuple(int(part) for part in rng.integers(0, 256, 3)))
        return image

    return draw


@pytest.fixture
def write_corpus(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as a corpus folder: write_corpus(rows, suffix="jsonl", pictures={name: picture or bytes})."""

    def write(
        rows: Sequence[Mapping[str, Any]],
        suffix: str = "jsonl",
        pictures: Mapping[str, Any] | None = None,
        folder: Path | None = None,
    ) -> Path:
        folder = folder or tmp_path / "corpus"
        folder.mkdir(parents=True, exist_ok=True)
        notes = folder / f"notes.{suffix}"
        if suffix == "jsonl":
            notes.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        elif suffix == "csv":
            with notes.open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
                table.writeheader()
                table.writerows(
                    {name: json.dumps(part) if isinstance(part, list) else part for name, part in row.items()}
                    for row in rows
                )
        else:
            import pyarrow
            import pyarrow.parquet

            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), notes)
        for name, content in (pictures or {}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                content.save(path)
        return folder

    return write


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """The bytes of a picture's file: encoded(image, "JPEG", quality=90)."""

    def save(image: Any, kind: str, **options: Any) -> bytes:
        buffer = BytesIO()
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    return save


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as open_clip writes them, small and with random weights: config and safetensors."""
    import open_clip
    import torch
    from safetensors.torch import save_model

    folder = tmp_path_factory.mktemp("clip") / "tiny"
    folder.mkdir()
    described = {"model_cfg": TINY_CLIP, "preprocess_cfg": TINY_PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model = open_clip.create_model(f"local-dir:{folder}", load_weights=False, pretrained_text=False)
    save_model(model, str(folder / "open_clip_model.safetensors"))
    return folder


@pytest.fixture
def bad_rows(picture: Callable[..., Any], encoded: Callable[..., bytes]) -> Callable[[Path], Mapping[str, Reason]]:
    """Write a corpus with every kind of bad row, each between good ones: bad_rows(folder) → {id or line: reason}.

    A picture of more than 1,000,000 pixels is over the cap that goes with it.
    """

    def write(folder: Path) -> Mapping[str, Reason]:
        from PIL import Image

        from encoders.errors import Reason

        (folder / "images").mkdir(parents=True)
        picture(1).save(folder / "images" / "good.png")
        whole = encoded(picture(2), "JPEG", quality=90)
        (folder / "images" / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
        (folder / "images" / "text.jpg").write_text("this is no picture")
        Image.new("1", (1200, 1000)).save(folder / "images" / "huge.png")
        outside = folder.parent / "outside.png"
        picture(3).save(outside)
        (folder / "images" / "link.png").symlink_to(outside)

        def image(name: str) -> bytes:
            return json.dumps({"id": name, "title": "t", "image": name}).encode()

        rows: Sequence[tuple[bytes, str | None, Reason | None]] = [
            (b'{"id": "good-1", "title": "first", "image": "good.png"}', None, None),
            (b'{"id": "broken", "title": ', "line 2", Reason.BROKEN_ROW),
            (b'["a", "list"]', "line 3", Reason.BROKEN_ROW),
            (b'{"id": "latin", "title": "caf\xe9"}', "line 4", Reason.INVALID_UTF8),
            (b'{"id": "half", "title": "\\ud83d"}', "half", Reason.INVALID_UTF8),
            (b'{"title": "no id"}', "line 6", Reason.MISSING_ID),
            (b'{"id": "  ", "title": "blank id"}', "  ", Reason.MISSING_ID),
            (b'{"id": "good-1", "title": "again"}', "good-1", Reason.DUPLICATE_ID),
            (b'{"id": "empty", "title": " ", "category": "food"}', "empty", Reason.EMPTY_NOTE),
            (b'{"id": "when", "title": "t", "created_at": "soon"}', "when", Reason.BAD_DATE),
            (b'{"id": "typed", "title": {"en": "t"}}', "typed", Reason.BAD_VALUE),
            (b'{"id": "deep", "title": "t", "x": ' + b"[" * 700 + b"]" * 700 + b"}", "deep", Reason.BAD_VALUE),
            (image("gone.jpg"), "gone.jpg", Reason.MISSING_IMAGE),
            (image("x" * 5000), "x" * 512, Reason.MISSING_IMAGE),
            (image("truncated.jpg"), "truncated.jpg", Reason.BROKEN_IMAGE),
            (image("text.jpg"), "text.jpg", Reason.NOT_AN_IMAGE),
            (image("huge.png"), "huge.png", Reason.IMAGE_TOO_LARGE),
            (image(str(outside)), str(outside), Reason.UNSAFE_PATH),
            (image("../outside.png"), "../outside.png", Reason.UNSAFE_PATH),
            (image("images/../images/good.png"), "images/../images/good.png", Reason.UNSAFE_PATH),
            (image("C:\\x.png"), "C:\\x.png", Reason.UNSAFE_PATH),
            (image("link.png"), "link.png", Reason.UNSAFE_PATH),
            (b'{"id": "lone", "title": "t", "image": "\\ud83d.png"}', "lone", Reason.INVALID_UTF8),
            (image("https://example.com/a.jpg"), "https://example.com/a.jpg", Reason.REMOTE_IMAGE),
            (image("//example.com/a.jpg"), "//example.com/a.jpg", Reason.REMOTE_IMAGE),
            (image("file:///etc/hostname"), "file:///etc/hostname", Reason.REMOTE_IMAGE),
            (image("data:image/png;base64,AAAA"), "data:image/png;base64,AAAA", Reason.REMOTE_IMAGE),
            (b'{"id": "good-2", "title": "last"}', None, None),
        ]
        (folder / "notes.jsonl").write_bytes(b"\n".join(row for row, _, _ in rows) + b"\n")
        return {name: reason for _, name, reason in rows if name is not None and reason is not None}

    return write


@pytest.fixture(scope="session")
def movies() -> Path:
    """The movies corpus: NOTELENS_MOVIES, or the neighbouring folder; absent, the test is skipped (in CI: fails)."""
    folder = Path(os.environ.get("NOTELENS_MOVIES") or ROOT.parent / "shared" / "data" / "movies")
    if not (folder / "notes.jsonl").is_file():  # not ours to ship; under CI the hook above makes this a failure
        pytest.skip(f"the movies corpus is not at {folder}; NOTELENS_MOVIES names another place")
    return folder
