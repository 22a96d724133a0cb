"""Components for untuned from a separate package."""
