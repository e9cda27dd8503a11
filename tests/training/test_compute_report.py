import dataclasses
import json

import numpy as np
import pytest

from longkeras.patterns import BandedPattern, dense_mask
from tests.training.tiny_configs import TINY_CONFIGS
from training import compute_report
from training.compute import training_flops
from training.model_configs import build_model


def test_flops_are_those_of_weights_and_of_pairs_that_see_each_other():
    config = dataclasses.replace(
        TINY_CONFIGS["tiny-window"], steps=4, stages=2, attention_window=(4,)
    )
    backbone = build_model(config).backbone
    looked_up = np.prod(backbone.ngram_heads.embeddings.shape)
    of_weights = 6 * (backbone.count_params() - looked_up) * config.bytes_per_step
    expected, total = [], 0
    for step in range(4):
        length, batch_size, _ = config.stage_of(step)
        pairs = int(dense_mask(BandedPattern.causal(4), length).sum())
        total += of_weights + 3 * 4 * config.hidden_dim * pairs * batch_size
        expected.append(total)
    assert training_flops(config, [1, 2, 3, 4]) == expected
    assert training_flops(config, [2, 4]) == expected[1::2]


def test_a_run_is_tabled_and_a_page_that_is_not_fresh_is_named(tmp_path):
    config = dataclasses.asdict(TINY_CONFIGS["tiny-lstm"])
    history = [
        {"step": step, "bits_per_byte_en": 9 / step, "bits_per_byte_zh": 5.0}
        for step in (2, 4)
    ]
    record = {"config": config, "history": history}
    (tmp_path / "run.json").write_text(json.dumps(record))
    page = tmp_path / "docs" / "page.md"
    arguments = ["--results", str(tmp_path), "--page", str(page)]
    with pytest.raises(SystemExit, match="compute_report"):
        compute_report.main([*arguments, "--check"])
    compute_report.main(arguments)
    compute_report.main([*arguments, "--check"])
    assert "| `tiny-lstm` |" in page.read_text() and "| 2.250 |" in page.read_text()
    assert "<svg" in (page.parent / "images" / "training_compute.svg").read_text()


def test_the_page_says_what_the_runs_say():
    compute_report.main(["--check"])
