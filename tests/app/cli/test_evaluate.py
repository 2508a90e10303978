"""evaluate: from a corpus and interactions to figures, in the terminal, as JSON and as files."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet
import pytest

TOPICS = {
    "ramen": "broth noodles egg 拉面",
    "hiking": "boots trail summit 徒步",
    "kiln": "clay glaze bowl 陶艺",
    "cello": "bow strings concerto 音乐",
}
EACH, USERS = 24, 80
MEASURES = ["R@10", "nDCG@10"]


@pytest.fixture(scope="module")
def club(tmp_path_factory, picture):
    """Notes on four topics, and people who mostly look at one: what is alike in words is looked at together."""
    folder = tmp_path_factory.mktemp("club") / "club"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for topic, (name, words) in enumerate(TOPICS.items()):
        for i in range(EACH):
            own = " ".join(rng.permutation(words.split())[:3])
            row = {
                "id": f"{name}{i}",
                "title": f"{name} {own}",
                "tags": [name],
                "category": f"c{topic % 2}",
                "lang": "en",
            }
            if i % 3 == 0:
                row["image"] = f"{name}{i}.png"
                picture(topic * 100 + i, (40, 30)).save(folder / "images" / row["image"])
            rows.append(row)
    (folder / "notes.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    ids = [row["id"] for row in rows]
    lines = ["user,note,timestamp,event"]
    for user in range(USERS):
        liked = user % len(TOPICS)
        lines += [
            f"u{user},{ids[liked * EACH + note]},{1_700_000_000 + int(rng.integers(1e6))},click"
            for note in rng.permutation(EACH)[:16]
        ]
        lines.append(f"u{user},{ids[int(rng.integers(len(ids)))]},{1_700_000_000 + int(rng.integers(1e6))},view")
    (folder / "interactions.csv").write_text("\n".join(lines) + "\n")
    vectors = np.zeros((len(ids), 8), np.float32)
    for i in range(len(ids)):
        vectors[i, i // EACH] = 1
    vectors += rng.normal(0, 0.05, vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.savez(folder.parent / "topics.npz", ids=np.array(ids), vectors=vectors.astype(np.float32))
    noise = rng.normal(size=vectors.shape)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    np.savez(folder.parent / "noise.npz", ids=np.array(ids), vectors=noise.astype(np.float32))
    return SimpleNamespace(
        corpus=folder, topics=folder.parent / "topics.npz", noise=folder.parent / "noise.npz", ids=ids, rows=rows
    )


@pytest.fixture
def evaluate(here, club):
    """Evaluate on the club's corpus, by notes and users unless told otherwise."""

    def run(*arguments, by="items+users"):
        return here("evaluate", *arguments, "--corpus", club.corpus, "--by", by, "--min-users", 2, "--rounds", 200)

    return run


def cold(note):
    """The rule that the split states for a corpus folder called club."""
    return int(hashlib.sha1(f"club-item-{note}".encode()).hexdigest(), 16) % 5 == 0


def of(found, name):
    return next(system for system in found["systems"] if system["name"] == name)


def test_what_knows_the_topics_beats_what_does_not(evaluate, club, tmp_path):
    outcome = evaluate(
        f"topics={club.topics}", f"noise={club.noise}", "--baseline", "random", "--baseline", "bm25", "--json",
        "--out", tmp_path / "out",
    )  # fmt: skip
    found = outcome.checked().json
    assert found["main"] == "topics"
    good, bad, chance, words = (
        of(found, name)["metrics"]["R@10"]["value"] for name in ("topics", "noise", "random", "BM25")
    )
    assert good > 2 * bad
    assert words > 2 * chance
    against = {
        (one["b"], one["metric"]): one
        for one in found["comparisons"]
        if one["a"] == "topics" and one["metric"] in MEASURES
    }
    for metric in MEASURES:
        one = against["noise", metric]
        assert one["difference"]["low"] > 0
        assert one["outcome"] == "better"
        assert one["ratio"]["low"] > 1
    # All queries are cold, by the rule that the split states.
    table = pyarrow.parquet.read_table(tmp_path / "out" / "per_query.parquet").to_pylist()
    asked = {row["query"] for row in table}
    assert all(map(cold, asked))
    assert len(asked) == found["pool"]["queries"] > 10
    mean = np.mean([row["R@10"] for row in table if row["system"] == "topics"])
    assert mean == pytest.approx(good)


