"""A step of SimCLR in plain PyTorch: what the case `simclr` of `selfsame bench` is measured beside.

The same network, batch, loss and optimiser as the recipe `peer`, and augmentations of as many kinds, on tensors that
already lie on the device. Nothing is compiled or captured: this is eager PyTorch as most people write it.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as functional

STAGES = {'resnet8': ((32, 64, 128), 1), 'resnet18': ((64, 128, 256, 512), 2)}
OUTPUTS = 128
LUMA = (0.299, 0.587, 0.114)


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return functional.relu(self.body(x) + self.shortcut(x))


def network(name, channels):
    """The encoder with a 3x3 stem, then the projector: features, twice as many, OUTPUTS."""
    widths, depth = STAGES[name]
    layers = [nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
    inputs = widths[0]
    for stage, outputs in enumerate(widths):
        for block in range(depth):
            layers.append(Block(inputs, outputs, 2 if stage > 0 and block == 0 else 1))
            inputs = outputs
    features = widths[-1]
    head = [nn.Linear(features, 2 * features, bias=False), nn.BatchNorm1d(2 * features), nn.ReLU(inplace=True),
            nn.Linear(2 * features, OUTPUTS)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *head)


def view(images):
    """A random crop, flip or turn, then brightness, contrast, saturation and grey for images in colour."""
    count, channels = images.shape[:2]
    device = images.device

    def uniform(low, high):
        return low + (high - low) * torch.rand(count, 1, 1, 1, device=device)

    area, aspect = uniform(0.2, 1), torch.exp(uniform(math.log(3 / 4), math.log(4 / 3)))
    width, height = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    mirrored = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0) if channels == 3 else torch.ones_like(width)
    rows = [torch.cat([width * mirrored, torch.zeros_like(width), uniform(-1, 1) * (1 - width)], dim=3),
            torch.cat([torch.zeros_like(width), height, uniform(-1, 1) * (1 - height)], dim=3)]
    grid = functional.affine_grid(torch.cat(rows, dim=2)[:, 0], images.shape, align_corners=False)
    padding = 'reflection' if channels == 3 else 'zeros'
    x = functional.grid_sample(images.float() / 255, grid, padding_mode=padding, align_corners=False)

    coloured = (x * uniform(0.6, 1.4)).clamp(0, 1)
    mean = coloured.mean(dim=(1, 2, 3), keepdim=True)
    coloured = (mean + (coloured - mean) * uniform(0.6, 1.4)).clamp(0, 1)
    if channels == 3:
        luma = torch.tensor(LUMA, device=device).view(1, 3, 1, 1)
        grey = (coloured * luma).sum(dim=1, keepdim=True)
        coloured = (grey + (coloured - grey) * uniform(0.6, 1.4)).clamp(0, 1)
    x = torch.where(uniform(0, 1) < 0.8, coloured, x)
    if channels == 3:
        x = torch.where(uniform(0, 1) < 0.2, (x * luma).sum(dim=1, keepdim=True), x)
    return ((x - 0.5) / 0.25).contiguous(memory_format=torch.channels_last)


def simclr_step(spec, device, temperature, learning_rate, momentum, weight_decay):
    """A function that trains one step on the next of two batches."""
    batch, size, channels = spec['batch'], spec['size'], spec['channels']
    images = torch.randint(0, 256, (2 * batch, channels, size, size), dtype=torch.uint8, device=device)
    model = network(spec['encoder'], channels).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=momentum, weight_decay=weight_decay)
    target = torch.arange(2 * batch, device=device).roll(batch)

    def run():
        with torch.enable_grad():
            chosen = images[torch.randperm(2 * batch, device=device)[:batch]]
            z = functional.normalize(model(torch.cat([view(chosen), view(chosen)])).float(), dim=1)
            similarities = (z @ z.t()).float() / temperature
            similarities.fill_diagonal_(float('-inf'))
            loss = functional.cross_entropy(similarities, target)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    return run
