"""The layouts that can be imported, by name."""

from app.importers.amazon_reviews import read as amazon_reviews
from app.importers.base import Read
from app.importers.boardgamegeek import read as boardgamegeek
from app.importers.microlens import read as microlens
from app.importers.movielens import read as movielens
from app.importers.plain_tables import read as plain_tables
from app.importers.qilin import read as qilin

LAYOUTS: dict[str, Read] = {
    "csv": plain_tables,
    "movielens": movielens,
    "amazon-reviews-2023": amazon_reviews,
    "microlens": microlens,
    "qilin": qilin,
    "boardgamegeek": boardgamegeek,
}
