"""Split-Bregman iterations in PyTorch, as somebody would write them there for speed.

What `benchmarks/split_bregman.py` measures jaxdepth beside: the same iterations in the same order,
with periodic boundaries and the anisotropic L1 norm, in eager mode. Everything is scaled by β, the
shrinkage is a clamp to ±1, f and λ leave the loop, components have a tensor of their own, and an
iteration makes one pair of real transforms: of the ways tried, the fastest.
"""

import math

import torch

AXES = (-1, -2)  # of the horizontal and the vertical component


def integrate(
    f: torch.Tensor, g: torch.Tensor, lam: torch.Tensor, *, beta: float, num_iters: int
) -> torch.Tensor:
    """u `[..., H, W]` of f `[..., H, W]` and g `[..., H, W, 2]`, for autograd."""
    inverse = _inverse_symbol(f, lam / beta)
    t = [beta * (component - _forward(f, axis)) for component, axis in _components(g)]
    z, w = [torch.zeros_like(f)] * 2, torch.zeros_like(f)
    for _ in range(num_iters):
        b = [component.clamp(-1, 1) for component in z]
        h = sum(
            _adjoint(torch.add(z[i] + t[i], b[i], alpha=-2), axis) for i, axis in enumerate(AXES)
        )
        w = torch.fft.irfft2(torch.fft.rfft2(h) * inverse, s=f.shape[-2:])
        z = [_forward(w, axis) - t[i] + b[i] for i, axis in enumerate(AXES)]
    return f + w / beta


@torch.inference_mode()
def integrate_in_place(
    f: torch.Tensor, g: torch.Tensor, lam: torch.Tensor, *, beta: float, num_iters: int
) -> torch.Tensor:
    """`integrate` without derivatives, in buffers that are used again."""
    inverse = _inverse_symbol(f, lam / beta)
    t = f.new_empty(2, *f.shape)
    for (component, axis), own in zip(_components(g), t, strict=True):
        _forward_into(own, f, axis)
        torch.sub(component, own, out=own).mul_(beta)
    z, b, p, h, w = torch.zeros_like(t), torch.empty_like(t), torch.empty_like(t), f.clone(), f
    for _ in range(num_iters):
        torch.clamp(z, -1, 1, out=b)
        torch.add(z, b, alpha=-2, out=p).add_(t)
        h.zero_()
        for own, axis in zip(p, AXES, strict=True):
            _add_adjoint(h, own, axis)
        w = torch.fft.irfft2(torch.fft.rfft2(h).mul_(inverse), s=f.shape[-2:])
        for own, axis in zip(z, AXES, strict=True):
            _forward_into(own, w, axis)
        z.sub_(t).add_(b)
    return torch.add(f, w, alpha=1 / beta)


def _components(g: torch.Tensor):
    return zip(g.unbind(-1), AXES, strict=True)


def _forward(u: torch.Tensor, axis: int) -> torch.Tensor:
    return torch.roll(u, -1, axis) - u


def _adjoint(p: torch.Tensor, axis: int) -> torch.Tensor:
    return torch.roll(p, 1, axis) - p


def _forward_into(out: torch.Tensor, u: torch.Tensor, axis: int) -> None:
    last = u.shape[axis] - 1
    torch.sub(u.narrow(axis, 1, last), u.narrow(axis, 0, last), out=out.narrow(axis, 0, last))
    torch.sub(u.narrow(axis, 0, 1), u.narrow(axis, last, 1), out=out.narrow(axis, last, 1))


def _add_adjoint(out: torch.Tensor, p: torch.Tensor, axis: int) -> None:
    last = p.shape[axis] - 1
    out.sub_(p)
    out.narrow(axis, 1, last).add_(p.narrow(axis, 0, last))
    out.narrow(axis, 0, 1).add_(p.narrow(axis, last, 1))


def _inverse_symbol(f: torch.Tensor, ratio: torch.Tensor) -> torch.Tensor:
    """1/(λ/β + the eigenvalues of ∇ᵀ∇), `[H, W // 2 + 1]`, and 0 for the mean."""
    height, width = f.shape[-2:]
    y = torch.arange(height, dtype=torch.float64, device=f.device) * (math.pi / height)
    x = torch.arange(width // 2 + 1, dtype=torch.float64, device=f.device) * (math.pi / width)
    symbol = (4 * torch.sin(y)[:, None] ** 2 + 4 * torch.sin(x) ** 2).to(f.dtype)
    inverse = 1 / (ratio + symbol)
    keep = torch.ones_like(inverse)
    keep[0, 0] = 0
    return inverse * keep
