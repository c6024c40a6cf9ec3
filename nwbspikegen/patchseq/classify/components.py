"""From families of unequal length and with gaps to a few comparable numbers per cell."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float64
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.scores import measure_separation
from nwbspikegen.patchseq.classify.sparse_pca import SparsePCA

_LOG = logging.getLogger("nwbspikegen")
# loadings per component in families of full length, as Gouwens et al. 2020 fitted them (configurations
# published with github.com/AllenInstitute/drcme); kept as shares, so that shorter families scale down
_SPIKING = (1.0, 0.917, 0.833)
NONZERO_SHARES: dict[str, tuple[float, ...]] = {
    "first_ap_v": (0.889, 0.778, 0.889, 0.778, 0.778, 0.833, 0.778),
    "first_ap_dv": (0.503, 0.391, 0.503, 0.559, 0.336, 0.336, 0.336, 0.291, 0.291),
    "isi_shape": (1.0, 0.9, 0.8, 0.8),
    "step_subthresh": (1.0, 1.0, 0.786),
    "subthresh_norm": (0.857, 0.714, 0.643, 0.357, 0.321, 0.286),
    "inst_freq": (1.0, 0.917, 0.75, 0.917, 0.833, 0.75),
    "inst_freq_norm": (1.0, 0.967, 0.833, 0.8, 0.733, 0.667, 0.6),
    # Gouwens et al. have none: it has the shares of inst_freq, of which it is the coarser form
    "psth": (1.0, 0.917, 0.75, 0.917, 0.833, 0.75),
    "spiking_upstroke_downstroke_ratio": _SPIKING,
    "spiking_peak_v": _SPIKING,
    "spiking_fast_trough_v": (1.0, 0.917, 0.75),
    "spiking_width": (1.0, 0.667, 0.75),
    "spiking_threshold_v": (1.0, 0.917, 0.833, 0.75, 0.833),
}
# for families that are in neither preset: three components, as many as most spiking_ families have
_OTHERWISE = (1.0, 0.9, 0.8)


class FamilyComponents(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Sparse principal components of each feature family, z-scored, with the families' gaps kept.

    Each family is z-scored point by point on the training cells that have it, turned into sparse
    components (`SparsePCA`), and the components that add at least 1 % of the family's variance are kept
    and z-scored. A cell without a family gets NaN in its components and False in `present`; it is
    neither dropped nor filled.

    Parameters
    ----------
    nonzero_shares : mapping, optional
        Per family, the share of its points that each component may use. The default has the numbers of
        Gouwens et al. 2020; families it does not name get three components.
    least_variance : float, default: 0.01
        Least adjusted variance of a component that is kept; the first is always kept.
    max_turns : int, default: 10
        Most turns of each `SparsePCA`. Most families settle in two; spike derivatives and subthreshold
        steps go round in circles for as long as they are let, at some seconds a turn.

    Attributes
    ----------
    families_ : list of str
        Families that at least two training cells have, in the order of the Dataset.
    pca_ : dict
        Per family, the fitted `SparsePCA`.
    kept_ : dict
        Per family, the numbers of the components kept.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.normal(size=(40, 1)) * np.sin(np.arange(30)) + 0.1 * rng.normal(size=(40, 30))
    >>> vectors[3] = np.nan
    >>> cells = xr.Dataset({"isi_shape": (("cell", "isi_shape_sample"), vectors)})
    >>> components = FamilyComponents().fit_transform(cells)
    >>> components.present[3].item(), bool(np.isnan(components.components[3]).all())
    (False, True)
    """

    def __init__(
        self,
        *,
        nonzero_shares: Mapping[str, Sequence[float]] | None = None,
        least_variance: float = 0.01,
        max_turns: int = 10,
    ) -> None:
        self.nonzero_shares = nonzero_shares
        self.least_variance = least_variance
        self.max_turns = max_turns

    def fit(self, cells: xr.Dataset, y: Any = None) -> FamilyComponents:
        """Learn from the families Dataset of the training cells (see `collect_cells`)."""
        self._start_empty()
        shares = NONZERO_SHARES if self.nonzero_shares is None else self.nonzero_shares
        for name in list_families(cells):
            vectors = _read_vectors(cells, name)
            vectors = vectors[np.isfinite(vectors).all(axis=1)]
            # two cells that are the same have no direction in which they vary
            if len(vectors) >= 2 and np.ptp(vectors, axis=0).any():
                self._fit_family(name, vectors, shares.get(name, _OTHERWISE))
        self.families_: list[str] = list(self.pca_)
        if not self.families_:
            raise InputError(
                "no family that two cells have", "families to reduce", "measure more sweeps, or cells"
            )
        return self

    def transform(self, cells: xr.Dataset) -> xr.Dataset:
        """Return `components` (cell, component) with NaN in gaps, and `present` (cell, family).

        The coordinate `component_family` names the family of each component; coordinates of the cells
        (donor, class, ...) go along.
        """
        check_is_fitted(self, "families_")
        scores = [self._score_family(cells, name) for name in self.families_]
        present = np.stack([np.isfinite(one).all(axis=1) for one in scores], axis=1)
        owner = np.repeat(self.families_, [one.shape[1] for one in scores])
        kept = {name: value for name, value in cells.coords.items() if value.dims == ("cell",)}
        return xr.Dataset(
            {
                "components": (("cell", "component"), np.hstack(scores)),
                "present": (("cell", "family"), present),
            },
            coords={**kept, "family": self.families_, "component_family": ("component", owner)},
            attrs=dict(cells.attrs),
        )

    def describe_family(self, name: str) -> dict[str, np.ndarray]:
        """Return the arrays that a fitted family consists of, for storing."""
        pca, (mean, deviation) = self.pca_[name], self._point_scale[name]
        return {
            "point_mean": mean,
            "point_deviation": deviation,
            "score_deviation": self._score_scale[name],
            "kept": np.asarray(self.kept_[name], dtype=np.int64),
            "mean": pca.mean_,
            "loadings": pca.loadings_,
            "adjusted_variance_ratio": pca.adjusted_variance_ratio_,
        }

    def restore_family(self, name: str, pca: SparsePCA, stored: Mapping[str, np.ndarray]) -> None:
        """Take back what `describe_family` returned, into a transformer that was not fitted."""
        if not hasattr(self, "families_"):
            self._start_empty()
            self.families_ = []
        pca.mean_, pca.loadings_ = stored["mean"], stored["loadings"]
        pca.adjusted_variance_ratio_, pca.n_features_in_ = (
            stored["adjusted_variance_ratio"],
            len(stored["mean"]),
        )
        self.pca_[name], self.kept_[name] = pca, stored["kept"].tolist()
        self._point_scale[name] = (stored["point_mean"], stored["point_deviation"])
        self._score_scale[name] = stored["score_deviation"]
        self.families_.append(name)

    def _start_empty(self) -> None:
        self.pca_: dict[str, SparsePCA] = {}
        self.kept_: dict[str, list[int]] = {}
        self._point_scale: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._score_scale: dict[str, np.ndarray] = {}

    def _fit_family(
        self, name: str, vectors: Float64[np.ndarray, "cell sample"], shares: Sequence[float]
    ) -> None:
        deviation = vectors.std(axis=0)
        # the zeros behind a padded family have no deviation; divided by 1 they stay 0
        self._point_scale[name] = (vectors.mean(axis=0), np.where(deviation > 0, deviation, 1))
        scaled = (vectors - self._point_scale[name][0]) / self._point_scale[name][1]
        length = vectors.shape[1]
        # components beyond the rank of the cells would divide what rounding leaves
        counts = [max(1, min(length, round(share * length))) for share in shares][
            : min(len(vectors) - 1, length)
        ]
        pca = SparsePCA(counts, max_iter=self.max_turns).fit(scaled)
        # a family of noise may have no component of 1 %; without any it could not be read at all
        kept = [
            number
            for number, ratio in enumerate(pca.adjusted_variance_ratio_)
            if ratio >= self.least_variance
        ] or [0]
        self.pca_[name], self.kept_[name] = pca, kept
        # their mean is 0 already, as that of the rows is
        deviation = pca.transform(scaled)[:, kept].std(axis=0)
        self._score_scale[name] = np.where(deviation > 0, deviation, 1)

    def _score_family(self, cells: xr.Dataset, name: str) -> Float64[np.ndarray, "cell kept"]:
        # one column of NaN spreads over all points of the family
        vectors = _read_vectors(cells, name) if name in cells else np.full((cells.sizes["cell"], 1), np.nan)
        mean, deviation = self._point_scale[name]
        if name in cells and vectors.shape[1] != len(mean):
            raise InputError(
                f"{vectors.shape[1]} points of {name}",
                f"{len(mean)}, as in training",
                "measure with the same preset",
            )
        scores = self.pca_[name].transform((vectors - mean) / deviation)[:, self.kept_[name]]
        return np.asarray(scores / self._score_scale[name], dtype=np.float64)


