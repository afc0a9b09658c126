"""The Python client of a running medlens service: `from medlens.client import Client`."""
