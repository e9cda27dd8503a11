"""A greedy model refuses what it would otherwise ignore."""

import pytest

from longkeras.evaluation.language_models.text_requests import check_greedy


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0.0},
        {"do_sample": False, "temperature": 0.7, "top_p": 0.9},
        {"num_beams": 1},
    ],
)
def test_options_that_mean_the_likeliest_token_are_taken(options):
    check_greedy(options)


@pytest.mark.parametrize(
    "options", [{"do_sample": True}, {"temperature": 0.7}, {"top_k": 5}, {"seed": 1}]
)
def test_options_that_would_be_dropped_are_refused(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"likeliest tokens.*Received: {name}="):
        check_greedy(options)
