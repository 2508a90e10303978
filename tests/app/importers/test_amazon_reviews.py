"""Amazon Reviews 2023, value by value."""

import json
from datetime import UTC, datetime

import pytest

from app.importers.errors import ColumnsMissing, FilesMissing

JPEG = b"\xff\xd8\xff\xe0 not decoded here"
PRODUCT = {
    "main_category": "All Beauty",
    "title": "Howard LC0008 &amp; Wax, 10&quot; <b>New</b>",
    "average_rating": 4.8,
    "rating_number": 10,
    "features": ["Soft<br>and quiet", "  "],
    "description": ["A &lt;fine&gt; wax; 1 < 2, really.", "<p>Second&nbsp;part</p><script>no()</script>"],
    "price": None,
    "images": [
        {"thumb": "https://m/t.jpg", "large": "https://m/l.jpg", "variant": "MAIN", "hi_res": "https://m/h.jpg"},
        {"thumb": "https://m/t2.jpg", "large": "https://m/l2.jpg", "variant": "PT01", "hi_res": None},
        {"large": "../../etc/passwd"},
    ],
    "videos": [],
    "store": "Howard Products",
    "categories": ["All Beauty", "Hair Care", "Waxes"],
    "details": {"Package Dimensions": "7.1 x 5.5", "Weight": 3, "deep": {"a": [1]}},
    "parent_asin": "B01CUPMQZE",
    "bought_together": None,
}
OTHER = {
    "parent_asin": "B2",
    "title": "Second",
    "price": "$12.99",
    "images": {"hi_res": [None], "large": ["https://m/x.jpg"]},
}
REVIEWS = [
    {
        "rating": 5.0,
        "title": "x",
        "text": "y",
        "asin": "B00",
        "parent_asin": "B2",
        "user_id": "AG",
        "timestamp": 1588687728923,
    },
    {"rating": 4.0, "parent_asin": "B01CUPMQZE", "user_id": "AH", "timestamp": 1588615855070},
    {"rating": 4.0, "parent_asin": "GONE", "user_id": "AH", "timestamp": 1588615855070},
    {"rating": 4.0, "parent_asin": "B2", "timestamp": 1588615855070},
    {"rating": 4.0, "parent_asin": "B2", "user_id": "\ud83d", "timestamp": 1588615855070},
]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize("zipped", ["", ".gz"])
def test_products_and_reviews(files, imported, zipped):
    source = files(
        {
            f"raw/meta_All_Beauty.jsonl{zipped}": lines([PRODUCT, OTHER, {"parent_asin": "B3", "title": ""}]) + "{\n",
            f"raw/All_Beauty.jsonl{zipped}": lines(REVIEWS) + "junk\n",
            "images/B01CUPMQZE.jpg": JPEG,
        }
    )
    got = imported("amazon-reviews-2023", source)
    assert list(got.notes) == ["B01CUPMQZE", "B2"]
    note = got.notes["B01CUPMQZE"]
    assert note.title == 'Howard LC0008 & Wax, 10" New'
    assert note.body == "Soft and quiet A <fine> wax; 1 < 2, really. Second part"
    assert (note.category, note.tags, note.author) == ("All Beauty", ("Hair Care", "Waxes"), "Howard Products")
    assert note.extra == {
        "average_rating": 4.8,
        "rating_number": 10,
        "details": {"Package Dimensions": "7.1 x 5.5", "Weight": 3},
        "image_urls": ["https://m/h.jpg", "https://m/l2.jpg"],
    }
    assert got.images("B01CUPMQZE") == ["images/B01CUPMQZE.jpg"]
    assert got.notes["B2"].extra == {"price": 12.99, "image_urls": ["https://m/x.jpg"]}
    assert got.events == [
        {"user": "AG", "note": "B2", "timestamp": datetime(2020, 5, 5, 14, 8, 48, 923000, tzinfo=UTC), "rating": 5.0},
        {
            "user": "AH",
            "note": "B01CUPMQZE",
            "timestamp": datetime(2020, 5, 4, 18, 10, 55, 70000, tzinfo=UTC),
            "rating": 4.0,
        },
    ]
    assert got.summary.interactions_unknown == 1
    meta, reviews = f"meta_All_Beauty.jsonl{zipped}", f"All_Beauty.jsonl{zipped}"
    assert got.summary.bad_rows == {
        f"{meta}: neither text nor image": 1,
        f"{meta}: broken row": 1,
        f"{reviews}: missing id": 1,
        f"{reviews}: invalid UTF-8": 1,
        f"{reviews}: broken row": 1,
    }


def test_ratings_alone_are_csv(files, imported):
    ratings = "user_id,parent_asin,rating,timestamp\nAG,B2,5.0,1588687728923\n"
    got = imported("amazon-reviews-2023", files({"meta_X.jsonl": lines([OTHER]), "X.csv.gz": ratings}))
    assert [(event["user"], event["rating"]) for event in got.events] == [("AG", 5.0)]


def test_products_alone(files, imported):
    got = imported("amazon-reviews-2023", files({"meta_X.jsonl": lines([OTHER]), "meta_Y.jsonl": lines([PRODUCT])}))
    assert (list(got.notes), got.events) == (["B2", "B01CUPMQZE"], None)


def test_what_is_missing_is_named(files, imported):
    with pytest.raises(FilesMissing, match=r"meta_\*\.jsonl .*it has All\.jsonl"):
        imported("amazon-reviews-2023", files({"All.jsonl": lines(REVIEWS)}))
    source = files({"meta_X.jsonl": lines([{"asin": "1", "title": "2018's layout"}])})
    with pytest.raises(ColumnsMissing, match="for the parent_asin: it has asin, title"):
        imported("amazon-reviews-2023", source)
