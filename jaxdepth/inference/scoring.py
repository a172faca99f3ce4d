"""Scores of runs and of anybody's predictions, from saved results as far as these go."""

import dataclasses
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ml_collections import FrozenConfigDict

import jaxdepth
from jaxdepth.data.images import resize_prediction
from jaxdepth.data.sources import Example
from jaxdepth.evaluation import (
    Header,
    Protocol,
    Rows,
    Scorer,
    Scores,
    compare,
    footer_lines,
    identity_lines,
)
from jaxdepth.evaluation.scoring import IMAGES_AT_ONCE
from jaxdepth.experiment import (
    Predictor,
    Workdir,
    build_protocol,
    fingerprint_config,
)
from jaxdepth.inference.camera import camera_of
from jaxdepth.inference.examples import Examples, Predicted
from jaxdepth.inference.report import Report
from jaxdepth.inference.runs import load_run, unfinished_lines
from jaxdepth.inference.saved_results import SavedResults
from jaxdepth.inference.shard import Shard

MEAN_ROW = "mean training depth"


class Saving(NamedTuple):
    """Where per-image results are kept.

    Attributes:
        folder: to write to; None for the run's own, and for nowhere if there is no run.
        prefix: what file names begin with.
        fresh: whether to score again what has been scored.
        shard: to score this share of the images alone, see `SavedResults`.
    """

    folder: Path | None = None
    prefix: str = ""
    fresh: bool = False
    shard: Shard | None = None


class Whole(NamedTuple):
    """What is made of whole images: with either, all are scored anew and nothing is saved.

    Lines of saved results hold sums over pixels, which neither is made of. One pass over all images
    makes the table as well, so that no number is older than the pictures beside it.

    Attributes:
        geometry: whether to score edges, planes and points besides.
        report: to add the images to, by the map that counts.
    """

    geometry: bool = False
    report: Report | None = None

    def __bool__(self) -> bool:
        return self.geometry or self.report is not None


NOTHING_WHOLE = Whole()


class RunScores(NamedTuple):
    """The scores of a run under one protocol.

    Attributes:
        scores: label of each map → its scores; the one that counts comes last.
        lines: about the model and its weights.
    """

    scores: dict[str, Scores]
    lines: list[str]

    @property
    def footer(self) -> list[str]:
        """The lines below a table of these scores."""
        last = next(reversed(self.scores.values()))
        return [*footer_lines(last), *identity_lines(last), *self.lines]


def score_run(
    run: Workdir,
    config: FrozenConfigDict,
    examples: Iterable[Example],
    changes: Mapping[str, Any],
    *,
    edges: bool = False,
    protocol: Protocol | None = None,
) -> tuple[Rows, list[str]]:
    """The rows of a run on examples and their footer, for `jaxdepth.evaluation.format_table`.

    The mean depth map, then each map of the model. Nothing is saved.

    Args:
        run: with a checkpoint.
        config: the run's.
        examples: from its own dataset or any other.
        changes: attributes of `Protocol` that differ from the run's own.
        edges: whether to score near depth edges besides.
        protocol: instead of the run's own, which `changes` are then of.
    """
    protocol = dataclasses.replace(protocol or build_protocol(config), **changes)
    predictor, mean = load_run(run, config, mirrored=protocol.mirrored)
    results = SavedResults(Header(protocol, _labels(predictor), images=0, edges=edges))
    (scores,) = _score_model(predictor, lambda *_: examples, [results], mean, NOTHING_WHOLE)
    lines = [predictor.description, *unfinished_lines(run, predictor.step)]
    return compare(scores), RunScores(scores, lines).footer


def score_run_under(
    run: Workdir,
    config: FrozenConfigDict,
    examples: Examples,
    protocols: Sequence[Protocol],
    *,
    edges: bool = False,
    saving: Saving | None = None,
    whole: Whole = NOTHING_WHOLE,
) -> list[RunScores]:
    """The scores of a run under each protocol; its per-image results are saved.

    Args:
        run: with a checkpoint.
        config: the run's.
        examples: from its own dataset or any other.
        protocols: one or more; it predicts once more for those with mirroring.
        edges: whether to score near depth edges besides.
        saving: where results are kept; in the run's folder by default.
        whole: what to make of whole images.

    Returns:
        As many as protocols; none where a share of the images is scored.

    Raises:
        WorkdirError, CheckpointError, DataError: a run or file that cannot be used.
    """
    saving = saving or Saving()
    saving = saving._replace(folder=saving.folder or run.evaluations)
    found: dict[int, RunScores] = {}
    for mirrored in sorted({protocol.mirrored for protocol in protocols}):
        group = {i: p for i, p in enumerate(protocols) if p.mirrored == mirrored}
        predictor, mean = load_run(run, config, mirrored=mirrored)
        about = {
            "step": predictor.step,
            "weights": predictor.checksum,
            "config": fingerprint_config(config),
            "mean_depth": zlib.crc32(np.ascontiguousarray(mean).tobytes()),
        }
        labels = _labels(predictor)
        how = (labels, examples, edges, Saving() if whole else saving, about)
        saved = [_saved(p, *how) for p in group.values()]
        scores = _score_model(predictor, examples.read, saved, mean, whole)
        lines = [predictor.description, *unfinished_lines(run, predictor.step)]
        found |= {i: RunScores(s, lines) for i, s in zip(group, scores, strict=not saving.shard)}
    return [found[i] for i in sorted(found)]


