"""The scale of pixels that the suite gives to every backbone, and the change to that of a published network."""

import torch
from torch import Tensor, nn

# Of red, green and blue from 0 to 1: the statistics of ImageNet, which torchvision's weights expect.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class OwnScale(nn.Module):
    """A network behind the change of scale.

    Folded into the first convolution instead, the change would be wrong at the border, which the network fills with zeros of
    its own scale.

    Args:
        mean, std: of red, green and blue, what the network takes off pixels from 0 to 255, and then divides them by.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        self.network = network
        ours, its = (255 * torch.tensor([MEAN, STD])).view(2, 3, 1, 1), torch.tensor([mean, std]).view(2, 3, 1, 1)
        self.register_buffer("scale", ours[1] / its[1], persistent=False)
        self.register_buffer("shift", (ours[0] - its[0]) / its[1], persistent=False)

    def forward(self, faces: Tensor) -> Tensor:
        """Return (N, D) features of (N, 3, H, W) normalised RGB faces."""
        return self.network(faces * self.scale + self.shift)
