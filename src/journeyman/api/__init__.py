"""HTTP only: authenticate, parse, call, render."""
