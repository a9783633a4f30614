"""What is known of a tool call before it runs: rules for what is beyond doubt, and the question for a judge."""
