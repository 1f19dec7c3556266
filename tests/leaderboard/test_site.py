"""The web pages of a leaderboard: what is in them, and what strangers' text cannot do there."""

import json
import math
import re
import socket
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image

from restobench.errors import RestobenchError
from restobench.leaderboard.anonymous import anonymous, scrubber
from restobench.leaderboard.board import Cell, Leaderboard, Row, Table
from restobench.leaderboard.site.data import _rounded
from restobench.leaderboard.site.names import file_name, keys
from restobench.leaderboard.site.samples import galleries
from restobench.leaderboard.site.sweeps import sweeps_in
from restobench.leaderboard.spec import ColumnSpec, RowSpec, TableSpec
from restobench.leaderboard.table import build
from restobench.results import all_runs
from restobench.signature import Signature
from tests.leaderboard.pictured import HOSTILE, IDS, SECRET, pairs, pictured
from tests.leaderboard.test_assemble import published

HOSTILE_LABEL = "</script><script>alert(1)</script><!--\"' onload=x {{7*7}} &amp; \u202eb"
"""Of a run that was brought from elsewhere, whose folder was called otherwise."""


class Page(HTMLParser):
    """What a page holds, as a parser of HTML sees it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script":
            self.scripts.append(data)
        self.text += data

    @property
    def links(self) -> list[str]:
        """Every address that the page names."""
        return [
            value or "" for _, attributes in self.tags for name, value in attributes.items() if name in ("href", "src")
        ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, session_home: Path) -> Path:
    """A folder with runs and the site of them: two methods, one called by somebody hostile."""
    root = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESTOBENCH_HOME", str(session_home))
        data = pairs(root / "pairs")
        pictured(root / "runs", data, "plain")
        pictured(root / "runs", data, "sharp", better=1.0, method={"licence": HOSTILE, "training_data": "</script>"})
        build(all_runs(root / "runs"), root, published=published(), site=True)
    return root


def site_of(root: Path, **options: object) -> Path:
    """The site of the runs in a folder."""
    built = build(all_runs(root / "runs"), root, published=published(), site=True, **options)  # type: ignore[arg-type]
    return built.paths[-1].parent


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_link_leads_to_a_file_of_the_site(made: Path) -> None:
    """It opens from a disk and from any server: nothing is absolute, nothing comes from elsewhere."""
    site = made / "site"
    pages = list(site.rglob("*.html"))

    found = {(page.parent / unquote(urlsplit(link).path)).resolve() for page in pages for link in Page(page).links}

    schemes = {urlsplit(link).scheme + urlsplit(link).netloc for page in pages for link in Page(page).links}
    assert schemes == {""}
    assert all(path.exists() and path.is_relative_to(site.resolve()) for path in found)
    assert {page.resolve() for page in pages} <= found, "a page that nothing leads to"
    assert len(pages) == 1 + 1 + 2 + len(IDS)


def test_strangers_text_does_nothing_in_a_page(made: Path) -> None:
    """It is text wherever it stands: no tag, no attribute, no script of its own; and the policy allows none."""
    for path in (made / "site").rglob("*.html"):
        page = Page(path)

        assert not [
            name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"
        ]
        assert not [link for link in page.links if link == "x" or "javascript" in link]
        assert all(
            "src" in attributes or attributes.get("type") == "application/json"
            for tag, attributes in page.tags
            if tag == "script"
        )
        policy = next(attributes["content"] for _, attributes in page.tags if attributes.get("http-equiv"))
        assert policy
        assert policy.startswith("default-src 'none'; script-src 'self' file:;")
    table = Page(next((made / "site" / "tables").iterdir()))
    assert f"licence {HOSTILE}; trained on: </script>" in table.text
    names = [Page(path).text for path in (made / "site").glob("pairs*/samples/*.html")]
    assert sum(f"b {HOSTILE}" in text for text in names) == 3  # its own page, and both of its neighbours


def test_a_hostile_name_of_a_method_stays_a_name(tmp_path: Path) -> None:
    """In tables, in what scripts read, and in the names of files."""
    data = pairs(tmp_path / "pairs", ["a", "b"])
    evil = pictured(tmp_path / "runs", data, "evil", ids=["a", "b"])
    evil.write_run(evil.read_run() | {"label": HOSTILE_LABEL})
    pictured(tmp_path / "runs", data, "lq", ids=["a", "b"])

    site = site_of(tmp_path)

    table = Page(next((site / "tables").iterdir()))
    (data_block,) = [json.loads(text) for text in table.scripts if text.startswith("{")]
    label = HOSTILE_LABEL.replace("\u202e", " ")
    assert {row["name"] for row in data_block["rows"]} == {label, "lq"}
    assert [tag for tag, _ in table.tags].count("script") == 5
    assert all(re.fullmatch(r"[a-z0-9@_./-]+", name, re.IGNORECASE) for name in contents(site))
    samples = samples_of(site)
    names = {one["name"]: one["key"] for one in samples["series"]}
    assert names.keys() == {label, "lq"}
    assert names["lq"] == "lq-2"  # `lq` is the input's


def samples_of(site: Path) -> dict[str, object]:
    """What the pages of samples are given."""
    (path,) = site.glob("pairs*/samples.js")
    text = path.read_text(encoding="utf-8")
    return json.loads(text.removeprefix("restobench.samples = ").removesuffix(";\n"))  # type: ignore[no-any-return]


def test_the_samples_values_are_the_runs_own(made: Path) -> None:
    """By method and metric, in the order of the ids; a page for each that is shown."""
    samples = samples_of(made / "site")

    plain, sharp = samples["series"]
    assert samples["ids"] == sorted(IDS)
    assert [column["key"] for column in samples["columns"]] == ["psnr", "lpips-alex"]
    assert plain["values"][0] == [21.5, 30.25, 24.75, 27.0, 22.0]
    assert sharp["values"][0] == [22.5, 31.25, 25.75, 28.0, 23.0]
    assert samples["tags"] == {"kind": ["blur", "noise", "blur", "blur", "blur"]}
    assert samples["pages"] == [file_name(one) for one in sorted(IDS)]


def test_pictures_are_what_was_scored_and_hold_nothing_else(made: Path) -> None:
    """To the last bit; but what a file may hold beside its pixels stays behind."""
    (found,) = (made / "site").glob(f"pairs*/pictures/{file_name('plain')}/{file_name('a')}.png")
    (restored,) = (made / "runs").glob("pairs/plain@default/*/pictures/a.png")

    assert SECRET.encode() in restored.read_bytes()
    assert not [name for name, content in contents(made / "site").items() if b"eve" in content and name.endswith("png")]
    assert np.array_equal(np.asarray(Image.open(found)), np.asarray(Image.open(restored)))


def test_a_page_of_a_sample_has_all_sides_and_values(made: Path) -> None:
    """The input, every method and the clean picture, without a script too; the best value is marked."""
    (path,) = (made / "site").glob(f"pairs*/samples/{file_name('a')}.html")
    page = Page(path)

    sides = [attributes["data-side"] for _, attributes in page.tags if "data-side" in attributes]
    best = [tag for tag, attributes in page.tags if tag == "td" and attributes.get("class") == "best"]
    assert sides == ["lq", "plain", "sharp", "gt"]
    assert all(attributes.get("loading") == "lazy" for _, attributes in page.tags if "data-side" in attributes)
    assert "22.50" in page.text
    assert len(best) == 2


def test_every_number_says_where_it_comes_from(made: Path) -> None:
    """Each cell links to its mean in full, its signature and its command."""
    page = Page(next((made / "site" / "tables").iterdir()))

    cells = [attributes["data-cell"] for _, attributes in page.tags if "data-cell" in attributes]
    told = {attributes["id"] for tag, attributes in page.tags if tag == "details" and "id" in attributes}
    assert cells == ["plain.psnr", "plain.lpips-alex", "sharp.psnr", "sharp.lpips-alex"]
    assert told == {f"cell={cell}" for cell in cells}
    assert "restobench run --method sharp --dataset pairs" in page.text
    assert page.text.count("restobench|v1|data:pairs@folder|metric:psnr:rev=1|img:png8:x2|method:sharp") == 1


def test_the_site_is_the_same_byte_for_byte(made: Path, tmp_path: Path) -> None:
    """Whoever builds it again, wherever."""
    again = build(all_runs(made / "runs"), tmp_path, published=published(), site=True).paths[-1].parent

    assert contents(again) == contents(made / "site")


def test_a_limit_is_kept_and_the_numbers_stay(tmp_path: Path) -> None:
    """First pictures are compressed, then samples of least interest lose them; the tables keep every value."""
    ids = [f"s{number:02}" for number in range(40)]
    data = pairs(tmp_path / "pairs", ids)
    pictured(tmp_path / "runs", data, "plain", ids=ids)

    sizes = {}
    for limit in (None, 400_000, 200_000):
        site = site_of(tmp_path, max_bytes=limit)
        sizes[limit] = sum(map(len, contents(site).values()))
        samples = samples_of(site)
        pages = [page for page in samples["pages"] if page]  # type: ignore[attr-defined]
        assert len(list(site.glob("*/samples/*.html"))) == len(pages)
        assert len(samples["ids"]) == 40  # type: ignore[arg-type]

    assert sizes[400_000] <= 400_000
    assert sizes[200_000] <= 200_000
    assert 3 <= len(pages) < 40
    assert samples["ids"][0] in [one for one, page in zip(samples["ids"], samples["pages"], strict=True) if page]  # type: ignore[index,call-overload]
    assert "shown of" in Page(next(site.glob("pairs*/index.html"))).text


def test_a_limit_that_no_number_fits_is_an_error_and_leaves_what_was_there(made: Path) -> None:
    """An older site is replaced by a whole one, or not at all."""
    before = contents(made / "site")

    with pytest.raises(RestobenchError, match=r"Without any picture the site takes [0-9]+ bytes"):
        site_of(made, max_bytes=1000)

    assert contents(made / "site") == before
    assert not list(made.glob(".part-*"))


def test_a_folder_of_somebodys_own_is_not_replaced(tmp_path: Path) -> None:
    """Only a site of ours gives way, and nothing of it is left."""
    data = pairs(tmp_path / "pairs", ["a", "b"])
    pictured(tmp_path / "runs", data, "plain", ids=["a", "b"])
    mine = tmp_path / "site" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work", encoding="utf-8")

    with pytest.raises(RestobenchError, match="holds something that is no site of restobench"):
        site_of(tmp_path)
    mine.rename(tmp_path / "thesis.txt")
    first = site_of(tmp_path)
    (first / "old.html").write_text("old", encoding="utf-8")
    second = site_of(tmp_path)

    assert "old.html" not in contents(second)
    assert (tmp_path / "thesis.txt").exists()


def test_without_the_data_set_the_page_says_so(tmp_path: Path) -> None:
    """On another machine there is what was restored, and no input and no clean picture."""
    data = pairs(tmp_path / "pairs", ["a", "b"])
    pictured(tmp_path / "runs", data, "plain", ids=["a", "b"])
    (data / "gt" / "a.png").unlink()

    site = site_of(tmp_path)

    page = Page(next(site.glob(f"pairs*/samples/{file_name('a')}.html")))
    assert [attributes["data-side"] for _, attributes in page.tags if "data-side" in attributes] == ["plain"]
    assert "no input and no clean picture is shown" in page.text


def test_a_mean_over_seeds_is_told_only_where_there_are_several(tmp_path: Path) -> None:
    """The picture is of one seed; of a method that was run once its values are too."""
    data = pairs(tmp_path / "pairs", ["a", "b"])
    for label, seed in (("once", 0), ("twice", 0), ("twice", 1)):
        pictured(tmp_path / "runs", data, label, ids=["a", "b"], seed=seed)

    text = Page(next(site_of(tmp_path).glob(f"pairs*/samples/{file_name('a')}.html"))).text

    assert "once: the picture of seed 0." in text
    assert "twice: the picture of seed 0; values are means over 2 seeds." in text


def test_a_sample_from_elsewhere_cannot_name_a_file_outside(tmp_path: Path) -> None:
    """A run that was brought may call its samples whatever it likes."""
    data = pairs(tmp_path / "pairs", ["a", "b"])
    folder = pictured(tmp_path / "runs", data, "plain", ids=["a", "b"])
    Image.new("RGB", (8, 8)).save(folder.path / "outside.png")
    board = build(all_runs(tmp_path / "runs"), tmp_path, published=published()).board

    (gallery,) = galleries(board, all_runs(tmp_path / "runs"))

    assert (folder.pictures / ".." / "outside.png").is_file()
    assert list(gallery.sides("../outside")) == []
    assert [source.key for source in gallery.sides("a")] == ["lq", "plain", "gt"]


def test_worst_and_best_come_first_where_not_all_fit(made: Path) -> None:
    """In turn for each metric, so that a part of the samples shows how far a method falls and how well it does."""
    records = all_runs(made / "runs")
    board = build(records, made / "tables", published=published()).board

    (gallery,) = galleries(board, records)

    assert [gallery.ids[number] for number in gallery.of_interest()] == ["a", f"b {HOSTILE}", "e", "d", "c"]


def test_a_table_over_two_data_sets_has_the_samples_of_both(tmp_path: Path) -> None:
    """One page for the table that was asked for; the samples of each set are on pages of their own."""
    for name in ("one", "two"):
        pictured(
            tmp_path / "runs",
            pairs(tmp_path / name, [f"{name}-a", f"{name}-b"]),
            "plain",
            ids=[f"{name}-a", f"{name}-b"],
        )
    columns = tuple(ColumnSpec(dataset=name, metric="psnr", heading=name, name="PSNR") for name in ("one", "two"))
    spec = TableSpec(title="Both", columns=columns, rows=(RowSpec(method="plain", name="Ours"),))

    site = site_of(tmp_path, spec=spec)

    table = Page(next((site / "tables").iterdir()))
    assert [attributes["data-cell"] for _, attributes in table.tags if "data-cell" in attributes] == [
        "Ours.PSNR@one",
        "Ours.PSNR@two",
    ]
    assert len(list(site.glob("one*/samples/*.html"))) == len(list(site.glob("two*/samples/*.html"))) == 2
    assert "Ours" in Page(next(site.glob("two*/samples/*.html"))).text


def test_millions_of_numbers_are_rounded_as_each_alone() -> None:
    """Halves, what is just beside one, what is large or infinite, and what is not there."""
    values = [0.5, 1.5, 2.675, 1.005, -1.005, 0.125, 1e300, -1e17, 123456.7890123, math.inf, -math.inf, 0.0, -0.0]
    values += [value + way * 1e-9 for value in (0.00005, 27.12345, -27.12345) for way in (-1, 0, 1)]
    values += np.random.default_rng(0).normal(25, 9, 500).tolist()

    for digits in (0, 2, 4, 6):
        found = _rounded([*values, None], digits)

        wanted = [value if math.isinf(value) else round(value, digits) for value in values]
        assert json.dumps(found) == json.dumps([*wanted, None])


def test_sweeps_are_runs_that_differ_in_one_knob(tmp_path: Path) -> None:
    """Numbers by size, names as people order them; a second knob makes another line, and seeds none."""
    data = pairs(tmp_path / "pairs", ["a", "b"])
    for label, settings in (
        ("s10", {"steps": 10, "kappa": 1.0}),
        ("s9", {"steps": 9, "kappa": 1.0}),
        ("s9k", {"steps": 9, "kappa": 2.0}),
    ):
        pictured(tmp_path / "runs", data, label, ids=["a", "b"], settings=settings)
    records = all_runs(tmp_path / "runs")
    for record in records:
        record.run["determinants"]["method"] = "mine"

    found = [(sweep.knob, sweep.rows, sweep.numbers) for sweep in sweeps_in(records)]

    assert found == [("kappa", ("s9", "s9k"), (1.0, 2.0)), ("steps", ("s9", "s10"), (9.0, 10.0))]


def test_a_sweep_of_trainings_is_a_line_and_checkpoints_of_a_setting_are_two(tmp_path: Path) -> None:
    """Whoever turns a knob of training has other weights at each position, and says so."""
    data = pairs(tmp_path / "pairs", ["a", "b"])
    for label, steps, weights in (("T4", 4, "a"), ("T9", 9, "b"), ("T15", 15, "c")):
        folder = pictured(tmp_path / "runs", data, label, ids=["a", "b"], settings={"steps": steps})
        run = folder.read_run()
        folder.write_run(
            run
            | {"variant": "v1", "determinants": run["determinants"] | {"method": "mine", "weights": {"net": weights}}}
        )
    records = all_runs(tmp_path / "runs")

    (trained,) = sweeps_in(records)
    assert (trained.method, trained.rows) == ("mine@v1, each trained for it", ("T4@v1", "T9@v1", "T15@v1"))
    records[1].run["determinants"]["weights"] = records[0].run["determinants"]["weights"]
    (own,) = sweeps_in(records)
    assert own.method == "mine@v1"
    assert set(own.rows) == {records[0].method, records[1].method}


def test_signatures_of_programs_are_anonymous_too() -> None:
    """They hold the command and its files; what is left is a signature still, and another's is as it was."""
    ours = (
        "theirs@default",
        "run=/nfs/zaphod/env/bin/python /nfs/zaphod/infer.py {input}",
        "w=/nfs/zaphod/net.pth-1234",
    )
    lines = [str(Signature(("demo@1",), ("psnr",), ("png8",), method, ("-",))) for method in (ours, ("bicubic",))]
    table = Table("t", (), (Row("r", "m", (Cell(signatures=tuple(lines)),)),))

    (row,) = anonymous(Leaderboard((table,))).tables[0].rows

    first, second = row.cells[0].signatures
    assert Signature.parse(first).method == (
        "theirs@default",
        "run=PATH/python PATH/infer.py {input}",
        "w=PATH/net.pth-1234",
    )
    assert second == lines[1]


