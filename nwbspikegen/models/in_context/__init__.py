"""`in_context`: one small network for all units of any recording, and what it reads from the past.

Nothing outside this folder imports from it: what others need of it they ask of its state.
"""

from nwbspikegen.models.in_context.model import InContext, InContextSettings

__all__ = ["InContext", "InContextSettings"]
