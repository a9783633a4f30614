import pytest

from journeyman.runtime.prices import SEARCH_NANO, list_price, nano_to_cents, runtime_price

AT = 1_790_000_000_000_000
MILLION = 1_000_000


def test_input_and_output_at_list_price() -> None:
    """Claude Opus 5 costs $5 and $25 per million tokens."""
    assert list_price("claude-opus-5", {"input_tokens": MILLION, "output_tokens": 0}, AT) == 5_000_000_000
    assert list_price("claude-opus-5", {"input_tokens": 10, "output_tokens": 1}, AT) == 75_000


def test_cached_tokens_are_priced_beside_the_input() -> None:
    """Reading costs a tenth of the input price, writing for five minutes 1.25 times, for an hour twice as much."""
    read = {"input_tokens": 0, "cache_read_input_tokens": 1000}
    assert list_price("claude-opus-5", read, AT) == 500_000
    written = {"input_tokens": 0, "cache_creation_input_tokens": 2000}
    assert list_price("claude-opus-5", written, AT) == 12_500_000
    hour = {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 1000}
    assert list_price("claude-opus-5", {**written, "cache_creation": hour}, AT) == 16_250_000


def test_fast_mode_costs_more() -> None:
    assert list_price("claude-opus-5", {"input_tokens": 10, "output_tokens": 1, "speed": "fast"}, AT) == 150_000


def test_an_old_price_holds_for_its_time() -> None:
    """OpenAI cut o3 by 80 % on 2025-06-10."""
    usage = {"input_tokens": MILLION}
    before, after = list_price("o3", usage, 1_740_000_000_000_000), list_price("o3", usage, AT)
    assert (before, after) == (10_000_000_000, 2_000_000_000)


@pytest.mark.parametrize("model", ["demo", "claude-of-tomorrow", "qwen3:8b"])
def test_an_unknown_model_has_no_price(model: str) -> None:
    assert list_price(model, {"input_tokens": 10, "output_tokens": 1}, AT) is None


@pytest.mark.parametrize(
    ("nano", "cents"),
    [(0, "0"), (4_999_999, "0"), (5_000_000, "1"), (15_000_000, "2"), (25_000_000, "3"), (1_234_560_000_000, "123456")],
)
def test_cents_are_whole_and_rounded_half_up(nano: int, cents: str) -> None:
    assert nano_to_cents(nano) == cents


def test_running_and_searching() -> None:
    """$0.08 per running hour, $10 per 1,000 searches."""
    assert runtime_price(3_600_000_000) == 80_000_000
    assert runtime_price(1_000_000) == 22_222
    assert runtime_price(500_000) == 11_111
    assert 1000 * SEARCH_NANO == 10_000_000_000