def list_families(cells: xr.Dataset) -> list[str]:
    """Return the names of the families in a Dataset: variables over `cell` and their own samples."""
    return [str(name) for name, one in cells.data_vars.items() if one.dims == ("cell", f"{name}_sample")]


def separate_families(components: xr.Dataset, *, neighbours: int = 15) -> pd.DataFrame:
    """Return how well each family's components part the classes (see `measure_separation`).

    One row for each family and class; needs the coordinate `cell_class`. A family that too few cells have
    is left out, with a warning.

    Raises
    ------
    InputError
        Too few cells have any family.
    """
    owner, classes = components["component_family"].values, components["cell_class"].values.astype(str)
    tables: dict[str, pd.DataFrame] = {}
    reasons = []
    for name in components["family"].values.astype(str):
        values = components["components"].values[:, owner == name]
        try:
            tables[name] = measure_separation(values, classes, neighbours=neighbours)
        except InputError as error:
            reasons.append(error)
            _LOG.warning("%s left out: %s", name, error)
    if not tables:
        raise reasons[0]
    return pd.concat(tables, names=["family"]).reset_index()


def pad_families(
    components: xr.Dataset,
) -> tuple[Float64[np.ndarray, "cell family width"], np.ndarray]:
    """Return the components as one row per family, zeros behind the last, and which families are there."""
    owner, names = components["component_family"].values, components["family"].values
    values, present = components["components"].values, components["present"].values
    padded = np.zeros((len(values), len(names), max(int((owner == name).sum()) for name in names)))
    for number, name in enumerate(names):
        padded[:, number, : (owner == name).sum()] = np.where(
            present[:, number, None], values[:, owner == name], 0
        )
    return padded, present


def _read_vectors(cells: xr.Dataset, name: str) -> Float64[np.ndarray, "cell sample"]:
    return np.asarray(cells[name].transpose("cell", ...).values, dtype=np.float64)
