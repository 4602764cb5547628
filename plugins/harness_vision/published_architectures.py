"""Architectures of published checkpoints, written from their papers.

The networks for MNIST have their channels last, in which their gradients were faster on a CPU when timed alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, max_pool2d, pad, relu


class _Block(nn.Module):
    """Two 3x3 convolutions with a parameter-free shortcut (He et al. 2015, option A)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.stride, self.added = stride, channels_out - channels_in

    def forward(self, inputs: Tensor) -> Tensor:
        shortcut = pad(inputs[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.added // 2, self.added // 2))
        return relu(self.bn2(self.conv2(relu(self.bn1(self.conv1(inputs))))) + shortcut)


class CifarResNet(nn.Module):
    """A ResNet for CIFAR-10 with 6 * blocks + 2 layers (He et al. 2015, section 4.2)."""

    def __init__(self, blocks: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, 1, blocks)
        self.layer2 = self._stage(16, 32, 2, blocks)
        self.layer3 = self._stage(32, 64, 2, blocks)
        self.linear = nn.Linear(64, 10)

    @staticmethod
    def _stage(channels_in: int, channels_out: int, stride: int, blocks: int) -> nn.Sequential:
        first = _Block(channels_in, channels_out, stride)
        return nn.Sequential(first, *(_Block(channels_out, channels_out, 1) for _ in range(blocks - 1)))

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.layer3(self.layer2(self.layer1(relu(self.bn1(self.conv1(inputs))))))
        logits: Tensor = self.linear(adaptive_avg_pool2d(features, 1).flatten(1))
        return logits


class LeNet5(nn.Module):
    """The LeNet-5 variant of advertorch for MNIST."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.linear1 = nn.Linear(7 * 7 * 64, 200)
        self.linear2 = nn.Linear(200, 10)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, inputs: Tensor) -> Tensor:
        features = max_pool2d(relu(self.conv2(max_pool2d(relu(self.conv1(inputs)), 2))), 2)
        logits: Tensor = self.linear2(relu(self.linear1(features.flatten(1))))
        return logits


class _TwoConvolutions(nn.Sequential):
    """Two strided convolutions and a hidden layer, for images of `channels` that leave `size` values."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__(
            nn.Conv2d(channels, 16, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(size, 100),
            nn.ReLU(),
            nn.Linear(100, 10),
        )


class ConvexMnist(_TwoConvolutions):
    """The small convolutional network of Wong & Kolter 2018 for MNIST."""

    def __init__(self) -> None:
        super().__init__(1, 32 * 7 * 7)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class CnnA(_TwoConvolutions):
    """The adversarially trained network CNN-A for CIFAR-10 (Dathathri et al. 2020, arXiv:2010.11645, appendix)."""

    def __init__(self) -> None:
        super().__init__(3, 32 * 8 * 8)
