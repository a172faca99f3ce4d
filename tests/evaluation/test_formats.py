"""Tables as documents and on a terminal."""

import csv
import io
import json
import re

import pytest
from rich.console import Console

from jaxdepth.evaluation import FORMATS, PRESETS, Interval, Protocol, Spread, Table, to_rich

BTS, KIM = PRESETS["nyu/bts"], PRESETS["nyu/kim2018"]
PLAIN = Table(
    [
        ("runs/a_1, 50% & more", {"delta1": 0.9, "abs_rel": 1 / 3, "rmse": float("nan")}),
        ("b | λ", {"delta1": 0.8, "abs_rel": 0.2, "rmse": 0.5}),
        ("c", {"delta1": 0.90000001, "abs_rel": 0.25}),
    ],
    title="runs/a, test split",
    footer=["protocol: x", "two\nlines"],
    protocols=[BTS],
)


def parsed(tables):
    return json.loads(FORMATS["json"](tables))


def test_the_plain_text_is_title_table_and_footer():
    lines = str(PLAIN).splitlines()
    assert lines[0] == "runs/a, test split"
    assert lines[1].split() == [
        "δ1", "δ2", "δ3", "abs", "rel", "sqr", "rel", "RMS(lin)", "RMS(log)", "log10"
    ]  # fmt: skip
    assert lines[5:] == ["protocol: x", "two", "lines"]


def test_the_best_of_a_column_as_it_is_printed():
    # Columns δ1, abs rel; RMS(lin) has one finite number, which beats nobody.
    assert PLAIN.best() == {(0, 1), (2, 1), (1, 4)}
    rows = [("a", {"rmse": Spread(1.0, 0.1)}), ("b", {"rmse": Interval(2.0, 1.0, 3.0)})]
    assert Table(rows).best() == {(0, 6)}
    assert Table(rows, competing=1).best() == set()
    assert Table(rows[:1]).best() == set()
    rows = [("a", {"chamfer": 1.0, "f_5cm": 0.5}), ("b", {"chamfer": 2.0, "f_5cm": 0.7})]
    assert Table(rows, geometry=True).best() == {(0, 9), (1, 10)}


def test_a_terminal_shows_the_plain_text_with_the_best_in_bold():
    text = to_rich(PLAIN)
    assert text.plain == str(PLAIN)
    bold = {text.plain[s.start : s.end].strip() for s in text.spans if s.style == "bold"}
    assert bold == {"runs/a, test split", "0.9000", "0.2000"}
    out = io.StringIO()
    Console(file=out, force_terminal=True, width=40, soft_wrap=True).print(text)
    assert "\x1b[1m0.2000\x1b[0m" in out.getvalue().replace(" ", "")
    assert re.sub(r"\x1b\[[\d;]*m", "", out.getvalue()) == f"{text.plain}\n"


def test_markdown():
    lines = FORMATS["markdown"]([PLAIN]).splitlines()
    assert lines[0] == "**runs/a, test split**"
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 5
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {10}
    assert "| b \\| λ | 0.8000 | - | - | **0.2000** |" in table[3]
    assert "- protocol: x" in lines


def test_latex_is_a_booktabs_table_without_bare_special_characters():
    text = FORMATS["latex"]([PLAIN])
    assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule") == 1
    assert r"\begin{tabular}{lrrrrrrrr}" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert all(len(re.findall(r"(?<!\\)&", row)) == 8 for row in rows)
    assert r"runs/a\_1, 50\% \& more & \textbf{0.9000} & - & - & 0.3333" in text
    assert r"b | $\lambda$" in text
    assert r"$\delta_1$" in rows[0]
    after = text.partition(r"\end{tabular}")[2].strip().splitlines()
    assert after == ["% protocol: x", "% two", "% lines"]


def test_latex_of_spreads():
    table = Table([("a", {"rmse": Spread(1.0, 0.25)})])
    assert r"1.0000 $\pm$ 0.2500" in FORMATS["latex"]([table])


def test_csv_has_every_metric_in_full_with_the_protocol():
    spread = Table([("m", {"rmse": Spread(1 / 3, 0.1), "silog": Interval(0.1, 0.0, 0.2)})])
    first, second, _, fourth = csv.DictReader(io.StringIO(FORMATS["csv"]([PLAIN, spread])))
    assert float(first["abs_rel"]) == 1 / 3
    assert first["protocol_hash"] == BTS.fingerprint
    assert first["protocol"] == str(BTS)
    assert (second["table"], second["row"]) == ("runs/a, test split", "b | λ")
    assert float(fourth["rmse"]) == 1 / 3
    assert [fourth[f"silog{part}"] for part in ("", "_low", "_high")] == ["0.1", "0.0", "0.2"]
    assert fourth["rmse_deviation"] == "0.1"


def test_json_has_every_metric_in_full_with_the_protocols():
    text = FORMATS["json"]([PLAIN])
    assert "NaN" not in text
    (table,) = json.loads(text)
    assert table["rows"][0]["metrics"] == {"delta1": 0.9, "abs_rel": 1 / 3, "rmse": None}
    assert table["rows"][0]["protocol_hashes"] == [BTS.fingerprint]
    rules = table["protocols"][BTS.fingerprint]["rules"]
    assert Protocol.from_rules(rules) == BTS
    spread = Table([("m", {"rmse": Spread(0.5, 0.1)})])
    assert parsed([spread])[0]["rows"][0]["metrics"]["rmse"] == {"mean": 0.5, "deviation": 0.1}


@pytest.mark.parametrize("name", FORMATS)
def test_rows_under_several_protocols_keep_theirs(name):
    rows = [("a", {"rmse": 1.0}), ("b", {"rmse": 2.0}), ("spread", {"rmse": 1.0})]
    hashes = [BTS.fingerprint, KIM.fingerprint, ""]
    footer = [f"protocol hash: {h}" for h in hashes[:2]]
    table = Table(rows, protocols=[BTS, KIM], hashes=hashes, competing=0, footer=footer)
    text = FORMATS[name]([table])
    assert all(h in text for h in hashes)
    if name == "json":
        found = [row["protocol_hashes"] for row in parsed([table])[0]["rows"]]
        assert found == [[BTS.fingerprint], [KIM.fingerprint], []]
    if name == "csv":
        found = [row["protocol_hash"] for row in csv.DictReader(io.StringIO(text))]
        assert found == hashes
