"""What all methods share: the contract that they keep, and the bases of their heads."""
