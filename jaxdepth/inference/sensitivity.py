"""One set of predictions under several protocols: how much of a number is the protocol's."""

from collections.abc import Iterable, Mapping, Sequence

from ml_collections import FrozenConfigDict

from jaxdepth.errors import DataError
from jaxdepth.evaluation import (
    Protocol,
    Rows,
    Scores,
    Table,
    compare,
    fitting_presets,
    footer_lines,
    identity_lines,
)
from jaxdepth.experiment import Workdir
from jaxdepth.inference.examples import Examples, Predicted
from jaxdepth.inference.scoring import Saving, score_predictions_under, score_run_under

SPREAD_ROW = "largest − smallest"


def predictions_under(
    examples: Examples,
    protocols: Sequence[Protocol],
    label: str,
    *,
    silog: bool = False,
    edges: bool = False,
    saving: Saving | None = None,
) -> Table:
    """The table of saved predictions under several protocols, read once.

    Args:
        examples: name, prediction and ground truth (metres) of each image.
        protocols: one row each, such as `presets_of(examples)`.
        label: what was scored.
        silog, edges: columns to add.
        saving: where per-image results are kept; nowhere by default.

    Raises:
        DataError: there is nothing to score, or a prediction cannot be placed.
    """
    scores = score_predictions_under(examples, protocols, edges=edges, saving=saving)
    return table_under([{"": s} for s in scores], title=label, silog=silog, edges=edges)


def run_under(
    run: Workdir,
    config: FrozenConfigDict,
    examples: Examples,
    protocols: Sequence[Protocol],
    *,
    title: str = "",
    silog: bool = False,
    edges: bool = False,
    saving: Saving | None = None,
) -> Table:
    """The table of a run under several protocols; it predicts once more for those with mirroring.

    Args:
        run: with a checkpoint.
        config: the run's.
        examples: to score it on.
        protocols: one row each, of the run, see `protocol_of_run`.
        title: the line above.
        silog, edges: columns to add.
        saving: where per-image results are kept; in the run's folder by default.

    Raises:
        DataError: there is nothing to score.
        WorkdirError, CheckpointError: the run cannot be used.
    """
    found = score_run_under(run, config, examples, protocols, edges=edges, saving=saving)
    lines = dict.fromkeys(line for one in found for line in one.lines)
    scores = [one.scores for one in found]
    return table_under(scores, title=title, silog=silog, edges=edges, footer=lines)


def table_under(
    scores: Sequence[Mapping[str, Scores]],
    *,
    title: str = "",
    silog: bool = False,
    edges: bool = False,
    footer: Iterable[str] = (),
) -> Table:
    """The table: for each label a row of each protocol, and one of how far they lie apart.

    Below it, each line about a protocol begins with its hash.

    Args:
        scores: of each protocol, by label; the labels are the same.
        title: the line above.
        silog, edges: columns to add.
        footer: lines below all.
    """
    rows: list[tuple[str, Mapping[str, float]]] = []
    hashes: list[str] = []
    for label in scores[0]:
        under = {_joined(label, s[label].protocol.name): s[label] for s in scores}
        of_label = compare(under, across=True)
        rows += [*of_label, (_joined(label, SPREAD_ROW), _spread(of_label))]
        hashes += [*(s.protocol.fingerprint for s in under.values()), ""]
    lines = []
    for of_protocol in scores:
        last = next(reversed(of_protocol.values()))
        mark = f"[{last.protocol.fingerprint}]"
        lines += [f"{mark} {line}" for line in [*footer_lines(last), *identity_lines(last)[1:]]]
    return Table(
        rows,
        title=title,
        footer=[*lines, *footer],
        protocols=[next(iter(of_protocol.values())).protocol for of_protocol in scores],
        hashes=hashes,
        images=len(next(iter(scores[0].values())).per_image),
        competing=0,
        silog=silog,
        edges=edges,
    )


def presets_of(examples: Examples) -> Sequence[Protocol]:
    """All presets of the dataset whose frame the first ground truth has.

    Raises:
        DataError: there is none, or no image.
    """
    first = next(iter(examples.read(0, 1)), None)
    if first is None:
        raise DataError("there is nothing to score: no pair of a prediction and a ground truth")
    example = first.example if isinstance(first, Predicted) else first
    return fitting_presets(example.depth.shape, name=example.name)


def _joined(label: str, name: str) -> str:
    return f"{label}, {name}" if label else name


def _spread(rows: Rows) -> dict[str, float]:
    values = {name: [metrics[name] for _, metrics in rows] for name in rows[0][1]}
    return {name: max(v) - min(v) for name, v in values.items()}
