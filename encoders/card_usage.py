"""How to use an encoder folder, as its model card says it; a test runs the lines as they stand."""

from collections.abc import Iterator

TEXT = """\
```sh
notelens build CORPUS --encoder . --out my.index
notelens query my.index --text "a bowl of noodle soup"
```

```python
from encoders import Note, from_pretrained

encoder = from_pretrained(".")
notes = [Note(title="Ramen in Kyoto", tags=("ramen", "kyoto")), Note(body="How to mend an engine")]
vectors = encoder.encode(notes)  # float32 [2, dim], unit rows
queries = encoder.blocks.as_query(encoder.encode([Note(title="a bowl of noodle soup")]))
print(queries @ vectors.T)
```
"""
LIBRARY = """\
```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(".", trust_remote_code=True)  # to import notelens; the folder holds no code
vectors = model.encode([{"title": "Ramen in Kyoto", "tags": ["ramen", "kyoto"]}, "How to mend an engine"])
queries = model.encode_query(["a bowl of noodle soup"])
print(model.similarity(queries, vectors))
```
"""
PICTURES = """\
```python
from PIL import Image

picture = Image.new("RGB", (320, 240), "orange")
print(model.encode([picture, {"text": "Ramen in Kyoto", "image": [picture, picture]}]).shape)
```
"""


def usage(pictures: bool) -> Iterator[str]:
    """Yield the lines of the section; pictures: whether the encoder reads them."""
    yield "Run in this folder, with notelens installed; elsewhere put the folder's path for the point."
    yield ""
    yield TEXT
    yield (
        "With sentence-transformers, where a string is always words, never a path or an address of a picture. The flag "
        "lets it use the installed notelens; this folder holds no code."
    )
    yield ""
    yield LIBRARY
    if pictures:
        yield PICTURES
