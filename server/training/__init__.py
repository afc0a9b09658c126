"""How the shipped weights are made and measured. Serving never imports this package."""
