"""One thread of BLAS, whenever it came to be loaded."""

from __future__ import annotations

import sys
import types

import threadpoolctl

from nwbspikegen.core.threads import one_blas_thread


def test_libraries_are_looked_for_again_when_modules_have_come(monkeypatch):
    with one_blas_thread():
        # looking imports what it looks with
        pass
    looked, look = [], threadpoolctl.ThreadpoolController

    class Looking(look):
        def __init__(self):
            looked.append(self)
            super().__init__()

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", Looking)
    monkeypatch.setitem(sys.modules, "a_module_of_this_test", types.ModuleType("a"))
    for _ in range(3):
        with one_blas_thread():
            pass
    assert len(looked) == 1
    monkeypatch.setitem(sys.modules, "another_of_this_test", types.ModuleType("b"))
    with one_blas_thread():
        assert {each.num_threads for each in looked[-1].lib_controllers if each.user_api == "blas"} == {1}
    assert len(looked) == 2
