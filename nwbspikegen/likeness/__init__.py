"""Whether generated trains are like recorded ones: statistics, a judge, and surrogates beside them."""

from __future__ import annotations

from nwbspikegen.likeness.judge import Resemblance as Resemblance
from nwbspikegen.likeness.judge import Verdict as Verdict
from nwbspikegen.likeness.judge import compare_verdicts as compare_verdicts
from nwbspikegen.likeness.judge import judge_likeness as judge_likeness
from nwbspikegen.likeness.judge import judge_resemblance as judge_resemblance
from nwbspikegen.likeness.realism import realism as realism
from nwbspikegen.likeness.surrogates import SURROGATES as SURROGATES
from nwbspikegen.likeness.surrogates import make_surrogate as make_surrogate
