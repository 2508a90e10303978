"""BoardGameGeek's dump and two scrapes of it, value by value."""

import pytest

from app.importers.errors import ColumnsMissing, FilesMissing, ImportFailed

JPEG = b"\xff\xd8\xff\xe0 not decoded here"


def test_the_scrape_with_details(files, imported):
    games = (
        ",type,id,thumbnail,image,primary,description,yearpublished,boardgamecategory,boardgamemechanic,"
        "boardgamedesigner,usersrated,average\n"
        "0,boardgame,30549,https://cf/t.jpg,https://cf/i.jpg,Pandemic,"
        '"In Pandemic, several diseases&#10;&#10;have broken out &mdash; &quot;help&quot;&amp;#33;",2008,'
        '"[\'Medical\', ""Kid\'s Game""]","[\'Hand Management\', \'Medical\']",'
        "\"['Matt Leacock, Jr', 'B']\",96186,7.58\n"
        "1,boardgame,13,,,Catan,,1995,,,,1,7\n"
    )
    reviews = (
        ',user,rating,comment,ID,name\n0,Torsten,10.0,"good,\nreally",30549,Pandemic\n'
        "1,,9.0,,30549,Pandemic\n2,Ann,,,13,Catan\n"
    )
    source = files({"games_detailed_info.csv": games, "bgg-15m-reviews.csv.gz": reviews, "2020-08-19.csv": "ID,Name\n"})
    pictures = files({"13.jpg": JPEG}, folder="pictures")
    got = imported("boardgamegeek", source, images=pictures)
    note = got.notes["30549"]
    assert note.title == "Pandemic"
    assert note.body == 'In Pandemic, several diseases have broken out — "help"!'
    assert (note.tags, note.category) == (("Medical", "Kid's Game", "Hand Management"), "Medical")
    assert note.author == "Matt Leacock, Jr"
    assert note.extra == {"year": 2008, "average": 7.58, "users_rated": 96186, "image_urls": ["https://cf/i.jpg"]}
    assert (got.images("30549"), got.images("13")) == ([], ["images/13.jpg"])
    assert got.events == [
        {"user": "Torsten", "note": "30549", "rating": 10.0},
        {"user": "Ann", "note": "13", "rating": None},
    ]
    assert got.summary.bad_rows == {"bgg-15m-reviews.csv.gz: missing id": 1}


def test_the_scrape_with_flags(files, imported):
    source = files(
        {
            "games.csv": "BGGId,Name,Description,YearPublished,AvgRating,ImagePath,Cat:Thematic,Cat:War\n"
            "1,Die Macher,die macher game,1986,7.6,https://cf/1.jpg,0,1\n",
            "mechanics.csv": "BGGId,Auction,Dice\n1,1,0\nbad\n",
            "themes.csv": "BGGId,Politics\n1,1\n",
            "user_ratings.csv": "BGGId,Rating,Username\n1,7.5,Ünal\n",
            "ratings_distribution.csv": "BGGId,0.0\n1,3\n",
        }
    )
    got = imported("boardgamegeek", source)
    note = got.notes["1"]
    assert (note.title, note.category, note.tags) == ("Die Macher", "War", ("War", "Politics", "Auction"))
    assert note.extra == {"year": 1986, "average": 7.6, "image_urls": ["https://cf/1.jpg"]}
    assert got.events == [{"user": "Ünal", "note": "1", "rating": 7.5}]
    assert got.summary.bad_rows == {"mechanics.csv: broken row": 1}


def test_the_dump_of_ranks(files, imported):
    ranks = (
        '"id","name","yearpublished","rank","bayesaverage","average","usersrated","is_expansion",'
        '"partygames_rank","strategygames_rank"\n'
        '"224517","Brass: Birmingham","2018","1","8.4","8.6","44000","0","12","1"\n'
    )
    got = imported("boardgamegeek", files({"boardgames_ranks.csv": ranks, "ratings_distribution.csv": "id,0.0\n"}))
    note = got.notes["224517"]
    assert (note.title, note.category, note.tags) == (
        "Brass: Birmingham",
        "strategygames",
        ("strategygames", "partygames"),
    )
    assert note.extra == {"year": 2018, "average": 8.6, "users_rated": 44000}
    assert got.events is None


def test_two_scrapes_of_the_ratings_are_refused(files, imported):
    reviews = {f"bgg-{millions}m-reviews.csv": ",user,rating,comment,ID,name\n" for millions in (15, 19)}
    with pytest.raises(ImportFailed, match=r"several files of one kind \(bgg-15m-reviews\.csv, bgg-19m"):
        imported("boardgamegeek", files({"games.csv": "id,name\n1,x\n", **reviews}))


def test_what_is_missing_is_named(files, imported):
    with pytest.raises(FilesMissing, match=r"games_detailed_info\*\.csv or games\.csv .*it has nothing"):
        imported("boardgamegeek", files({".hidden": ""}))
    source = files({"games.csv": "id,name\n1,x\n", "user_ratings.csv": "who,rating,id\n"})
    with pytest.raises(ColumnsMissing, match="for the user: it has who, rating, id, wanted one of Username"):
        imported("boardgamegeek", source)
