"""Tools of MCP servers: connecting, what is offered to the model, and calling."""
