"""Shards written by a pipeline of Apache Beam: by many processes, or by many machines.

The pipeline knows files alone: a shard's frames wait in one for whichever worker takes it, and what
it has written is recorded in another. So workers have to see the folders of the dataset and of its
original files under the same paths, as they do on one machine or by a network file system. A runner
may give a shard to two workers, or to one again.
"""

import importlib.util
import pickle
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxdepth.data.prepare.plan import Item, Plan
from jaxdepth.data.prepare.shards import Shard, finish_shard
from jaxdepth.errors import ConfigError, DataError


class Job(NamedTuple):
    """All that a worker needs to write a shard; see `finish_shard`."""

    work: Path
    name: str
    plan: Plan
    shard: Shard
    items: Sequence[Item]


def require_beam() -> None:
    """Refuses to go on without Apache Beam.

    Raises:
        ConfigError: it is not installed.
    """
    if importlib.util.find_spec("apache_beam") is None:
        raise ConfigError('--beam needs Apache Beam: install it by `pip install "jaxdepth[beam]"`')


def write_by_beam(work: Path, name: str, plan: Plan, shards: Sequence[Shard], flags: str) -> None:
    """Writes and records shards; frames that cannot be read are left out, and are in the records.

    Args:
        work: the folder of the unfinished dataset.
        name: the dataset's.
        plan: the dataset's.
        shards: which.
        flags: the pipeline's, as on a command line; `""` for Beam's own runner on this machine.

    Raises:
        DataError: the pipeline has stopped.
    """
    import apache_beam
    from apache_beam.options.pipeline_options import PipelineOptions

    work = work.absolute()
    folder = work / "jobs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files = []
    for shard in shards:
        items = plan.splits[shard.split][shard.first : shard.end]
        job = Job(work, name, plan._replace(splits={}), shard, items)
        files.append(folder / f"{shard.split}-{shard.index:05d}")
        files[-1].write_bytes(pickle.dumps(job))
    try:
        with apache_beam.Pipeline(options=PipelineOptions(shlex.split(flags))) as pipeline:
            (
                pipeline
                | apache_beam.Create([str(file) for file in files])
                | apache_beam.Reshuffle()  # else runners may keep all for one worker
                | apache_beam.Map(run_job)
            )
    except Exception as error:  # runners raise many kinds
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(
            f"the pipeline of --beam has stopped: {lines[-1]}; the same command goes on from what "
            "is done"
        ) from error


def run_job(file: str) -> None:
    """Writes and records the shard of a job's file."""
    finish_shard(*pickle.loads(Path(file).read_bytes()), skip=lambda error: True)
