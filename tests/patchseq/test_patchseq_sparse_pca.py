"""Sparse components repeat what R's elasticnet publishes, and families keep their gaps."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.components import (
    NONZERO_SHARES,
    FamilyComponents,
    list_families,
    pad_families,
    separate_families,
)
from nwbspikegen.patchseq.classify.sparse_pca import SparsePCA

# correlations of the 13 properties of 180 pit props, lower triangle (Jeffers 1967, in R's elasticnet)
_LOWER = """
.954
.364 .297
.342 .284 .882
-.129 -.118 -.148 .220
.313 .291 .153 .381 .364
.496 .503 -.029 .174 .296 .813
.424 .419 -.054 -.059 .004 .090 .372
.592 .648 .125 .137 -.039 .211 .465 .482
.545 .569 -.081 -.014 .037 .274 .679 .557 .526
.084 .076 .162 .097 -.091 -.036 -.113 .061 .085 -.319
-.019 -.036 .220 .169 -.145 .024 -.232 -.357 -.127 -.368 .029
.134 .144 .126 .015 -.208 -.329 -.424 -.202 -.076 -.291 .007 .184
"""
# what R's spca(pitprops, K=6, type="Gram", sparse="varnum", para=c(7, 4, 4, 1, 1, 1)) gives, as tabulated
# in full precision with the tests of github.com/AllenInstitute/drcme: component -> variable -> loading
_PUBLISHED = (
    {
        0: -0.477487846448198,
        1: -0.469140900022428,
        4: 0.179796338649664,
        6: -0.289849248006023,
        7: -0.342533766762204,
        8: -0.413871779160707,
        9: -0.383345316263254,
    },
    {0: 0.00273576961894403, 2: 0.785205833921055, 3: 0.618547389025684, 7: -0.0290420638116778},
    {4: 0.655519070221603, 5: 0.589246309992587, 6: 0.469909849794824, 7: -0.0476263351700665},
    {10: -1.0},
    {11: -1.0},
    {12: 1.0},
)
_COUNTS = (7, 4, 4, 1, 1, 1)


@pytest.fixture(scope="module")
def pitprops() -> np.ndarray:
    correlation = np.eye(13)
    for row, line in enumerate(_LOWER.split("\n")[1:-1], start=1):
        correlation[row, :row] = correlation[:row, row] = np.array(line.split(), dtype=float)
    return correlation


def test_pitprops_loadings_are_the_published_ones(pitprops):
    published = np.zeros((13, 6))
    for component, loadings in enumerate(_PUBLISHED):
        published[list(loadings), component] = list(loadings.values())
    found = SparsePCA(_COUNTS).fit_gram(pitprops)
    sign = np.sign((found.loadings_ * published).sum(axis=0))
    np.testing.assert_allclose(found.loadings_ * sign, published, atol=1e-6)
    # adjusted variances of the same solution, in percent, rounded as Zou et al. print theirs
    assert (100 * found.adjusted_variance_ratio_).round(1).tolist() == [28.2, 13.9, 13.1, 7.4, 6.8, 6.3]


def test_every_loading_solves_its_regression(pitprops):
    """At the end each column meets the lasso's conditions for its own direction."""
    pca = SparsePCA([5, 4, 3], tolerance=1e-12, max_iter=5000).fit_gram(pitprops)
    left, _, right = np.linalg.svd(pitprops @ pca.loadings_, full_matrices=False)
    raw = pca._regress(pitprops, left @ right)
    for number, direction in enumerate((left @ right).T):
        slope = pitprops @ direction - (pitprops + 1e-6 * np.eye(13)) @ raw[:, number]
        used = raw[:, number] != 0
        penalty = np.abs(slope[used]).max()
        np.testing.assert_allclose(slope[used], penalty * np.sign(raw[used, number]), atol=1e-9)
        assert np.abs(slope[~used]).max() <= penalty + 1e-9


def test_all_variables_give_ordinary_components():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 5)) * [5, 4, 3, 2, 1]
    pca = SparsePCA([5, 5], ridge=0.0).fit(rows)
    _, singular, vectors = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(pca.loadings_.T), np.abs(vectors[:2]), atol=1e-9)
    np.testing.assert_allclose(
        pca.adjusted_variance_ratio_, (singular**2 / (singular**2).sum())[:2], atol=1e-9
    )


@settings(max_examples=12)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 1000))
def test_counts_are_kept_and_variance_adds_up(counts, seed):
    rows = np.random.default_rng(seed).normal(size=(30, 6))
    pca = SparsePCA(counts).fit(rows)
    assert ((pca.loadings_ != 0).sum(axis=0) <= counts).all()
    np.testing.assert_allclose(np.linalg.norm(pca.loadings_, axis=0), 1)
    assert pca.adjusted_variance_ratio_.sum() <= 1 + 1e-9


