"""Search engines behind `web_search`."""