def test_files_can_be_scored_by_other_tools(evaluate, club, tmp_path):
    import ir_measures

    evaluate(f"topics={club.topics}", "--baseline", "random", "--json", "--out", tmp_path).checked()
    found = json.loads((tmp_path / "results.json").read_text())
    qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "qrels.txt")))
    for file in (tmp_path / "runs").iterdir():
        run = list(ir_measures.read_trec_run(str(file)))
        again = ir_measures.calc_aggregate([ir_measures.R @ 10, ir_measures.nDCG @ 10], qrels, run)
        metrics = of(found, "topics" if "topics" in file.name else "random")["metrics"]
        assert {str(measure): pytest.approx(metrics[str(measure)]["value"]) for measure in again} == {
            str(measure): value for measure, value in again.items()
        }
    html = (tmp_path / "report.html").read_text()
    assert "topics" in html
    assert "<svg" in html


def test_judgements_in_place_of_co_occurrence(evaluate, club, tmp_path):
    mined = evaluate(club.topics, "--baseline", "none", "--json", "--out", tmp_path / "a").checked().json
    judged = (
        evaluate(club.topics, "--baseline", "none", "--json", "--qrels", tmp_path / "a" / "qrels.txt").checked().json
    )
    assert of(judged, "topics.npz")["metrics"] == of(mined, "topics.npz")["metrics"]
    assert judged["warnings"] == mined["warnings"]
    few = (tmp_path / "a" / "qrels.txt").read_text().splitlines()[:3]
    (tmp_path / "few.txt").write_text("\n".join([*few, "nobody 0 nothing 1"]) + "\n")
    some = evaluate(club.topics, "--baseline", "none", "--json", "--qrels", tmp_path / "few.txt").checked().json
    assert some["pool"]["queries"] == len({line.split()[0] for line in few})
    assert "of 4 right answers 3 are candidates" in some["warnings"][0]


def test_few_queries_are_drawn_from_many(evaluate, club, tmp_path):
    drawn = []
    for out in ("a", "b"):
        evaluate(club.topics, "--queries", 5, "--baseline", "none", "--json", "--out", tmp_path / out).checked()
        drawn.append({line.split()[0] for line in (tmp_path / out / "qrels.txt").read_text().splitlines()})
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 5


def test_an_index_with_its_readings_and_recall(evaluate, club, here, tmp_path):
    here("build", club.corpus, "--out", tmp_path / "idx", "--json").checked()
    found = evaluate(tmp_path / "idx", "--baseline", "zero-shot", "--baseline", "cooccurrence", "--json").checked().json
    names = [system["name"] for system in found["systems"]]
    # The index was built by the default encoder: it would only stand there twice.
    assert names == ["co-occurrence", "idx", "idx (text)", "idx (image)"]
    assert of(found, "idx (text)")["metrics"]["R@10"]["value"] > of(found, "idx (image)")["metrics"]["R@10"]["value"]
    assert of(found, "co-occurrence")["metrics"]["R@10"]["value"] == 0  # cold queries
    [served] = found["index_recall"]
    assert served["recall"] == {"10": 1.0, "100": 1.0}
    assert served["notes"] == len(club.ids)
    assert served["metrics"]["R@10"][0] == pytest.approx(of(found, "idx")["metrics"]["R@10"]["value"])
    # An encoder that encodes the corpus anew finds what the index finds.
    again = evaluate("minilm", "--baseline", "none", "--json").checked().json
    for reading in ("", " (text)", " (image)"):
        one, other = of(found, f"idx{reading}")["metrics"], of(again, f"minilm{reading}")["metrics"]
        assert one["R@10"]["value"] == pytest.approx(other["R@10"]["value"], abs=0.02)
    # So does its export, although two notes of three have no picture: the file says how vectors are laid out.
    here("export", tmp_path / "idx", "--out", tmp_path / "e.npz").checked()
    exported = evaluate(f"e={tmp_path / 'e.npz'}", "--baseline", "none", "--json").checked().json
    for reading in ("", " (text)", " (image)"):
        one, other = (of(each, f"{name}{reading}") for each, name in ((found, "idx"), (exported, "e")))
        assert one["metrics"] == other["metrics"]
    # A served index may lag behind its corpus.
    asked = next(note for note in club.ids if cold(note))
    here("delete", tmp_path / "idx", asked, "--json").checked()
    lagging = evaluate(tmp_path / "idx", "--baseline", "none", "--json").checked().json
    assert "(1)" in of(lagging, "idx")["remark"]
    refused = evaluate(tmp_path / "idx", "--text", "{title}")
    assert "--text" in refused.checked(1).err


