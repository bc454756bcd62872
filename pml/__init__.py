"""Progressive Margin Loss (CVPR 2021): the method, and the engine it shares with its competitors.

The stages, in the order in which data flows: datasets, faces, folds, training, evaluation, reporting. What is trained tells the
age of a face in a photo:

    from pml import AgeModel
    model = AgeModel.load("results/model/runs/fgnet_faces/pml/seed0/fold001")
    for face in model.predict(["photo.jpg"]):
        print(face.photo, face.age, face.interval, face.problem)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pml.prediction.age_model import AgeModel

__all__ = ["AgeModel"]


def __getattr__(name: str) -> Any:
    if name == "AgeModel":
        from pml.prediction.age_model import AgeModel  # PyTorch takes seconds to load, which few imports of the package need

        return AgeModel
    raise AttributeError(f"module 'pml' has no attribute '{name}'")
