"""The model port and its adapters: anthropic, openai, scripted."""
