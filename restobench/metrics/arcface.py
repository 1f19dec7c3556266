"""The face recognition network whose embeddings IDS compares: ResNet-18 of IR blocks, trained with ArcFace.

The network of the public project "arcface-pytorch" (`resnet_face18` without
squeeze-and-excitation, weights `resnet18_110.pth`), which ships as `arcface_resnet18.pth` with
several face restoration programs; ArcFace: Deng et al., CVPR 2019. Names and shapes are those
of the released weights.
"""

from torch import Tensor, nn


class IRBlock(nn.Module):
    """Two 3 x 3 convolutions with batch normalisation before, between and after them, and a shortcut.

    (N, C, H, W) -> (N, D, H / stride, W / stride). One PReLU serves twice.
    """

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        """The shortcut has weights where the shape changes."""
        super().__init__()
        self.bn0 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU()
        self.conv2 = nn.Conv2d(channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = nn.Sequential()
        if stride != 1 or channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """The block's sum, through its PReLU."""
        inner = self.prelu(self.bn1(self.conv1(self.bn0(x))))
        activated: Tensor = self.prelu(self.bn2(self.conv2(inner)) + self.downsample(x))
        return activated


class ArcFace(nn.Module):
    """Embeddings of faces: (N, 1, 128, 128), grey in [-1, 1] -> (N, 512), of no particular length."""

    def __init__(self) -> None:
        """Values are PyTorch's own random ones until a checkpoint is loaded."""
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU()
        self.maxpool = nn.MaxPool2d(2)
        self.layer1 = _stage(64, 64, stride=1)
        self.layer2 = _stage(64, 128, stride=2)
        self.layer3 = _stage(128, 256, stride=2)
        self.layer4 = _stage(256, 512, stride=2)
        self.bn4 = nn.BatchNorm2d(512)
        self.dropout = nn.Dropout()
        self.fc5 = nn.Linear(512 * 8 * 8, 512)
        self.bn5 = nn.BatchNorm1d(512)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 128, 128) -> (N, 512)."""
        x = self.maxpool(self.prelu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        x = self.dropout(self.bn4(x)).flatten(1)
        embedding: Tensor = self.bn5(self.fc5(x))
        return embedding


def _stage(channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(IRBlock(channels, out_channels, stride), IRBlock(out_channels, out_channels, 1))
