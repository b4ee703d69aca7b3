"""A program that greets and adds up."""

import sys

from piw_demo_fastsum import precise_sum
from piw_demo_greeting import greet

__all__ = ["main"]


def main(arguments=None):
    """piw-demo-app [NAME [NUMBER...]]"""
    name, *numbers = (sys.argv[1:] if arguments is None else arguments) or ["world"]
    total = precise_sum([float(number) for number in numbers])
    print(greet(name) + (f" Your numbers add up to {total}" if numbers else ""))
