"""What is trained of a network: a small trunk on its features, or its last blocks."""

import torch
from torch import Tensor, nn

from pml.errors import InputError
from pml.methods.method import Network
from pml.suite.settings import Frozen

SEQUENCES = (nn.Sequential, nn.ModuleList)


def build_trunk(embedding_dim: int, frozen: Frozen) -> Network:
    """Return the trunk that learns on (N, D) features of a network that stands still."""
    layers = [Dropout(frozen.dropout), nn.Linear(embedding_dim, frozen.width), nn.BatchNorm1d(frozen.width), nn.ReLU()]
    return nn.Sequential(*layers), frozen.width


class Dropout(nn.Dropout):
    """torch's own, which on a CPU takes twice as long to draw what is left out: a fifth of a step on embeddings."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs, in training with a share `p` of them at 0 and the others larger by as much."""
        return inputs * (torch.rand_like(inputs) >= self.p) / (1 - self.p) if self.training else inputs


def blocks_of(network: nn.Module) -> list[nn.Module]:
    """Return the blocks of a network in order: the modules inside its sequences, of sequences of sequences the innermost.

    So they are the residual blocks of a ResNet and of most networks of timm.
    """
    sequence = isinstance(network, SEQUENCES)
    return [
        block
        for child in network.children()
        for block in ([child] if sequence and not isinstance(child, SEQUENCES) else blocks_of(child))
    ]


def freeze(network: nn.Module, trained_blocks: int) -> list[nn.Module]:
    """Take gradients off all weights that stand before the last `trained_blocks` blocks; return the modules that hold them.

    What comes after those blocks is trained with them. A network has to list its modules in the order in which it runs them.

    Raises:
        InputError: the network has fewer blocks.
    """
    blocks = blocks_of(network)
    if len(blocks) < trained_blocks:
        raise InputError(f"training.trained_blocks: {trained_blocks}, but the backbone has {len(blocks)} blocks; give fewer")
    first = blocks[-trained_blocks]
    still = []
    for module in network.modules():
        if module is first:
            break
        still.append(module)
        for weight in module.parameters(recurse=False):
            weight.requires_grad_(False)
    return still
