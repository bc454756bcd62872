"""Ages of the faces in ordinary photos: by the command `pml predict`, and by `from pml import AgeModel`."""