def test_anonymous_files_name_neither_machine_nor_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a run recorded: paths of weights, hosts and people in a program's last words, remotes."""
    monkeypatch.setenv("LOGNAME", "zaphod")
    monkeypatch.setenv("HOME", "/nfs/president zaphod")
    host = socket.gethostname()
    data = pairs(tmp_path / "pairs", ["a", "b"])
    words = (
        f"{host}: zaphod at /nfs/president zaphod/lab/run.py, beeblebrox@gala.xy, git@gala.xy:zaphod/x.git, {tmp_path}"
    )
    samples = {"total": 2, "restored": 1, "failed": {"b": words}, "limit": None}
    pictured(tmp_path / "runs", data, "plain", ids=["a", "b"], samples=samples, checkpoint="/home/zaphod/net.pth")

    site_of(tmp_path, anonymous=True)

    files = contents(tmp_path / "site") | {path.name: path.read_bytes() for path in tmp_path.glob("leaderboard.*")}
    for secret in ("zaphod", "president", "beeblebrox", "gala.xy", str(tmp_path), str(data)):
        assert not [name for name, content in files.items() if secret.encode() in content], secret
    texts = [
        content.decode() for name, content in files.items() if name.endswith((".html", ".js", ".md", ".csv", ".tex"))
    ]
    assert not [text for text in texts if re.search(rf"(?<!\w){re.escape(host)}(?!\w)", text)]
    assert b"--weights PATH/net.pth" in files["leaderboard.md"]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/home/eve/net.pth is gone", "PATH/net.pth is gone"),
        (r"C:\Users\eve\net.pth", "PATH/net.pth"),
        ("~/net.pth and 'x'/home/eve/a b", "PATH/net.pth and 'x'PATH/a b"),
        ("ran on box7.lab.edu by eve", "ran on HOST by USER"),
        ("from ssh://git@lab.edu/eve.git", "from REMOTE"),
        ("ask eve@lab.edu", "ask PERSON"),
        ("steven and 3/4 of method/dataset, s / picture", "steven and 3/4 of method/dataset, s / picture"),
        ("https://arxiv.org/abs/2111.09881", "https://arxiv.org/abs/2111.09881"),
    ],
)
def test_what_gives_a_machine_away_is_replaced(text: str, clean: str) -> None:
    """Paths keep their last part, so that a command still reads; what is public stays."""
    assert scrubber("box7.lab.edu", "eve", Path("/home/eve"))(text) == clean


def test_names_of_files_and_links_are_harmless_and_apart() -> None:
    """Legible where they can be; never a part of a path, a name that Windows keeps for itself, or the same twice."""
    assert keys(["psnr", "lpips-alex@x", "psnr", "A b"]) == ["psnr", "lpips-alex@x", "psnr-2", file_name("A b")]
    names = {file_name(text) for text in ("../x", "..\\x", "con", "Con", "", "模型", "a" * 300, "\udc80")}
    assert len(names) == 8
    assert all(re.fullmatch(r"[a-z0-9-]{12,53}", name) for name in names)
