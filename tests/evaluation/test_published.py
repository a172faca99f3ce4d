"""Published rows stand beside those of the same protocol alone, and say of how many images."""

import dataclasses

import pytest

from jaxdepth.evaluation import (
    PRESETS,
    Protocol,
    Table,
    add_published,
    published_rows,
)
from jaxdepth.metrics import METRIC_NAMES

KIM, BTS, LAINA = (PRESETS[f"nyu/{name}"] for name in ("kim2018", "bts", "laina2016"))
OURS = [("ours", {"abs_rel": 0.2, "rmse": 0.5})]


def added(protocol, *, images=654, **options):
    table = Table(OURS, protocols=[protocol], images=images, **options)
    return add_published(table)


def labels(table):
    return [label for label, _ in table.rows]


def test_every_row_is_one_of_metrics_and_presets():
    rows = published_rows()
    assert len(rows) == 45
    for row in rows:
        assert row.protocol is None or row.protocol in PRESETS, row
        assert row.protocol is None or row.protocol.startswith(f"{row.dataset}/"), row
        assert row.metrics
        assert set(row.metrics) <= set(METRIC_NAMES)
        deltas = [row.metrics[d] for d in ("delta1", "delta2", "delta3") if d in row.metrics]
        assert deltas == sorted(deltas)
    assert {(row.dataset, row.images) for row in rows} == {
        ("nyu", 654), ("make3d", 134), ("kitti", 697), ("diml", 503)}  # fmt: skip


def test_the_papers_own_results_are_as_printed():
    by_label = {row.label: row for row in published_rows()}
    best = by_label["deep variational (Kim et al. 2018, Table I)"]
    assert best.metrics["abs_rel"] == 0.117
    assert best.metrics["rmse"] == 0.525
    best = by_label[
        "two-stream, L_set, depth + gradients, optimization, VGG-16 (Li et al. 2017, Table 1)"
    ]
    assert (best.metrics["delta1"], best.metrics["rmse"]) == (0.789, 0.611)


def test_rows_of_the_same_protocol_are_added_and_the_others_counted():
    table = added(KIM)
    assert table.rows[:1] == OURS
    assert "deep variational (Kim et al. 2018, Table I)" in labels(table)
    assert not any("FCRN" in label or "two-stream" in label for label in labels(table))
    (line,) = (line for line in table.footer if line.startswith("published rows not shown"))
    assert "7 of Li et al. 2017, Table 1 under nyu/li2017" in line
    assert "1 of Kim et al. 2018, Table I under nyu/laina2016" in line
    assert "7 of Li et al. 2017, Table 1 under rules that it does not state" in line
    assert "make3d" not in line
    assert not any("do not compare" in line for line in table.footer)
    # What is best is sought among all.
    assert (0, 4) not in table.best()


def test_the_same_rules_by_another_name_are_the_same_protocol():
    renamed = dataclasses.replace(KIM, name="", note="")
    assert labels(added(renamed)) == labels(added(KIM))


@pytest.mark.parametrize(
    "change", [{"ground_truth": "raw"}, {"split": "validation"}, {"min_depth": 0.5}]
)
def test_other_rules_get_no_row(change):
    table = added(dataclasses.replace(KIM, **change))
    assert table.rows == OURS
    assert "under nyu/kim2018" in table.footer[-1]


def test_a_subset_does_not_stand_there_without_a_word():
    table = added(KIM, images=5)
    lines = [line for line in table.footer if "do not compare" in line]
    assert lines == [
        f"Kim et al. 2018, Table {n} is of 654 test images, the rows above it of 5: they do not "
        "compare"
        for n in ("I", "II")
    ]
    assert all(row == 0 for row, _ in table.best())


def test_a_note_stands_below_its_row():
    assert any(line.startswith("DPW: predictions adjusted") for line in added(KIM).footer)
    assert not any("misprint" in line for line in added(KIM).footer)  # HOP is not shown


def test_rows_under_several_protocols_carry_their_hash():
    hashes = [BTS.fingerprint, LAINA.fingerprint]
    rows = [("a", {"rmse": 1.0}), ("b", {"rmse": 2.0})]
    table = add_published(
        Table(rows, protocols=[BTS, LAINA], hashes=hashes, images=654, competing=0)
    )
    assert labels(table)[2:] == [
        f"{name} [{LAINA.fingerprint}]"
        for name in (
            "Laina et al., VGG-16 (Li et al. 2017, Table 1)",
            "Laina et al., ResNet-50 (Li et al. 2017, Table 1)",
            "FCRN (Kim et al. 2018, Table I)",
        )
    ]
    assert table.hashes == [*hashes, *[LAINA.fingerprint] * 3]
    assert table.best() == set()


def test_of_data_that_nothing_is_known_of_all_is_counted():
    table = added(Protocol())
    assert table.rows == OURS
    assert "under make3d/laina2016" in table.footer[-1]
    assert len(added(dataclasses.replace(Protocol(), dataset="rooms")).footer) == 0
