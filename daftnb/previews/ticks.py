"""Turns values of a column into numbers for quantiles and bins, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np


class Ticks:
    """Numbers as they are. Kinds whose values are none, or not exactly, have a class of their own below this one."""

    has_nan: ClassVar[bool] = False  # NaN is left out, and counted in the note
    is_rounded: ClassVar[bool] = False  # the numbers are floats that are not exactly the values
    has_mean: ClassVar[bool] = True

    def numbers(self, array: Any) -> np.ndarray[Any, Any]:
        """Return the values that are not null."""
        if array.null_count:
            array = array.drop_null()
        found: np.ndarray[Any, Any] = self.arrow(array).to_numpy(zero_copy_only=False)
        return found

    def arrow(self, array: Any) -> Any:
        """Return an array without nulls as numbers that NumPy has."""
        return array

    def value(self, number: Any, type_: Any) -> Any:
        """Return a number as a value of the Arrow type, or as its words."""
        return number

    def extremes(self, arrays: Sequence[Any], least: Any, most: Any) -> tuple[Any, Any]:
        """Return least and most of all values; ``least`` and ``most`` of their numbers are known."""
        return self.value(least, arrays[0].type), self.value(most, arrays[0].type)