def test_a_split_is_saved_and_used_again(evaluate, here, club, tmp_path):
    first = evaluate(club.topics, "--baseline", "none", "--json", "--out", tmp_path / "a", by="time").checked().json
    assert first["protocol"]["split"]["by"] == "time"
    assert 0 < first["protocol"]["training interactions"] < first["protocol"]["interactions"]["used"]
    again = here(
        "evaluate", club.topics, "--corpus", club.corpus, "--split", tmp_path / "a" / "split.json", "--min-users", 2,
        "--baseline", "none", "--json",
    ).checked().json  # fmt: skip
    assert again["protocol"]["split"] == first["protocol"]["split"]
    assert of(again, "topics.npz")["metrics"]["R@10"]["value"] == of(first, "topics.npz")["metrics"]["R@10"]["value"]
    other = tmp_path / "fewer.csv"
    lines = (club.corpus / "interactions.csv").read_text().splitlines()
    other.write_text("\n".join(lines[:-1]) + "\n")
    refused = here(
        "evaluate",
        club.topics,
        "--corpus",
        club.corpus,
        "--interactions",
        other,
        "--split",
        tmp_path / "a" / "split.json",
    )
    assert "other interactions" in refused.checked(1).err


def test_a_planted_leak_ends_the_run(evaluate, club, tmp_path):
    hidden, warm = (next(note for note in club.ids if cold(note) is wanted) for wanted in (True, False))
    (tmp_path / "pairs.csv").write_text(f"note,positive\n{warm},{hidden}\n")
    refused = evaluate(club.topics, "--pairs", tmp_path / "pairs.csv").checked(1)
    assert hidden in refused.err
    assert refused.out == ""
    (tmp_path / "pairs.csv").write_text(f"note,positive\n{warm},{warm}\n")
    evaluate(club.topics, "--baseline", "none", "--pairs", tmp_path / "pairs.csv", "--json").checked()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--corpus", "CORPUS", "--baseline", "magic"], 1, "random, popularity"),
        (["--corpus", "CORPUS", "--measure", "Recall@10x"], 1, "ir-measures"),
        (["--corpus", "CORPUS", "--measure", "R@500"], 1, "depth"),
        (["--corpus", "CORPUS", "--by", "items", "--test-from", "2024-01-01"], 2, "--by time"),
        (["--corpus", "CORPUS", "random=TOPICS"], 1, "baseline"),
        (["--corpus", "CORPUS", "--test-from", "soon", "--validation-from", "2024-01-01"], 1, "soon"),
        (["--corpus", "CORPUS", "--min-rating", "4"], 1, "rating"),
        (["--corpus", "CORPUS", "--event", "purchase"], 1, "left out"),
        (["--corpus", "CORPUS", "--text", "{titel}"], 1, "title"),
        (["--corpus", "CORPUS", "nosuchencoder"], 1, "minilm"),
        (["--corpus", "CORPUS", "TOPICS", "a=TOPICS", "a=NOISE"], 1, "called a"),
        (["TOPICS"], 2, "--corpus"),
        (["--corpus", "CORPUS", "--min-users", "1000"], 1, "--min-users"),
        (["--corpus", "CORPUS", "--test-share", "0.6", "--validation-share", "0.5"], 1, "share"),
    ],
)
def test_what_cannot_be_evaluated_says_why(here, club, arguments, code, says):
    places = {
        "CORPUS": club.corpus,
        "TOPICS": club.topics,
        "a=TOPICS": f"a={club.topics}",
        "a=NOISE": f"a={club.noise}",
        "random=TOPICS": f"random={club.topics}",
    }
    outcome = here("evaluate", *[places.get(each, each) for each in arguments]).checked(code)
    assert says in outcome.err.replace("\n", " ")
    assert outcome.out == ""