def score_predictions_under(
    examples: Examples,
    protocols: Sequence[Protocol],
    *,
    edges: bool = False,
    saving: Saving | None = None,
    whole: Whole = NOTHING_WHOLE,
) -> list[Scores]:
    """The scores of saved predictions, whoever made them, under each protocol; read once.

    Args:
        examples: `Predicted`, each.
        protocols: one or more.
        edges: whether to score near depth edges besides.
        saving: where results are kept; nowhere by default.
        whole: what to make of whole images.

    Returns:
        As many as protocols; none where a share of the images is scored.

    Raises:
        DataError: there is nothing to score, or a prediction cannot be placed.
    """
    label = examples.name
    how = ((label,), examples, edges, Saving() if whole else saving or Saving(), {})
    saved = [_saved(p, *how) for p in protocols]
    return [scores[label] for scores in _score_into(saved, examples.read, whole)]


def _labels(predictor: Predictor) -> tuple[str, ...]:
    return tuple(predictor.labels.get(name, name) for name in (MEAN_ROW, *predictor.names))


def _saved(
    protocol: Protocol,
    labels: tuple[str, ...],
    examples: Examples,
    edges: bool,
    saving: Saving,
    about: Mapping[str, Any],
) -> SavedResults:
    """The results of one evaluation: `NAME-HASH.csv`, apart from those with errors near edges."""
    about = {"jaxdepth": jaxdepth.__version__, **examples.about, **about}
    header = Header(protocol, labels, examples.about["images"], edges, about)
    if saving.folder is None:
        return SavedResults(header, shard=saving.shard)
    name = re.sub(r"[^\w.-]+", "_", f"{saving.prefix}{examples.name}-{protocol.fingerprint}")
    file = saving.folder / f"{name}{'-edges' if edges else ''}.csv"
    return SavedResults(header, file, fresh=saving.fresh, shard=saving.shard)


def _score_model(
    predictor: Predictor,
    read: Callable[[int, int | None], Iterable[Example]],
    saved: Sequence[SavedResults],
    mean: np.ndarray,
    whole: Whole,
) -> list[dict[str, Scores]]:
    """The scores of each row of a model's table, by label, under each protocol in one pass."""
    labels = dict(zip((MEAN_ROW, *predictor.names), _labels(predictor), strict=True))

    def predict(start: int, stop: int | None) -> Iterator[Predicted]:
        for example, prediction in predictor.predict_examples(read(start, stop)):
            rows = {MEAN_ROW: resize_prediction(mean, example.depth.shape), **prediction.maps}
            yield Predicted(example, {label: rows[n] for n, label in labels.items()})

    return _score_into(saved, predict, whole)


def _score_into(
    saved: Sequence[SavedResults],
    read: Callable[[int, int | None], Iterable[Predicted]],
    whole: Whole,
) -> list[dict[str, Scores]]:
    """Completes results in one pass that begins where the first of them stopped.

    All are of the same images; the scores are of those that are of all images.
    """
    with ExitStack() as stack:
        for results in saved:
            stack.enter_context(results)
            if results.restored:
                again = "" if results.is_share else " (--fresh scores them again)"
                print(
                    f"{results.file}: {results.restored} of {results.header.images} images were "
                    f"scored before{again}",
                    file=sys.stderr,
                )
        if open_ones := [results for results in saved if not results.is_complete]:
            start = min(results.next for results in open_ones)
            items = enumerate(read(start, open_ones[0].stop), start)
            while batch := list(islice(items, IMAGES_AT_ONCE)):
                for results in open_ones:
                    _score_batch(results, batch, whole)
        return [results.scores() for results in saved if not results.is_share]


def _score_batch(
    results: SavedResults, batch: Sequence[tuple[int, Predicted]], whole: Whole
) -> None:
    protocol, maps, _, edges, _ = results.header
    scorers = {label: Scorer(protocol, edges=edges, geometry=whole.geometry) for label in maps}
    fresh = [predicted for index, predicted in batch if index >= results.next]
    for example, predictions in fresh:
        camera = camera_of(example) if whole.geometry else None
        for label, scorer in scorers.items():
            scorer.add(example.name, predictions[label], example.depth, camera=camera)
    images = list(zip(*(scorer.images for scorer in scorers.values()), strict=True))
    results.append([dict(zip(scorers, scores, strict=True)) for scores in images])
    if whole.report is not None:
        for (example, predictions), scores in zip(fresh, images, strict=True):
            whole.report.add(example, predictions[maps[-1]], scores[-1], protocol)
