"""What a model looks at, and how much it matters."""