@pytest.mark.parametrize("counts", [[], [0], [7], [1] * 7])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(InputError, match="numbers of loadings"):
        SparsePCA(counts).fit(np.random.default_rng(0).normal(size=(30, 6)))


def test_gaps_are_refused_by_the_components_themselves():
    with pytest.raises(InputError, match="with gaps"):
        SparsePCA([1]).fit(np.array([[1.0, 2.0], [np.nan, 1.0], [2.0, 3.0]]))


@pytest.fixture(scope="module")
def families() -> xr.Dataset:
    rng = np.random.default_rng(3)
    num_cells = 60
    classes = np.repeat(["Pvalb", "Sst", "Vip"], 20)
    level = np.repeat([0.0, 2.0, 4.0], 20)
    cells = {}
    for name, length in (("isi_shape", 8), ("inst_freq_norm", 9)):
        shape = np.sin(1 + np.arange(length))
        vectors = level[:, None] * shape + rng.normal(size=(num_cells, length)) * 0.3
        cells[name] = (("cell", f"{name}_sample"), vectors)
    cells["isi_shape"][1][[4, 7]] = np.nan
    return xr.Dataset(
        cells, coords={"cell": np.arange(num_cells).astype(str), "cell_class": ("cell", classes)}
    )


# two components are enough here, and soon found
_SHARES = {"isi_shape": (1.0, 0.5), "inst_freq_norm": (1.0, 0.5)}


@pytest.fixture(scope="module")
def transformer(families) -> FamilyComponents:
    return FamilyComponents(nonzero_shares=_SHARES).fit(families)


def test_families_keep_their_gaps_and_their_scale(families, transformer):
    components = transformer.transform(families)
    isi = components["component_family"].values == "isi_shape"
    assert components["present"].sel(family="isi_shape").values.sum() == 58
    assert np.isnan(components["components"].values[4, isi]).all()
    assert np.isfinite(components["components"].values[4, ~isi]).all()
    np.testing.assert_allclose(np.nanstd(components["components"].values, axis=0), 1)
    np.testing.assert_allclose(np.nanmean(components["components"].values, axis=0), 0, atol=1e-9)
    assert components["cell_class"].values[0] == "Pvalb"


def test_weak_components_are_left_out(families, transformer):
    for name in transformer.families_:
        kept = transformer.pca_[name].adjusted_variance_ratio_[transformer.kept_[name]]
        assert (kept >= 0.01).all()
    strict = FamilyComponents(nonzero_shares=_SHARES, least_variance=0.5).fit(families)
    assert [len(kept) for kept in strict.kept_.values()] == [1, 1]


def test_a_family_that_nobody_has_is_no_component(families):
    empty = families.assign(isi_shape=families["isi_shape"] * np.nan)
    assert FamilyComponents(nonzero_shares=_SHARES).fit(empty).families_ == ["inst_freq_norm"]
    with pytest.raises(InputError, match="no family"):
        FamilyComponents().fit(empty[["isi_shape"]])


def test_cells_without_a_trained_family_are_masked(families, transformer):
    components = transformer.transform(families[["inst_freq_norm"]])
    assert components["present"].sel(family="isi_shape").values.sum() == 0
    padded, present = pad_families(components)
    assert padded.shape[:2] == present.shape == (60, 2)
    assert np.isfinite(padded).all()


def test_another_preset_is_refused(families, transformer):
    with pytest.raises(InputError, match="points of isi_shape"):
        transformer.transform(families.isel(isi_shape_sample=slice(5)))


def test_separation_tells_parted_classes_from_mixed(families, transformer):
    components = transformer.transform(families)
    parted = separate_families(components, neighbours=5)
    shuffled = np.random.default_rng(0).permutation(components["cell_class"].values)
    mixed = separate_families(components.assign_coords(cell_class=("cell", shuffled)), neighbours=5)
    assert parted["same_class"].mean() > 0.9 > 0.5 > mixed["same_class"].mean()
    assert parted["silhouette"].mean() > 0.1 > mixed["silhouette"].mean()


def test_the_presets_have_their_numbers_of_components():
    """Components fitted per family, as the second paper lists them."""
    fitted = {"first_ap_v": 7, "first_ap_dv": 9, "isi_shape": 4, "step_subthresh": 3, "subthresh_norm": 6}
    fitted |= {"inst_freq": 6, "inst_freq_norm": 7, "spiking_threshold_v": 5, "spiking_width": 3}
    assert {name: len(NONZERO_SHARES[name]) for name in fitted} == fitted


def test_other_variables_are_no_families(families):
    assert list_families(families.assign(scalar=("cell", np.zeros(60)))) == ["isi_shape", "inst_freq_norm"]
