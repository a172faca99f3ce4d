"""Results of an evaluation to save, without a model."""

import numpy as np

from jaxdepth.evaluation import Header, Protocol, Scorer
from jaxdepth.inference import SavedResults

LABELS = ("f", "u")
COUNT = 6
HEADER = Header(Protocol(), LABELS, images=COUNT, about={"step": 7, "weights": 1})


def changed(header: Header, **about) -> Header:
    return header._replace(about={**header.about, **about})


def fill(results: SavedResults, upto: int = COUNT) -> None:
    """Scores images of the results, one at a time, from where they are to a position."""
    while results.next < upto:
        rng = np.random.default_rng(results.next)
        scorers = {label: Scorer(results.header.protocol) for label in LABELS}
        for scorer in scorers.values():
            target = rng.uniform(1, 5, (6, 8))
            scorer.add(f"{results.next}.png", target * rng.uniform(0.7, 1.4), target)
        results.append([{label: scorer.images[0] for label, scorer in scorers.items()}])
