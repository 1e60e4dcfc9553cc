"""Optimizers, learning rates and clipping by themselves: `training/optimizers.json`.

AdamW and clipping are PyTorch's, the schedules are those of transformers, and Lion follows Algorithm 2 of "Symbolic Discovery of
Optimization Algorithms" (Chen et al., 2023) in numpy.
"""

import numpy as np
import torch
from transformers import get_scheduler

from common import output_folder, write_json

STEPS, WARMUP, TOTAL = 5, 3, 20


def main():
    output = output_folder(__doc__) / "training"
    source = np.random.default_rng(2025)
    start = source.normal(0, 1, 6).astype(np.float32)
    gradients = (source.normal(0, 1, (STEPS, 6)) * [1, 1e-3, 1e-6, 10, 1, 0]).astype(np.float32)
    gradients[2, 4] = 0
    given = [{"lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.1},
             {"lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0},
             {"lr": 0.3, "betas": [0.8, 0.95], "eps": 1e-4, "weight_decay": 0.01}]
    lion_given = [{"lr": 0.003, "betas": [0.9, 0.99], "weight_decay": 0.3},
                  {"lr": 0.01, "betas": [0.95, 0.98], "weight_decay": 0.0}]
    write_json(output / "optimizers.json", {
        "start": start.tolist(), "gradients": gradients.tolist(),
        "adamw": [options | {"values": adamw(start, gradients, **options)} for options in given],
        "lion": [options | {"values": lion(start, gradients, **options)} for options in lion_given],
        "schedules": {"warmup_steps": WARMUP, "steps": TOTAL, "learning_rate": 1.0,
                      "rates": {name: rates(name) for name in ("constant", "constant_with_warmup", "linear", "cosine")}},
        "clipping": [clip(gradients[:2], norm) for norm in (1.0, 100.0)]})


def adamw(start, gradients, **options):
    """The values after each step."""
    weight = torch.tensor(start, requires_grad=True)
    optimizer, values = torch.optim.AdamW([weight], **options), []
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        optimizer.step()
        values.append(weight.tolist())
    return values


def lion(start, gradients, lr, betas, weight_decay):
    weight, average, values = start.astype(np.float64), np.zeros(start.shape), []
    for gradient in gradients.astype(np.float64):
        update = np.sign(betas[0] * average + (1 - betas[0]) * gradient)
        weight = weight - lr * (update + weight_decay * weight)
        average = betas[1] * average + (1 - betas[1]) * gradient
        values.append(weight.tolist())
    return values


def rates(name):
    """The learning rate of each step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, values = get_scheduler(name, optimizer, WARMUP, TOTAL), []
    for _ in range(TOTAL):
        values.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return values


def clip(gradients, norm):
    weights = [torch.zeros(gradient.shape, requires_grad=True) for gradient in gradients]
    for weight, gradient in zip(weights, gradients):
        weight.grad = torch.tensor(gradient)
    total = torch.nn.utils.clip_grad_norm_(weights, norm)
    return {"max_norm": norm, "gradients": gradients.tolist(), "norm": total.item(),
            "clipped": [weight.grad.tolist() for weight in weights]}


if __name__ == "__main__":
    main()
