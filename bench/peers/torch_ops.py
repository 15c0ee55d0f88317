#!/usr/bin/env python3
"""The PyTorch side of `selfsame bench`: reads one JSON request a line, answers each with one JSON line.

{"prepare": SPEC} makes the inputs of a case (bench/case.ts says what a SPEC is), {"run": COUNT} runs it COUNT times and
answers when the device is done. An answer is {"done": true}, or {"error": MESSAGE} where PyTorch cannot. Everything is
float32 and without TF32; with the word `autocast` in half precision as PyTorch chooses it.

    python3 torch_ops.py THREADS [cuda] [autocast]
"""
import json
import sys

import torch
import torch.nn.functional as functional

from torch_simclr import simclr_step

DEVICE = 'cuda' if 'cuda' in sys.argv else 'cpu'
HALF = torch.float16 if DEVICE == 'cuda' else torch.bfloat16
TEMPERATURE, MOMENTUM, WEIGHT_DECAY, LEARNING_RATE, EMA_MOMENTUM = 0.5, 0.9, 5e-4, 0.01, 0.99
BETAS, EPSILON = (0.9, 0.999), 1e-5


def random(*shape):
    return torch.rand(*shape, device=DEVICE) * 2 - 1


def image(batch, size, channels):
    return random(batch, channels, size, size).contiguous(memory_format=torch.channels_last)


def convolution(spec):
    x = image(spec['batch'], spec['size'], spec['from'])
    dy = image(spec['batch'], spec['size'], spec['to'])
    weight = random(spec['to'], spec['from'], 3, 3).contiguous(memory_format=torch.channels_last)
    if spec['op'] == 'conv2d':
        return lambda: functional.conv2d(x, weight, padding=1)
    wanted = x if spec['op'] == 'conv2dBackwardData' else weight
    wanted.requires_grad_()
    with torch.enable_grad():
        y = functional.conv2d(x, weight, padding=1)
    return lambda: torch.autograd.grad(y, wanted, dy, retain_graph=True)


def batch_norm(spec):
    x = image(spec['batch'], spec['size'], spec['channels']).requires_grad_()
    dy = image(spec['batch'], spec['size'], spec['channels'])
    layer = torch.nn.BatchNorm2d(spec['channels']).to(DEVICE)

    def run():
        with torch.enable_grad():
            torch.autograd.grad(layer(x), (x, layer.weight, layer.bias), dy)

    return run


def nt_xent(spec):
    rows = spec['rows']
    z = functional.normalize(random(rows, spec['columns']), dim=1).requires_grad_()
    itself = torch.eye(rows, dtype=torch.bool, device=DEVICE)
    target = torch.arange(rows, device=DEVICE).roll(rows // 2)

    def run():
        with torch.enable_grad():
            logits = (z @ z.t() / TEMPERATURE).masked_fill(itself, float('-inf'))
            torch.autograd.grad(functional.cross_entropy(logits, target), z)

    return run


def info_nce(spec):
    queries = functional.normalize(random(spec['rows'], spec['columns']), dim=1).requires_grad_()
    positives = functional.normalize(random(spec['rows'], spec['columns']), dim=1)
    bank = functional.normalize(random(spec['keys'], spec['columns']), dim=1)
    target = torch.zeros(spec['rows'], dtype=torch.long, device=DEVICE)

    def run():
        with torch.enable_grad():
            logits = torch.cat([(queries * positives).sum(1, keepdim=True), queries @ bank.t()], dim=1) / TEMPERATURE
            torch.autograd.grad(functional.cross_entropy(logits, target), queries)

    return run


def parameters(spec):
    return [random(spec['width'], spec['width']) for _ in range(spec['tensors'])]


def ema(spec):
    moving, source = parameters(spec), parameters(spec)

    def run():
        for target, value in zip(moving, source):
            target.lerp_(value, 1 - EMA_MOMENTUM)

    return run


def sgd(spec):
    values = parameters(spec)
    for value in values:
        value.grad = random(*value.shape)
    return torch.optim.SGD(values, lr=LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY).step


def adamw(spec):
    values = parameters(spec)
    for value in values:
        value.grad = random(*value.shape)
    return torch.optim.AdamW(values, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON, weight_decay=WEIGHT_DECAY).step


def lars(spec):
    raise NotImplementedError('torch has no LARS')


def similarity_top_k(spec):
    queries = functional.normalize(random(spec['rows'], spec['columns']), dim=1)
    bank = functional.normalize(random(spec['keys'], spec['columns']), dim=1)
    return lambda: torch.topk(queries @ bank.t(), spec['k'])


def simclr(spec):
    return simclr_step(spec, DEVICE, TEMPERATURE, LEARNING_RATE, MOMENTUM, WEIGHT_DECAY)


def max_pool(spec):
    x = image(spec['batch'], spec['size'], spec['channels'])
    return lambda: functional.max_pool2d(x, 2)


def relu(spec):
    x = image(spec['batch'], spec['size'], spec['channels'])
    return lambda: functional.relu(x)


def add(spec):
    a, b = image(spec['batch'], spec['size'], spec['channels']), image(spec['batch'], spec['size'], spec['channels'])
    return lambda: a + b


def softmax(spec):
    x = random(spec['rows'], spec['columns'])
    return lambda: functional.softmax(x, dim=1)


def matmul(spec):
    a, b = random(spec['m'], spec['k']), random(spec['k'], spec['n'])
    return lambda: a @ b


CASES = {
    'matmul': matmul, 'conv2d': convolution, 'conv2dBackwardData': convolution, 'conv2dBackwardFilter': convolution,
    'maxPool2d': max_pool, 'softmax': softmax, 'batchNorm': batch_norm, 'relu': relu, 'add': add, 'ntXent': nt_xent,
    'infoNCE': info_nce, 'ema': ema, 'sgd': sgd, 'adamw': adamw, 'lars': lars, 'simclr': simclr, 'similarityTopK': similarity_top_k,
}


def answer(request, state):
    if 'prepare' in request:
        spec = request['prepare']
        if spec['op'] not in CASES:
            raise ValueError('has no augmentation of a batch by parameters of each image')
        state['run'] = CASES[spec['op']](spec)
        return
    with torch.autocast(DEVICE, HALF, enabled='autocast' in sys.argv):
        for _ in range(request['run']):
            state['run']()
    if DEVICE == 'cuda':
        torch.cuda.synchronize()


def main():
    if DEVICE == 'cuda' and not torch.cuda.is_available():
        print(json.dumps({'error': f'PyTorch {torch.__version__} sees no GPU'}), flush=True)
        return
    torch.set_num_threads(int(sys.argv[1]))
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.set_grad_enabled(False)
    print(json.dumps({'version': torch.__version__, 'device': DEVICE}), flush=True)
    state = {}
    for line in sys.stdin:
        try:
            answer(json.loads(line), state)
            reply = {'done': True}
        except Exception as error:
            reply = {'error': str(error).split('\n')[0]}
        print(json.dumps(reply), flush=True)


main()
