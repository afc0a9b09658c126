"""Recognises, opens and decodes images."""
