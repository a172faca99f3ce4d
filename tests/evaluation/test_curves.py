"""Learning curves: bins, plot and table."""

import subprocess
import sys

import numpy as np
import pytest

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import LearningCurve, average_bins, format_curves, plot_curves


def curve(label="run", scale=0.1, validations=4):
    train, validation = np.arange(1, 21) / 10, np.linspace(0.5, 2, validations)
    return LearningCurve(
        label,
        "joint",
        "u",
        train,
        scale * np.exp(-train),
        validation,
        0.02 + scale * np.exp(-validation),
    )


def test_bins_average_what_ends_within_them():
    rng = np.random.default_rng(0)
    epochs = np.arange(1, 401) / 100  # 10 steps a bin, the last at its end
    errors = rng.uniform(size=400)
    centres, means = average_bins(epochs, errors)
    np.testing.assert_allclose(centres, epochs.reshape(40, 10).mean(1))
    np.testing.assert_allclose(means, errors.reshape(40, 10).mean(1))
    # Whatever the order, and with empty bins between.
    order = rng.permutation(400)
    np.testing.assert_allclose(average_bins(epochs[order], errors[order])[1], means)
    np.testing.assert_allclose(average_bins([0.1, 7.25], [1, 3])[0], [0.1, 7.25])


def test_bins_of_other_widths_and_of_nothing():
    np.testing.assert_allclose(average_bins([0.5, 1, 1.5], [1, 3, 5], width=1)[1], [2, 5])
    assert average_bins([], [])[0].shape == (0,)
    with pytest.raises(ValueError, match="one shape"):
        average_bins([1, 2], [1])


def test_a_bin_without_a_number_is_a_gap():
    _, means = average_bins([0.05, 0.1, 0.15], [1, np.nan, 3])
    np.testing.assert_array_equal(means, [np.nan, 3])


def test_the_plot_has_a_colour_a_run_dashed_and_solid():
    curves = [curve("a"), curve("b", 0.2)]
    figure = plot_curves(curves)
    (axes,) = figure.axes
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "log10 error"
    lines = axes.get_lines()
    assert [line.get_linestyle() for line in lines] == ["--", "-"] * 2
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color()
    for one, training, validation in zip(curves, lines[::2], lines[1::2], strict=True):
        np.testing.assert_array_equal(training.get_xydata().T, one[3:5])
        np.testing.assert_array_equal(validation.get_xydata().T, one[5:7])
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["a", "b", "training", "validation"]


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_it_is_written_and_the_legend_lies_beside_the_axes(tmp_path, suffix):
    figure = plot_curves([curve("a"), curve("a long name of a run", validations=1)])
    figure.savefig(tmp_path / f"curves.{suffix}")
    assert (tmp_path / f"curves.{suffix}").stat().st_size > 1000
    legend, axes = figure.legends[0].get_window_extent(), figure.axes[0].get_window_extent()
    assert legend.x0 > axes.x1


def test_many_runs_have_different_colours():
    figure = plot_curves([curve(str(i)) for i in range(12)])
    colors = {tuple(np.ravel(line.get_color())) for line in figure.axes[0].get_lines()}
    assert len(colors) == 12


def test_the_table_of_last_values():
    errors = np.array([0.05, 0.03, np.nan, 0.04])
    one = curve()._replace(validation_errors=errors)
    assert format_curves([one, curve("another", 0.2)]).splitlines() == [
        "         stage  map  epochs  training  validation  lowest  at epoch",
        "run      joint    u    2.00    0.0135      0.0400  0.0300      1.00",
        "another  joint    u    2.00    0.0271      0.0471  0.0471      2.00",
    ]


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r'pip install "jaxdepth\[plots\]"'):
        plot_curves([curve()])


def test_evaluation_does_not_need_matplotlib_and_plots_leave_no_state():
    code = "import sys, jaxdepth.evaluation; print('matplotlib' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
    plot_curves([curve()])
    assert "matplotlib.pyplot" not in sys.modules
