"""A greeting in pure Python."""

__all__ = ["greet"]


def greet(name="world"):
    """Greets somebody by name."""
    return f"Hello, {name}!"
