"""A precise sum, in C."""

from ._fastsum import precise_sum

__all__ = ["precise_sum"]
