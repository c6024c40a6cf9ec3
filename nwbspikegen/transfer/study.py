"""A transfer study: every recording against every other, in a folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError, OutputError, require_seed
from nwbspikegen.core.files import require_absent, write_whole
from nwbspikegen.core.tasks import require_shared
from nwbspikegen.models import MODELS
from nwbspikegen.scoring.table import DEFAULT_BASELINES, UNTRAINED
from nwbspikegen.training.populations import require_populations
from nwbspikegen.training.settings import require_settings, settings_of_model
from nwbspikegen.training.starting import load_start, require_no_source
from nwbspikegen.transfer.evaluate_curves import collect_curves
from nwbspikegen.transfer.groups import compare_groups, summarise_groups
from nwbspikegen.transfer.independence import compare_rows
from nwbspikegen.transfer.plan import STUDY_FILE, StudyPlan
from nwbspikegen.transfer.plan_changes import (
    find_known,
    with_contexts,
    with_mixture,
    with_sessions,
    with_visitor,
)
from nwbspikegen.transfer.scores import collect_scores, read_draws
from nwbspikegen.transfer.sessions import (
    Recording,
    describe_sessions,
)
from nwbspikegen.transfer.study_gains import choose_scores, join_tables_of_gains, pick_worth, read_gains
from nwbspikegen.transfer.tasks import plan_tasks, run_plan
from nwbspikegen.transfer.turns import taking_turns
from nwbspikegen.views import WindowOptions
from nwbspikegen.views.observed import require_distinct

if TYPE_CHECKING:
    from nwbspikegen.scoring.context_curves import ContextCurve
    from nwbspikegen.transfer.embedding import Layout

_LOG = logging.getLogger("nwbspikegen")
_Recordings = Sequence[Recording] | Mapping[str, Recording]
_Options = WindowOptions | Mapping[str, WindowOptions]


class TransferStudy:
    """Models trained on some recordings and tested on each, with what they share and how sure we are.

    A *row* of the matrix is what a model was trained on: one session, a mixture, or all sessions but
    the one tested. A *column* is the session it is tested on: the test part of its window, with the
    window before it as context. Everything lies in one folder, one file per cell, so that a study can
    be stopped at any moment and goes on where it was.

    Parameters
    ----------
    folder : path
        A study that `create` made.

    Examples
    --------
    >>> study = TransferStudy.create(folder, ["a.nwb", "b.nwb"])  # doctest: +SKIP
    >>> study.run()  # doctest: +SKIP
    >>> study.scores.value.sel(predictor="in_context", metric="bits_per_spike", null="mean_rate")
    ... # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).resolve()
        self._plan = StudyPlan.load(self.folder)

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        recordings: _Recordings,
        *,
        options: _Options | None = None,
        models: Sequence[str] = ("in_context",),
        leave_one_out: bool = False,
        mixtures: Sequence[Sequence[str]] = (),
        baselines: Sequence[str] = DEFAULT_BASELINES,
        seed: int = 0,
        # as of `score`: a study keeps each draw of each main score, so that more would cost space as well
        resamples: int = 200,
        context: Sequence[str | float] = (),
        starts: int = 20,
        scored: float = 5.0,
        overwrite: bool = False,
        **training: Any,
    ) -> TransferStudy:
        """Make a study; nothing is computed yet.

        Parameters
        ----------
        folder : path
            New folder of the study.
        recordings : sequence of path, or mapping from name to path
            NWB files. Without names, sessions are called by their `session_id`, else by the file.
        options : WindowOptions, or mapping from name to WindowOptions
            What is used of all recordings, or of each.
        models : sequence of str
            Architectures, each trained on every row.
        leave_one_out : bool
            Add the row `others`: in every column, the model trained on all other sessions.
        mixtures : sequence of sequences of names
            Rows that are trained on several sessions.
        baselines : sequence of str
            Trivial and classical predictors of every column; `mean_rate` and `running_rate` always enter.
            Where the defaults are not replaced, `coupled_glm` stands in columns of up to about 100 units:
            of more, its fit takes minutes.
        seed : int
            Of training, bootstrap and generated trains.
        resamples : int
            Draws of blocks for intervals.
        context : sequence of seconds or "warm"
            Lengths of past of which curves are measured (`curves`), such as ``(0, 1, 5, 10, 30, 60,
            "warm")``; none by default.
        starts, scored
            Of the curves, as of `nwbspikegen.context_curve`.
        overwrite : bool
            Replace a study that is there.
        **training
            As for `nwbspikegen.train`: ``epochs=2``, ``populations=100`` to train every row on simulated
            populations too, or parameters of the architecture. A model to start from, by its path or
            ``start_from="pretrained"``, must have met no recording, or all cells would be of training.

        Raises
        ------
        InputError
            Fewer than two recordings, one of them twice, an unknown model, session or option.
        OutputError
            The folder exists.
        """
        folder = Path(folder)
        require_seed(seed)
        require_absent(folder, overwrite=overwrite, marker=STUDY_FILE)
        training = {name: value for name, value in training.items() if value is not None}
        _require_models(models, training)
        sessions = describe_sessions(recordings, options or WindowOptions())
        require_distinct([session.about for session in sessions], [session.path for session in sessions])
        if len(sessions) < 2:
            raise InputError(f"{len(sessions)} recordings", "at least two", "add recordings")
        plan = StudyPlan(
            sessions=tuple(sessions),
            models=tuple(dict.fromkeys(models)),
            leave_one_out=leave_one_out,
            options=options if isinstance(options, WindowOptions) else WindowOptions(),
            training=training,
            # bits per spike are counted from these two
            baselines=tuple(dict.fromkeys(("mean_rate", "running_rate", *baselines))),
            seed=seed,
            resamples=resamples,
        )
        plan = with_contexts(plan, context, starts, scored)
        for mixture in mixtures:
            plan = with_mixture(plan, mixture)
        with write_whole(folder, overwrite=overwrite, marker=STUDY_FILE) as temporary:
            temporary.mkdir()
            plan.save(temporary)
        return cls(folder)

    @property
    def plan(self) -> StudyPlan:
        """What the study consists of."""
        return self._plan

    def require_settings(
        self, *, models: Sequence[str], seed: int, leave_one_out: bool = False, **training: Any
    ) -> None:
        """Raise `InputError` when the study was made with other settings; turn on `leave_one_out`."""
        plan = self._reload()
        given = {name: value for name, value in training.items() if value is not None}
        for name, asked, has in (
            ("models", tuple(dict.fromkeys(models)), plan.models),
            ("seed", seed, plan.seed),
            ("training", given, plan.training),
        ):
            if asked != has:
                raise InputError(
                    f"{name} {asked} for the study in {self.folder}",
                    f"{name} {has}, with which it was made",
                    "ask for these, or for another --out",
                )
        if leave_one_out and not plan.leave_one_out:
            self._change(lambda plan: plan.model_copy(update={"leave_one_out": True}))

    def add(self, recordings: _Recordings, *, options: _Options | None = None) -> None:
        """Add recordings as rows and columns; the next `run` computes what is new.

        A recording that is in the study already is not added again; where its file lies now is noted.

        Raises
        ------
        InputError
            A recording that is there already with other options, or whose file has changed since.
        """
        # those of the study are recognised below, whatever they are called now
        fresh = describe_sessions(recordings, options or self._plan.options)
        self._change(lambda plan: with_sessions(plan, fresh))

    def add_row(self, names: Sequence[str]) -> None:
        """Add a mixture: a row that is trained on several sessions of the study."""
        self._change(lambda plan: with_mixture(plan, names))

    def add_contexts(
        self, context: Sequence[str | float], *, starts: int | None = None, scored: float | None = None
    ) -> None:
        """Let the next `run` measure curves at these contexts; those of others stay in the folder."""
        self._change(
            lambda plan: with_contexts(plan, context, starts or plan.num_starts, scored or plan.scored)
        )

    def run(self, client: Any = None, *, device: str = "auto") -> None:
        """Train and test what is missing.

        Parameters
        ----------
        client : dask.distributed.Client, optional
            Where to do it; in this process by default. See `nwbspikegen.core.tasks.open_client`.
        device : str, as for `nwbspikegen.train`
            Where to train.

        Raises
        ------
        InputError
            Some of it could not be done; the rest was.
        """
        require_shared(client, self.folder / STUDY_FILE)
        # tasks are cut for as many as there are now; who joins later takes of what is left
        workers = 1 if client is None else max(1, len(client.nthreads()))
        tasks = plan_tasks(os.fspath(self.folder), self._plan, workers=workers, device=device)
        self._run(tasks, client)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return not plan_tasks(os.fspath(self.folder), self._plan)

    @property
    def scores(self) -> xr.Dataset:
        """Every score, (train_session, test_session, predictor, metric, null), with its interval."""
        return collect_scores(self.folder, self._plan)

    @property
    def draws(self) -> xr.Dataset:
        """Bootstrap draws of the main scores, paired between all rows and predictors of a column."""
        return read_draws(self.folder, self._plan)

    @property
    def independence(self) -> pd.DataFrame:
        """What the sessions of every row share with the session of every column."""
        return compare_rows(self._plan, self._plan.names)

    @property
    def sessions(self) -> pd.DataFrame:
        """The recordings and what their metadata say, one row each."""
        from nwbspikegen.transfer.session_table import tabulate_sessions

        return tabulate_sessions(self._plan.sessions)

    @property
    def curves(self) -> dict[str, ContextCurve]:
        """Of each column what the first model's rows know by seconds of its past; predictors are rows."""
        return self.curves_of(self._plan.models[0])

    def curves_of(self, model: str) -> dict[str, ContextCurve]:
        """Return `curves` of one of several models."""
        return collect_curves(self.folder, self._plan, model, self._plan.names)

    @property
    def gains(self) -> xr.Dataset:
        """What training gave: like `scores`, with the untrained model as the null, at each context."""
        return self.gains_of(self._plan.models[0])

    def gains_of(self, model: str) -> xr.Dataset:
        """Return `gains` of one of several models."""
        return read_gains(self.folder, self._plan, model)[0]

    def context_gains(self, *, predictor: str | None = None) -> pd.DataFrame:
        """Return gain, worth in seconds and share of every cell at every context: `GAIN_COLUMNS`.

        Empty where no curves were measured.
        """
        from nwbspikegen.transfer.gains import tabulate_gains

        curves = self.curves_of(predictor or self._plan.models[0])
        return tabulate_gains(curves, self.independence, resamples=self._plan.resamples, seed=self._plan.seed)

    def worth_seconds(
        self, context: str | float | None = None, *, predictor: str | None = None
    ) -> pd.DataFrame:
        """Return how many seconds of each column's own past the untrained model needs to do as well as a row.

        Parameters
        ----------
        context : str or float, optional
            What the row's model has read; all contexts by default.
        predictor : str, optional
            The trained model; the first of the study by default.

        Returns
        -------
        DataFrame
            ``train_session, test_session, context, worth_seconds, worth_low, worth_high, bound,
            gained_seconds, measured_up_to, independent, shared``; see `ContextCurve.worth_seconds`.

        Raises
        ------
        InputError
            The study has no curve of this context.
        """
        return pick_worth(self.context_gains(predictor=predictor), context)

    def groups(self) -> pd.DataFrame:
        """Return mean and SD over cells of each group (training, self, others, crossings), of gains too."""
        return join_tables_of_gains(self.folder, self._plan, summarise_groups, summarise_groups)

    def tests(self, against: str | None = None) -> pd.DataFrame:
        """Return sign-flip tests against `running_rate`, and of gains against `untrained`, Holm-corrected."""
        seed = self._plan.seed
        if against is not None:
            return compare_groups(self.scores, against, seed=seed)
        return join_tables_of_gains(
            self.folder,
            self._plan,
            lambda scores: compare_groups(scores, seed=seed),
            lambda gains: compare_groups(gains, UNTRAINED, seed=seed),
        )

    def layout(
        self, *, predictor: str | None = None, context: str | float | None = None, **how: Any
    ) -> Layout:
        """Return positions of the sessions in space.

        Parameters
        ----------
        predictor : str, optional
            The trained model; the first of the study by default.
        context : str or float, optional
            Of the gains over the untrained model that distances are made of: 10 s by default where curves
            were measured, else ``warm``.
        **how
            Arguments of `transfer.lay_out`. With `metric`, other than ``worth_seconds``, warm scores are laid
            out instead of gains.
        """
        from nwbspikegen.transfer.embedding import lay_out

        predictor = predictor or self._plan.models[0]
        scores, draws, how = choose_scores(self.folder, self._plan, predictor, context, how)
        return lay_out(scores, draws, predictor=predictor, **how)

    def recommend(
        self,
        target: str | os.PathLike[str],
        *,
        predictor: str | None = None,
        context: str | float | None = None,
        options: WindowOptions | None = None,
        client: Any = None,
        **how: Any,
    ) -> pd.DataFrame:
        """Rank what the study has trained on for a target recording, by gain over the untrained model.

        Parameters
        ----------
        target : str or path
            A session of the study, or an NWB file: the models there are are tested on it, and nothing
            is trained.
        predictor : str, optional
            The trained model; the first of the study by default.
        context : str or float, optional
            As of `layout`.
        options : WindowOptions, optional
            What is used of a new file; the study's own by default.
        client : dask.distributed.Client, optional
            Where a new file is scored.
        **how
            Arguments of `transfer.recommend`: metric, null; with these, warm scores rank.
        """
        from nwbspikegen.transfer.recommendation import recommend

        predictor = predictor or self._plan.models[0]
        if str(target) in self._plan.names:
            scores, draws, how = choose_scores(self.folder, self._plan, predictor, context, how)
            return recommend(scores, draws, str(target), predictor=predictor, **how)
        name = self._visit(target, options)
        visitors = () if name in self._plan.names else (name,)
        if visitors:
            folder, workers = os.fspath(self.folder), 1 if client is None else max(1, len(client.nthreads()))
            self._run(
                plan_tasks(folder, self._plan, columns=[name], workers=workers, only_trained=True), client
            )
        scores, draws, how = choose_scores(self.folder, self._plan, predictor, context, how, visitors)
        return recommend(scores, draws, name, predictor=predictor, **how)

    def rank(
        self,
        which: str,
        *,
        predictor: str | None = None,
        context: str | float | None = None,
        **how: Any,
    ) -> pd.DataFrame:
        """Rank all rows by how well they serve as seeds, or all columns by how much training helps there.

        Parameters
        ----------
        which : {"seeds", "targets"}
            Rows or columns.
        predictor : str, optional
            The trained model; the first of the study by default.
        context : str or float, optional
            As of `layout`.
        **how
            Arguments of `transfer.recommendation_ranks.rank_seeds` and `rank_targets`: metric, null.
        """
        from nwbspikegen.transfer.recommendation_ranks import rank_seeds, rank_targets

        rankings = {"seeds": rank_seeds, "targets": rank_targets}
        if which not in rankings:
            raise InputError(f"ranks of {which!r}", f"one of {', '.join(rankings)}", "choose one of these")
        predictor = predictor or self._plan.models[0]
        scores, draws, how = choose_scores(self.folder, self._plan, predictor, context, how)
        return rankings[which](scores, draws, predictor=predictor, **how)

    def write_nwb(self, path: str | os.PathLike[str], *, layout: Layout | None = None, **how: Any) -> Path:
        """Write scores, sessions and positions to an NWB file; arguments of `transfer.write_study`."""
        from nwbspikegen.transfer.nwb_writing import write_study

        return write_study(
            path,
            self.scores,
            sessions=self.sessions,
            layout_positions=None if layout is None else layout.table,
            context_gains=self.context_gains() if self._plan.contexts else None,
            **how,
        )

    def _visit(self, target: str | os.PathLike[str], options: WindowOptions | None) -> str:
        """Note a file as a column that is no session, and return its name."""
        (session,) = describe_sessions([target], options or self._plan.options)
        plan = self._change(lambda plan: with_visitor(plan, session))
        old = find_known(plan.sessions, session)
        if old is not None:
            return plan.sessions[old].name
        return next(visitor.name for visitor in plan.visitors if visitor.digest == session.digest)

    def _run(self, tasks: list[Any], client: Any) -> None:
        failed = run_plan(tasks, client)
        # what is nobody's input is shown as what it is, with its traceback
        bugs = [
            outcome.error for outcome in failed if not isinstance(outcome.error, InputError | OutputError)
        ]
        if bugs and bugs[0] is not None:
            raise bugs[0]
        if failed:
            raise InputError(
                f"{len(failed)} of {len(tasks)} tasks that failed, the first with: {failed[0].error}",
                "recordings and models that fit each other",
                "correct it and run again: the rest is kept",
            )

    def _reload(self) -> StudyPlan:
        """Read the study again: another process may have added to it."""
        self._plan = StudyPlan.load(self.folder)
        return self._plan

    def _change(self, change: Callable[[StudyPlan], StudyPlan]) -> StudyPlan:
        """Change what the study consists of, and keep what other processes have changed meanwhile."""
        # read, changed and written in one turn: of two processes that add at once one would lose its addition
        with taking_turns(self.folder / STUDY_FILE):
            old = self._reload()
            plan = change(old)
            # a study that is only opened is not written: its file may be of somebody else
            if plan != old:
                plan.save(self.folder)
            self._plan = plan
        return plan

    def __repr__(self) -> str:
        shape = f"{len(self._plan.rows())} rows, {len(self._plan.names)} columns"
        return f"TransferStudy({str(self.folder)!r}): {shape}"


def _require_models(models: Sequence[str], training: Mapping[str, Any]) -> None:
    """Raise `InputError` for models that are not there, or that cannot be trained with the settings."""
    if not models:
        raise InputError("no model", f"some of {', '.join(sorted(MODELS))}", "choose among these")
    for model in models:
        require_settings(model, settings_of_model(training, scheduled=True))
        require_populations(training.get("populations", 0), model)
        if "start_from" in training:
            require_no_source(load_start(training["start_from"], model))
