"""MovieLens in its three shapes, value by value."""

from datetime import UTC, datetime

import pytest

from app.importers.errors import ColumnsMissing, FilesMissing, ImportFailed
from app.importers.movielens import split_title

JPEG = b"\xff\xd8\xff\xe0 not decoded here"


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


MOVIES = (
    "movieId,title,genres\r\n"
    '1,"Shawshank Redemption, The (1994)",Crime|Drama\r\n'
    '2,"City of Lost Children, The (Cité des enfants perdus, La) (1995)",Fantasy\r\n'
    "3,Babylon 5,(no genres listed)\r\n"
    '4,"""Great Performances"" Cats (1998)",Musical\r\n'
    "5,Too,Many,Cells\r\n"
    "1,Again (2000),Drama\r\n"
    ",No Id (2000),Drama\r\n"
    "6, ,(no genres listed)\r\n"
)
RATINGS = (
    "userId,movieId,rating,timestamp\r\n"
    "10,1,4.5,964982703\r\n"
    "10,2,3.0,964982704\r\n"
    "11,1,0.5,1445714835\r\n"
    "11,99,5.0,1445714836\r\n"
    "12,1,five,1445714837\r\n"
    "12,1,inf,1445714837\r\n"
    "12,1,5.0,yesterday\r\n"
    ",1,5.0,1445714838\r\n"
)
TAGS = (
    "userId,movieId,tag,timestamp\r\n"
    '10,1,"Morgan Freeman, great",2\r\n'
    "11,1,#prison,1\r\n"
    "12,1,Prison,3\r\n"
    "13,1,drama,4\r\n"
    "bad row\r\n"
)


def test_the_csv_releases(files, imported):
    source = files(
        {
            "ml/movies.csv": MOVIES,
            "ml/ratings.csv": RATINGS,
            "ml/tags.csv": TAGS,
            "ml/links.csv": "movieId,imdbId,tmdbId\n1,0111161,278\n2,0112682,\n",
            "ml/posters/1.jpg": JPEG,
            "ml/posters/2.webp": JPEG,
            "ml/posters/99.jpg": JPEG,
        }
    )
    got = imported("movielens", source)
    assert set(got.notes) == {"1", "2", "3", "4"}
    first = got.notes["1"]
    assert (first.title, first.category, first.created_at) == ("The Shawshank Redemption", "Crime", None)
    assert first.tags == ("Crime", "Drama", "prison", "Morgan Freeman, great")  # prison twice; drama is a genre
    assert first.extra == {"year": 1994, "imdbId": "0111161", "tmdbId": "278"}
    assert got.notes["2"].title == "The City of Lost Children (Cité des enfants perdus, La)"
    assert got.notes["2"].extra == {"year": 1995, "imdbId": "0112682"}
    assert (got.notes["3"].title, got.notes["3"].tags, got.notes["3"].extra) == ("Babylon 5", (), {})
    assert got.notes["4"].title == '"Great Performances" Cats'
    assert got.images("1") == ["images/1.jpg"]
    assert got.images("2") == ["images/2.webp"]
    assert not (got.folder / "images" / "99.jpg").exists()
    assert (got.folder / "images" / "1.jpg").samefile(source / "ml/posters/1.jpg")
    assert got.events == [
        {"user": "10", "note": "1", "timestamp": at(2000, 7, 30, 18, 45, 3), "rating": 4.5},
        {"user": "10", "note": "2", "timestamp": at(2000, 7, 30, 18, 45, 4), "rating": 3.0},
        {"user": "11", "note": "1", "timestamp": at(2015, 10, 24, 19, 27, 15), "rating": 0.5},
    ]
    assert got.summary.interactions_unknown == 1
    assert (got.summary.notes_without_picture, got.summary.pictures) == (2, 2)
    assert got.summary.bad_rows == {
        "movies.csv: broken row": 1,
        "movies.csv: duplicate id": 1,
        "movies.csv: missing id": 1,
        "movies.csv: neither text nor image": 1,
        "tags.csv: broken row": 1,
        "ratings.csv: bad value": 2,
        "ratings.csv: unparsable date": 1,
        "ratings.csv: missing id": 1,
    }


def test_tags_are_capped_and_genres_are_not(files, imported):
    genres = [f"g{at}" for at in range(12)]
    movies = f"movieId,title,genres\n1,A,{'|'.join(genres)}\n2,B,g0\n"
    tags = "userId,movieId,tag,timestamp\n" + "".join(f"1,{movie},t{at},1\n" for movie in (1, 2) for at in range(20))
    ratings = "userId,movieId,rating,timestamp\n"
    got = imported("movielens", files({"movies.csv": movies, "tags.csv": tags, "ratings.csv": ratings}))
    assert got.notes["1"].tags == tuple(genres)
    assert got.notes["2"].tags == ("g0", *(f"t{at}" for at in range(9)))
    assert got.events == []


