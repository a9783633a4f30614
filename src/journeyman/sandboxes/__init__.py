"""The hands: the sandbox port, its providers and the shipped conformance suite."""
