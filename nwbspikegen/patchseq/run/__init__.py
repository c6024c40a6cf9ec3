"""What the commands of patch-seq do."""
