"""MicroLens, value by value."""

from datetime import UTC, datetime

import pytest

from app.importers.errors import FilesMissing

JPEG = b"\xff\xd8\xff\xe0 not decoded here"


def test_fifty_thousand_with_headers(files, imported):
    source = files(
        {
            "MicroLens-50k_titles.csv": 'item,title\n1,"Cats, dogs and ""more"""\n2,海边 #夏天\n3,\nnothing\n',
            "MicroLens-50k_pairs.csv": "user,item,timestamp\n7,1,1583378629552\n7,2,1583378629553\n"
            "8,9,1583378629553\n8,1\n",
            "MicroLens-50k_likes_and_views.txt": "1\t10\t2000\n2\t5\t7\n",
            "MicroLens-50k_covers/1.jpg": JPEG,
            "MicroLens-50k_covers/2.png": JPEG,
        }
    )
    got = imported("microlens", source)
    assert {key: note.title for key, note in got.notes.items()} == {"1": 'Cats, dogs and "more"', "2": "海边 #夏天"}
    assert got.notes["1"].extra == {"likes": 10, "views": 2000}
    assert (got.images("1"), got.images("2")) == (["images/1.jpg"], ["images/2.png"])
    assert got.events == [
        {"user": "7", "note": "1", "timestamp": datetime(2020, 3, 5, 3, 23, 49, 552000, tzinfo=UTC)},
        {"user": "7", "note": "2", "timestamp": datetime(2020, 3, 5, 3, 23, 49, 553000, tzinfo=UTC)},
    ]
    assert got.summary.interactions_unknown == 1
    assert got.summary.bad_rows == {
        "MicroLens-50k_titles.csv: neither text nor image": 1,
        "MicroLens-50k_titles.csv: broken row": 1,
        "MicroLens-50k_pairs.csv: broken row": 1,
    }


def test_one_hundred_thousand_without_headers_and_with_bare_commas(files, imported):
    titles = '1,Cats, dogs, and "more"\n2,"Hi" he said, twice\n3,"quoted"\n'
    source = files(
        {
            "MicroLens-100k_title_en.csv": titles,
            "MicroLens-100k_pairs.tsv": "7\t2 1 9\n8\t3\n9\t\nten\n",
            "tags_to_summary.csv": "1,Pets\n3,Talk\nbad\n",
        }
    )
    covers = files({"3.webp": JPEG}, folder="covers elsewhere")
    got = imported("microlens", source, images=covers)
    assert [note.title for note in got.notes.values()] == ['Cats, dogs, and "more"', '"Hi" he said, twice', "quoted"]
    assert [note.category for note in got.notes.values()] == ["Pets", None, "Talk"]
    assert got.images("3") == ["images/3.webp"]
    assert got.events == [{"user": "7", "note": "2"}, {"user": "7", "note": "1"}, {"user": "8", "note": "3"}]
    assert got.summary.bad_rows == {"tags_to_summary.csv: broken row": 1, "MicroLens-100k_pairs.tsv: broken row": 2}
    assert got.summary.interactions_unknown == 1


def test_a_tsv_of_triples_and_the_csv_before_the_tsv(files, imported):
    source = files({"a_titles.csv": "1,x\n", "a_pairs.tsv": "userID\tvideoID\ttimestamp\n7\t1\t1583378629552\n"})
    assert imported("microlens", source).events[0]["timestamp"].year == 2020


def test_missing_pairs_are_named(files, imported):
    with pytest.raises(FilesMissing, match=r"\*_pairs\.csv or \*_pairs\.tsv .*it has a_titles\.csv"):
        imported("microlens", files({"a_titles.csv": "1,x\n"}))
