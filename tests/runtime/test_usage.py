"""Totals and their rendering."""

from journeyman.runtime.usage import Usage, render_usage, seconds


def ended(**tokens: int) -> dict[str, int]:
    zero = {"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    return zero | tokens


def test_totals_are_the_sum_of_the_requests() -> None:
    """facts 7.4."""
    usage = Usage()
    usage.add(ended(input_tokens=3, output_tokens=5, cache_creation_input_tokens=10), {"cache_write_1h": 4, "nano": 7})
    usage.add(ended(input_tokens=1, cache_read_input_tokens=2), {"nano": None})
    wire = render_usage(usage.stored(), 1_500_000)
    assert (wire["input_tokens"], wire["output_tokens"], wire["cache_read_input_tokens"]) == (4, 5, 2)
    assert wire["cache_creation"] == {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 4}
    assert (wire["active_seconds"], usage.nano, usage.requests) == (1.5, 7, 2)


def test_before_the_first_request() -> None:
    """facts 7.1."""
    assert render_usage({}, 0) == {
        "input_tokens": 0,
        "output_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": None,
        "active_seconds": 0,
        "list_cost": {"amount": "0", "currency": "USD"},
        "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
    }


def test_the_list_cost_is_tokens_searches_and_time_in_whole_cents() -> None:
    """facts 7.5: $10 per 1,000 searches and $0.08 per running hour."""
    usage = Usage(web_searches=100, nano=2_000_000_000)
    assert usage.list_cost_nano(3_600_000_000) == 2_000_000_000 + 1_000_000_000 + 80_000_000
    assert render_usage(usage.stored(), 3_600_000_000)["list_cost"]["amount"] == "308"


def test_a_request_without_a_known_price_costs_nothing() -> None:
    usage = Usage()
    usage.add(ended(input_tokens=1_000_000), {})
    assert usage.list_cost_nano(0) == 0


def test_seconds() -> None:
    assert seconds(1) == 0.000001
