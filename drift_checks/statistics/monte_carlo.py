"""P-values from random draws under a hypothesis."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

# With so many draws as extreme as what was observed, more of them would not change a decision.
ENOUGH = 50


def monte_carlo_p_value(blocks: Iterable[npt.NDArray[np.bool_]]) -> float:
    """Return the p-value of an observation, given blocks of draws: True for one at least as extreme.

    No more blocks are drawn after `ENOUGH` such draws, so that only small p-values take all of them.

    Source: J. Besag and P. Clifford, Sequential Monte Carlo p-values, Biometrika 78 (1991).
    """
    extreme = number = 0
    for block in blocks:
        places = np.flatnonzero(block)
        if extreme + len(places) >= ENOUGH:
            return ENOUGH / (number + int(places[ENOUGH - extreme - 1]) + 1)
        extreme += len(places)
        number += len(block)
    return (1 + extreme) / (1 + number)
