"""Charts: what they show as tables, how they look as Vega-Lite, and a process that draws them."""
