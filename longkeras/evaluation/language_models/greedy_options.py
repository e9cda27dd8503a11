"""Options of generation that a greedy model can honour."""

# Values that leave the likeliest token in place.
_GREEDY = {"do_sample": (False,), "num_beams": (1,), "temperature": (0,)}
# Options of sampling, without effect where `do_sample=False`.
_OF_SAMPLING = ("temperature", "top_k", "top_p")


def check_greedy(options):
    """Refuse options that ask for something else than the likeliest token.

    Args:
        options: dict of what `generate_until` was given beside `until` and
            `max_gen_toks`.

    Raises:
        ValueError: If sampling is asked for, or an option is unknown.
    """
    does_not_sample = options.get("do_sample") is False
    for name, value in options.items():
        has_no_effect = does_not_sample and name in _OF_SAMPLING
        if not has_no_effect and value not in _GREEDY.get(name, ()):
            raise ValueError(
                "`generate_until` writes the likeliest tokens: beside `until` and "
                "`max_gen_toks` it takes `do_sample=False`, `temperature=0` and "
                f"`num_beams=1`. Received: {name}={value!r}"
            )
