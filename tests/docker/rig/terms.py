"""The few words that every part of the rig uses."""

# How long anything may take that is expected to happen, in seconds. Nothing waits that long unless a case fails.
DEADLINE = 20


class Failure(AssertionError):
    """A case did not go as its name says."""


def expect(condition, complaint):
    """Fails the case with a sentence."""
    if not condition:
        raise Failure(complaint)
