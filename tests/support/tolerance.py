"""Bounds for shares that a simulation counts."""

from __future__ import annotations

from math import sqrt

SIGMAS = 3.0


def tolerance(rate: float, number: int) -> float:
    """Return three standard errors of a share: a sound simulation leaves this range in less than 3 of 1000 cases."""
    return SIGMAS * sqrt(rate * (1 - rate) / number)