def test_one_million_is_latin_1_with_colons_in_titles(files, imported):
    movies = "1::Misérables, Les (1995)::Drama|Musical\n2::Alien::Beyond (1997)::Horror\nbroken\n"
    source = files(
        {
            "movies.dat": movies,
            "ratings.dat": "1::1::5::978300760\n1::2::3::978302109\n1::2::3\n1::2::3::978302109::x\n",
        },
        encoding="latin-1",
    )
    got = imported("movielens", source)
    assert [(note.title, note.tags) for note in got.notes.values()] == [
        ("Les Misérables", ("Drama", "Musical")),
        ("Alien::Beyond", ("Horror",)),
    ]
    assert [(event["note"], event["rating"]) for event in got.events] == [("1", 5.0), ("2", 3.0)]
    assert got.events[0]["timestamp"] == at(2000, 12, 31, 22, 12, 40)
    assert got.summary.bad_rows == {"movies.dat: broken row": 1, "ratings.dat: broken row": 2}


def test_ten_million_is_utf_8(files, imported):
    source = files({"movies.dat": "1::Été (1999)::Drama\n", "ratings.dat": "1::1::3.5::838985046\n"})
    assert imported("movielens", source).notes["1"].title == "Été"


def test_one_hundred_thousand(files, imported):
    flags = ["0"] * 19
    comedy = [*flags[:5], "1", *flags[6:8], "1", *flags[9:]]  # Comedy is number 5, Drama number 8
    items = [
        ["1", "Amélie (1995)", "01-Jan-1995", "", "http://imdb/1", *comedy],
        ["267", "unknown", "", "", "", "1", *flags[1:]],
    ]
    text = "\n".join("|".join(item) for item in items) + "\n"
    source = files({"u.item": text, "u.data": "196\t1\t3\t881250949\n"}, encoding="latin-1")
    got = imported("movielens", source)
    note = got.notes["1"]
    assert (note.title, note.category, note.tags) == ("Amélie", "Comedy", ("Comedy", "Drama"))
    assert note.created_at == datetime(1995, 1, 1, tzinfo=UTC)
    assert (got.notes["267"].title, got.notes["267"].tags, got.notes["267"].created_at) == ("unknown", (), None)
    assert got.events == [{"user": "196", "note": "1", "timestamp": at(1997, 12, 4, 15, 55, 49), "rating": 3.0}]


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("Title, The (1995)", ("The Title", 1995)),
        ("Misérables, Les (1995)", ("Les Misérables", 1995)),
        ("Atalante, L' (1934)", ("L'Atalante", 1934)),
        ("2001: A Space Odyssey (1968)", ("2001: A Space Odyssey", 1968)),
        ("Fawlty Towers (1975-1979)", ("Fawlty Towers", 1975)),
        ("Cosmos (2007- )", ("Cosmos", 2007)),
        ("Me, Myself & Irene (2000)", ("Me, Myself & Irene", 2000)),
        ("Babylon 5", ("Babylon 5", None)),
        ("1900 (Novecento) (1976) ", ("1900 (Novecento)", 1976)),
    ],
)
def test_titles(title, parts):
    assert split_title(title) == parts


def test_a_folder_without_the_files_says_what_it_has(files, imported):
    source = files({"films.csv": "a\n1\n"})
    with pytest.raises(FilesMissing, match=r"does not have movies\.csv or movies\.dat or u\.item.*it has films\.csv"):
        imported("movielens", source)
    source = files({"movies.csv": MOVIES})
    with pytest.raises(FilesMissing, match=r"ratings\.csv.*it has films\.csv, movies\.csv"):
        imported("movielens", source)


def test_a_missing_column_is_named(files, imported):
    source = files({"movies.csv": "movieId,name,genres\n1,x,y\n", "ratings.csv": RATINGS})
    with pytest.raises(ColumnsMissing, match=r"for the title: it has movieId, name, genres, wanted one of title"):
        imported("movielens", source)


def test_two_sets_in_one_folder_are_refused(files, imported):
    source = files({"a/movies.csv": MOVIES, "b/movies.csv": MOVIES})
    with pytest.raises(ImportFailed, match=r"several files of one kind \(a/movies\.csv, b/movies\.csv\)"):
        imported("movielens", source)
