"""As many threads as are asked for, of libraries whenever they came to be loaded."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import click
import numba
import threadpoolctl
import torch
from click.testing import CliRunner

from nwbspikegen.core.options import threads_option
from nwbspikegen.core.threads import limit_threads, map_in_threads, one_blas_thread


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


def test_a_command_works_on_as_many_cores_as_it_is_told(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    kernels = numba.get_num_threads()
    seen = {}

    @click.command()
    @threads_option
    def command():
        seen.update(
            kernels=numba.get_num_threads(),
            network=torch.get_num_threads(),
            blas={each["num_threads"] for each in threadpoolctl.threadpool_info()},
            parts=map_in_threads(lambda part: part + 1, [1, 2]),
            children=os.environ["OMP_NUM_THREADS"],
        )

    assert CliRunner().invoke(command, ["--threads", "1"]).exit_code == 0
    assert seen == {"kernels": 1, "network": 1, "blas": {1}, "parts": [2, 3], "children": "1"}
    assert numba.get_num_threads() == kernels
    assert "OMP_NUM_THREADS" not in os.environ
    assert CliRunner().invoke(command, ["--threads", "0"]).exit_code == 2


def test_processes_that_a_command_starts_are_told_too():
    told = "import os, numba; print(numba.config.NUMBA_NUM_THREADS, os.environ['OPENBLAS_NUM_THREADS'])"
    with limit_threads(1):
        ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["1", "1"]
