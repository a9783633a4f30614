"""The public contract: pydantic models, ids and the error vocabulary. No behaviour."""
