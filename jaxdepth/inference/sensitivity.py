"""One set of predictions under several protocols: how much of a number is the protocol's."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from ml_collections import FrozenConfigDict

from jaxdepth.data.sources import Example
from jaxdepth.errors import DataError
from jaxdepth.evaluation import (
    Protocol,
    Rows,
    Scorer,
    Scores,
    compare,
    fitting_presets,
    footer_lines,
    format_table,
    identity_lines,
)
from jaxdepth.experiment import Workdir
from jaxdepth.inference.scoring import load_run, score_model_under, unfinished_lines

SPREAD_ROW = "largest − smallest"

PredictionPairs = Iterator[tuple[str, np.ndarray, np.ndarray]]


def predictions_under(
    pairs: PredictionPairs,
    protocols: Sequence[Protocol] | None,
    label: str,
    *,
    silog: bool = False,
    edges: bool = False,
) -> str:
    """The table of saved predictions under several protocols, read once.

    Args:
        pairs: name, prediction and ground truth (metres) of each image.
        protocols: one row each; None for all presets of the dataset whose frame the first ground
            truth has.
        label: what was scored.
        silog, edges: columns to add.

    Raises:
        DataError: there is nothing to score, no preset fits, or a prediction cannot be placed.
    """
    if protocols is None:
        protocols, pairs = _of_first(pairs, lambda pair: (pair[2].shape, pair[0]))
    scorers = [Scorer(protocol, edges=edges) for protocol in protocols]
    for pair in pairs:
        for scorer in scorers:
            scorer.add(*pair)
    scores = [{"": scorer.scores()} for scorer in scorers]
    return f"{label}\n{format_under(scores, silog=silog, edges=edges)}"


def run_under(
    run: Workdir,
    config: FrozenConfigDict,
    examples: Callable[[], Iterable[Example]],
    choose: Callable[[Protocol], Protocol],
    protocols: Sequence[Protocol] | None,
    *,
    silog: bool = False,
    edges: bool = False,
) -> str:
    """The table of a run under several protocols; it predicts once more for those with mirroring.

    Args:
        run: with a checkpoint.
        config: the run's.
        examples: gives the examples, each time it is called.
        choose: preset → the protocol of these examples, see `protocol_of_run`.
        protocols: presets; None for all of the dataset whose frame the first ground truth has.
        silog, edges: columns to add.

    Raises:
        DataError: there is nothing to score, or no preset fits.
        WorkdirError, CheckpointError: the run cannot be used.
    """
    if protocols is None:
        protocols, _ = _of_first(iter(examples()), lambda e: (e.depth.shape, e.name))
    protocols = [choose(protocol) for protocol in protocols]
    found, footer = {}, {}
    for mirrored in sorted({protocol.mirrored for protocol in protocols}):
        group = [protocol for protocol in protocols if protocol.mirrored == mirrored]
        predictor, mean = load_run(run, config, mirrored=mirrored)
        scores = score_model_under(predictor, examples(), group, mean, edges=edges)
        found |= {p.name: one for p, one in zip(group, scores, strict=True)}
        lines = [predictor.description, *unfinished_lines(run, predictor.step)]
        footer |= dict.fromkeys(lines)
    ordered = [found[protocol.name] for protocol in protocols]
    return format_under(ordered, silog=silog, edges=edges, footer=footer)


def format_under(
    scores: Sequence[Mapping[str, Scores]],
    *,
    silog: bool = False,
    edges: bool = False,
    footer: Iterable[str] = (),
) -> str:
    """The table: for each label a row of each protocol, and one of how far they lie apart.

    Below it, each line about a protocol begins with its hash.

    Args:
        scores: of each protocol, by label; the labels are the same.
        silog, edges: columns to add.
        footer: lines below all.
    """
    rows: list[tuple[str, Mapping[str, float]]] = []
    for label in scores[0]:
        under = {_joined(label, s[label].protocol.name): s[label] for s in scores}
        of_label = compare(under, across=True)
        rows += [*of_label, (_joined(label, SPREAD_ROW), _spread(of_label))]
    lines = []
    for of_protocol in scores:
        last = next(reversed(of_protocol.values()))
        mark = f"[{last.protocol.fingerprint}]"
        lines += [f"{mark} {line}" for line in [*footer_lines(last), *identity_lines(last)[1:]]]
    return format_table(rows, silog=silog, edges=edges, footer=[*lines, *footer])


def _of_first(
    items: Iterator[Any], look: Callable[[Any], tuple[tuple[int, int], str]]
) -> tuple[Sequence[Protocol], Iterator[Any]]:
    """The presets that fit the first item's (size, name), and all items, the first one included."""
    first = next(items, None)
    if first is None:
        raise DataError("there is nothing to score: no pair of a prediction and a ground truth")
    size, name = look(first)
    return fitting_presets(size, name=name), chain([first], items)


def _joined(label: str, name: str) -> str:
    return f"{label}, {name}" if label else name


def _spread(rows: Rows) -> dict[str, float]:
    values = {name: [metrics[name] for _, metrics in rows] for name in rows[0][1]}
    return {name: max(v) - min(v) for name, v in values.items()}
