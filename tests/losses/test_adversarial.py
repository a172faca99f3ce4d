"""Equations 8 and 9 of Kim et al. 2018, from logits."""

import functools

import jax
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxdepth import losses

REAL, FAKE = np.float32([2, -1, 0.5]), np.float32([-3, 0, 1.5])

discriminator_loss = jax.jit(losses.discriminator_loss)
discriminator_terms = jax.jit(losses.discriminator_terms)
generator_loss = jax.jit(losses.generator_loss, static_argnames="saturating")
generator_terms = jax.jit(losses.generator_terms, static_argnames="saturating")


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits, np.float64)))


def test_discriminator_loss_is_equation_8_negated():
    c_d, c_u = sigmoid(REAL), sigmoid(FAKE)
    np.testing.assert_allclose(
        discriminator_loss(REAL, FAKE),
        -(np.log(c_d).mean() + np.log(1 - c_u).mean()),
        rtol=1e-6,
    )
    terms = discriminator_terms(REAL, FAKE)
    np.testing.assert_allclose(terms, -(np.log(c_d) + np.log(1 - c_u)), rtol=1e-6)


def test_generator_loss_is_the_second_term_of_equation_9():
    terms = np.log(1 - sigmoid(FAKE))
    np.testing.assert_allclose(generator_terms(FAKE), terms, rtol=1e-6)
    np.testing.assert_allclose(generator_loss(FAKE), terms.mean(), rtol=1e-6)


def test_form_that_does_not_saturate():
    terms = -np.log(sigmoid(FAKE))
    np.testing.assert_allclose(generator_terms(FAKE, saturating=False), terms, rtol=1e-6)
    np.testing.assert_allclose(generator_loss(FAKE, saturating=False), terms.mean(), rtol=1e-6)


def test_undecided_classifier():
    zeros = np.zeros(3, np.float32)
    np.testing.assert_allclose(discriminator_loss(zeros, zeros), 2 * np.log(2), rtol=1e-6)
    np.testing.assert_allclose(generator_loss(zeros), -np.log(2), rtol=1e-6)
    np.testing.assert_allclose(generator_loss(zeros, saturating=False), np.log(2), rtol=1e-6)


@pytest.mark.parametrize("saturating", [True, False])
def test_generator_loss_falls_as_the_classifier_is_fooled(saturating):
    logits = np.linspace(-4, 4, 9, dtype=np.float32)
    assert (np.diff(generator_terms(logits, saturating=saturating)) < 0).all()
    assert (np.diff(discriminator_terms(-logits, logits)) > 0).all()


def test_finite_for_a_sure_classifier():
    logits = np.float32([-1e4, 0, 1e4])
    for loss in (
        generator_loss,
        functools.partial(generator_loss, saturating=False),
        lambda logits: discriminator_loss(logits, logits),
    ):
        value, derivative = jax.jit(jax.value_and_grad(loss))(logits)
        assert np.isfinite(value)
        assert np.isfinite(derivative).all()


def test_saturation():
    """Where C is sure of an estimate, only the other form still has a derivative."""
    sure = np.float32([-20])
    for saturating, expected in [(True, 0), (False, -1)]:
        derivative = jax.jit(jax.grad(functools.partial(generator_loss, saturating=saturating)))
        np.testing.assert_allclose(derivative(sure), [expected], atol=1e-8)


def test_derivatives_against_finite_differences(x64):
    real, fake = REAL.astype(np.float64), FAKE.astype(np.float64)
    check_grads(discriminator_loss, (real, fake), order=1)
    for saturating in (True, False):
        check_grads(functools.partial(generator_loss, saturating=saturating), (fake,), order=1)


def test_examples_are_not_mixed():
    with pytest.raises((AssertionError, TypeError)):
        jax.eval_shape(losses.discriminator_loss, REAL, FAKE[:1])