def test_vectors_that_do_not_fit(evaluate, club, tmp_path):
    with np.load(club.topics) as data:
        np.savez(tmp_path / "few.npz", ids=data["ids"][1:], vectors=data["vectors"][1:])
    assert club.ids[0] in evaluate(tmp_path / "few.npz").checked(1).err
    assert "npz" in evaluate(tmp_path / "none.npz").checked(1).err


def test_suggestions_are_judged_beside_the_most_frequent(here, club):
    found = here(
        "evaluate", "notellm:tiny", "--corpus", club.corpus, "--by", "items+users", "--min-users", 2,
        "--baseline", "none", "--no-ablation", "--suggestions", 4, "--json",
    ).checked().json  # fmt: skip
    usual, near, tiny = found["generation"]
    assert [usual["name"], near["name"]] == ["most frequent", "neighbours of notellm:tiny"]
    assert usual["notes"] == near["notes"] == tiny["notes"] == 4
    assert tiny["metrics"]["invented categories"]["value"] == 0  # NoteLLM chooses among those it is given
    assert usual["metrics"]["category accuracy"]["value"] in (0, 0.25, 0.5, 0.75, 1)


def test_tables_for_people(evaluate, club):
    shown = evaluate(club.topics, "--baseline", "random").checked().out
    assert "topics.npz" in shown
    assert "R@10" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_encoding_many_notes_is_not_begun_unasked(evaluate, club, monkeypatch):
    monkeypatch.setattr("app.evaluating.run.MANY", len(club.ids) - 1)
    found = evaluate(club.topics, "--json").checked().json
    assert "zero-shot minilm" not in [system["name"] for system in found["systems"]]
    assert any("--baseline zero-shot" in warning for warning in found["warnings"])


def test_a_folder_of_an_earlier_run(evaluate, club, tmp_path):
    both = (f"topics={club.topics}", f"noise={club.noise}")
    evaluate(*both, "--baseline", "none", "--json", "--out", tmp_path / "out").checked()
    (tmp_path / "out" / "runs" / "mine.txt").write_text("kept")
    evaluate(both[0], "--baseline", "none", "--json", "--out", tmp_path / "out").checked()
    assert sorted(path.name for path in (tmp_path / "out" / "runs").iterdir()) == ["00-topics.txt", "mine.txt"]


def test_a_place_that_cannot_be_written_is_known_before_anything_is_read(evaluate, club, tmp_path):
    (tmp_path / "file").write_text("in the way")
    refused = evaluate(club.topics, "--out", tmp_path / "file" / "out").checked(1)
    assert "cannot be written" in refused.err
    assert "reading" not in refused.err


def test_grades_weigh_in_ndcg_alone(evaluate, club):
    plain, graded = (
        of(evaluate(club.topics, "--baseline", "none", "--json", *more).checked().json, "topics.npz")["metrics"]
        for more in ((), ("--graded",))
    )
    assert plain["R@10"] == graded["R@10"]
    assert plain["nDCG@10"]["value"] != graded["nDCG@10"]["value"]
