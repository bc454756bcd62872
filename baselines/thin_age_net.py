"""ThinAgeNet and TinyAgeNet, the networks of DLDL-v2.

Gao et al., "Age Estimation Using Expectation of Label Distribution Learning", IJCAI 2018; code gaobb/DLDL-v2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from baselines.dldl_v2 import DLDLv2
from pml.methods.method import Method, Network
from pml.options import require_above

CHANNELS = {"thin": 32, "tiny": 16}  # of the first block, where VGG-16 has 64
BLOCKS = [(1, 2), (2, 2), (4, 3), (8, 3), (8, 3)]  # each block's channels in those of the first, and its convolutions


class ThinAgeNet(DLDLv2):
    """DLDL-v2 on a network of its own: a narrow VGG-16 with batch normalisation, and pooling in place of its wide layers."""

    @dataclass(frozen=True)
    class Options(DLDLv2.Options):
        """Settings of DLDL-v2 and of the network.

        Args:
            width: "thin" has half the channels of VGG-16, "tiny" a quarter.
            network_rate: share that the network has of the learning rate, in place of the config's for a pre-trained one. The
                released code's, for weights that had learnt faces, is 1 at a rate of 0.001. A tenth is ours: the network starts
                from random weights, and where they move fast the running statistics of its normalisation lag behind.
        """

        width: Literal["thin", "tiny"] = "thin"
        network_rate: float = 0.1

        def __post_init__(self):
            super().__post_init__()
            require_above(0, network_rate=self.network_rate)

    options: Options

    @classmethod
    def backbone(cls, shared: Callable[[], Network], options: Method.Options) -> Network:
        assert isinstance(options, cls.Options)
        return _network(CHANNELS[options.width])

    def parameter_groups(self, backbone: nn.Module, backbone_rate: float) -> list[dict]:
        return super().parameter_groups(backbone, self.options.network_rate)


def _network(width: int) -> Network:
    layers: list[nn.Module] = []
    inputs = 3
    for factor, convolutions in BLOCKS:
        for _ in range(convolutions):
            convolution = nn.Conv2d(inputs, inputs := factor * width, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
            layers += [convolution, nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), inputs
