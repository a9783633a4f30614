"""What a model is offered: the built-in toolset and custom tools."""
