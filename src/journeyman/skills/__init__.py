"""Skills: folders of instructions with a SKILL.md; what an uploaded one must be, and the built-in ones."""
