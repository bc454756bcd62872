"""What the commands of `pml` do that belong to no stage."""
