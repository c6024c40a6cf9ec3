"""What `mkdocs build` makes of the code itself: pages of names, the gallery, blocks that can be copied."""
