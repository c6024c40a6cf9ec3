"""What may be added to a study: sessions, visitors and mixtures; each gives a new plan."""

from __future__ import annotations

from collections.abc import Sequence

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.context_curves import walk_contexts
from nwbspikegen.transfer.plan import StudyPlan
from nwbspikegen.transfer.sessions import OTHERS, StudySession, make_unique
from nwbspikegen.views.observed import require_distinct


def with_sessions(plan: StudyPlan, fresh: Sequence[StudySession]) -> StudyPlan:
    """Return a plan with further sessions; of those that it has, where they lie now."""
    sessions = list(plan.sessions)
    for session in fresh:
        known = find_known(sessions, session)
        if known is not None:
            _require_same_window(sessions[known], session)
            sessions[known] = sessions[known].model_copy(update={"path": session.path})
            continue
        # a visitor keeps its name, under which its cells are, when it becomes a session
        others = [visitor.name for visitor in plan.visitors if visitor.digest != session.digest]
        name = make_unique(session.name, [OTHERS, *others, *(other.name for other in sessions)])
        sessions.append(session.model_copy(update={"name": name}))
    require_distinct([session.about for session in sessions], [session.path for session in sessions])
    added = {session.digest for session in sessions}
    # a visitor that has become a session is a column once
    visitors = tuple(visitor for visitor in plan.visitors if visitor.digest not in added)
    return plan.model_copy(update={"sessions": tuple(sessions), "visitors": visitors})


def with_visitor(plan: StudyPlan, session: StudySession) -> StudyPlan:
    """Return a plan with a column that is no session, unless it is one or is there already."""
    there = {visitor.digest for visitor in plan.visitors}
    if find_known(plan.sessions, session) is not None or session.digest in there:
        return plan
    taken = [OTHERS, *(other.name for other in (*plan.sessions, *plan.visitors))]
    visitor = session.model_copy(update={"name": make_unique(session.name, taken)})
    return plan.model_copy(update={"visitors": (*plan.visitors, visitor)})


def with_contexts(plan: StudyPlan, contexts: Sequence[str | float], starts: int, scored: float) -> StudyPlan:
    """Return a plan whose curves are measured at some contexts."""
    if starts < 1 or not scored > 0:
        raise InputError(f"{starts} starts of {scored:g} s", "one or more, above 0 s", "20 of 5 s are usual")
    labels = tuple(label for label, _ in walk_contexts(contexts))
    return plan.model_copy(update={"contexts": labels, "num_starts": starts, "scored": float(scored)})


def find_known(sessions: Sequence[StudySession], session: StudySession) -> int | None:
    """Return the place of a recording among sessions, None when it is not there.

    Raises
    ------
    InputError
        It is there, and its file has changed: what was computed from it is no longer true of it.
    """
    for place, old in enumerate(sessions):
        is_identified = old.about["identifier"] and old.about["identifier"] == session.about["identifier"]
        if is_identified and old.is_same_file(session):
            return place
        if is_identified or old.path == session.path:
            raise InputError(
                f"another file at {session.path} than {old.name} was when it was added to the study",
                "the same file",
                "restore it, or make a new study",
            )
    return None


def _require_same_window(old: StudySession, new: StudySession) -> None:
    if old.options != new.options:
        raise InputError(
            f"other window options for {old.name} than in the study",
            "those it was added with",
            "ask for these, or for another --out",
        )


def with_mixture(plan: StudyPlan, names: Sequence[str]) -> StudyPlan:
    """Return a plan with one more row; its names in the order of the study."""
    unknown = [name for name in names if name not in plan.names]
    # a+b and b+a are one row, and a name given twice counts once
    mixture = tuple(name for name in plan.names if name in names)
    if unknown or len(mixture) < 2:
        raise InputError(
            f"a mixture of {'+'.join(names)}", f"two or more of {', '.join(plan.names)}", "correct the names"
        )
    if mixture in plan.mixtures:
        return plan
    return plan.model_copy(update={"mixtures": (*plan.mixtures, mixture)})
