"""Parts of untuned from a package of one's own."""
