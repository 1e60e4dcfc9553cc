"""Compares the methods of training and the optimizers of the `torch` kernels with formulas in float64, see gpu.py.

Everything but the results for the network is float32, in any type of the network. e = 2^-24 is its unit roundoff; scalars of the
optimizers are float64 and rounded to float32 in an operation, which counts as one error of e more. Bounds are of first order in e.
"""

import torch

E = 2.0**-24
SMALLEST = 2.0**-126  # of the normal numbers of float32, below which an exponential may be 0


def training(c):
    lora(c)
    for rows, columns, scale in ((1, 7, 1.0), (5, 300, 5.0), (9, 4100, 5.0), (3, 64, 1000.0)):
        logits, labels = c.normal(rows, columns) * scale, c.integers(0, columns, rows)
        labels[0] = logits[0].argmax()  # whose gradient is small, a difference from 1
        log_probabilities(c, logits, labels)
        logit_gradients(c, logits, labels)


def lora(c):
    """y + s (x A^T) B^T. The products sum K and r numbers, and s multiplies; then the sum is rounded twice."""
    for tokens, inputs, outputs, rank, scale in ((1, 64, 5, 1, 2.0), (7, 200, 33, 8, 0.3), (12, 4096, 70, 64, 1.0)):
        y, x = c.normal(1, tokens, outputs), c.normal(1, tokens, inputs)
        a, b = c.normal(rank, inputs, dtype=torch.float32), c.normal(outputs, rank, dtype=torch.float32)
        s = c.number(scale)
        exact = y.double() + s.double() * (x.double() @ a.double().T @ b.double().T)
        size = s.double() * (x.double().abs() @ a.double().abs().T @ b.double().abs().T)
        bound = (c.u + E) * exact.abs() + (inputs + rank + 2) * E * size
        c.near("lora", c.kernels.lora(y, x, a, b, s), exact, bound, c.dtype)


def greatest(logits):
    """(N, 1): no number in the logarithm of the softmax, or between, is greater than 2 max |logit| + log V."""
    return 2 * logits.double().abs().amax(-1, keepdim=True) + torch.tensor(float(logits.shape[-1])).log()


def log_probabilities(c, logits, labels):
    """The sum of V exponentials has a relative error of V e for the sum, 4 e for the exponential and e |x - max| for its argument:
    the absolute error of its logarithm. That is rounded to 2 e, and two differences to e, of numbers limited by `greatest`."""
    columns = logits.shape[1]
    exact = torch.log_softmax(logits.double(), -1)
    bound = (columns + 4 + 5 * greatest(logits)) * E
    picked = exact.gather(1, labels[:, None]).squeeze(1)
    actual, means = c.kernels.log_probabilities_and_means(logits, labels)
    for name, values in (("log_probabilities", c.kernels.log_probabilities(logits, labels)), ("log_probabilities_and_means", actual)):
        c.near(name, values, picked, bound.squeeze(1), torch.float32)
    # a sum of V numbers and a quotient
    bound = bound.squeeze(1) + (columns + 1) * E * exact.abs().mean(-1)
    c.near("log_probabilities_and_means", means, exact.mean(-1), bound, torch.float32)


def logit_gradients(c, logits, labels):
    """g (onehot - p) + m (1/V - p). p is an exponential divided by the sum above, each with the error of its argument."""
    columns = logits.shape[1]
    probability = torch.softmax(logits.double(), -1)
    relative = (columns + 10 + 2 * greatest(logits)) * E
    onehot = torch.nn.functional.one_hot(labels, columns).double()
    gradients = c.normal(logits.shape[0], dtype=torch.float32)
    for name, means in (("logit_gradients", gradients * 0), ("smoothed_logit_gradients", gradients.flip(0) * 0.3)):
        smoothed = name == "smoothed_logit_gradients"
        actual = getattr(c.kernels, name)(logits, labels, gradients, *([means] if smoothed else []))
        g, m = gradients.double()[:, None], means.double()[:, None]
        exact = g * (onehot - probability) + m * (1 / columns - probability)
        # g + m, its product with p, m / V and three sums are rounded
        bound = (g + m).abs() * ((relative + 4 * E) * probability + SMALLEST) + 4 * E * m.abs() / columns + (c.u + E) * exact.abs()
        c.near(name, actual, exact, bound, c.dtype)


def optimizers(c):
    basics(c)
    quantization(c)
    # step, factor, learning rate, beta1, beta2, decay, epsilon; the first step starts from states that are 0
    cases = ((1, 1.0, 1e-3, 0.9, 0.999, 0.0, 1e-8), (2, 0.37, 2e-2, 0.9, 0.95, 0.1, 1e-6), (1000, 0.5, 1e-4, 0.8, 0.999, 0.01, 1e-8))
    # more than the 2^16 elements that are updated at a time on a CPU, and 2^24 on a GPU
    shapes = [(1, 1), (3, 30001)] + ([(4097, 4096)] if c.device.type == "cuda" and c.dtype == torch.bfloat16 else [])
    for shape in shapes:
        for case in cases:
            update(c, shape, case)
            adamw(c, shape, case)
            adamw_8bit(c, shape, case)
            lion(c, shape, case)


def basics(c):
    k = c.kernels
    x, wide = c.normal(4, 6), c.normal(4, 6, dtype=torch.float32)
    bits = c.normal(4, 6, dtype=torch.bfloat16)
    c.same("as_bfloat16", k.as_bfloat16(bits.view(torch.float16)[1:]), bits[1:])
    c.same("as_float16", k.as_float16(bits.T), bits.T.contiguous().view(torch.float16))
    target = torch.zeros_like(wide)
    k.copy(target, x)
    c.same("copy", target, x.float())
    target = torch.zeros_like(x)
    k.finish(target, wide)
    # a parameter in float32 is its own master
    c.same("finish", target, x * 0 if c.dtype == torch.float32 else wide.to(c.dtype))
    # the squares of these would overflow and underflow
    scales = (1.0, 1e4, 1e-4) if c.dtype == torch.float16 else (1.0, 1e30, 1e-30)
    arrays = [c.normal(*shape) * scale for shape, scale in zip(((7, 11), (70001,), (1,)), scales)]
    exact = torch.stack([(array.double() ** 2).sum().sqrt() for array in arrays])
    counts = torch.tensor([array.numel() for array in arrays], device=c.device)
    # the sum of the formula has the same error, n 2^-53, of which the root has half
    c.near("norms", k.norms(arrays), exact, (counts + 2) * 2.0**-53 * exact, torch.float64)
    count = k.zero(arrays)
    c.same("zero", torch.tensor(count), torch.tensor(len(arrays)))
    for array in arrays:
        c.same("zero", array, torch.zeros_like(array))


def quantization(c):
    maps = tables(c)
    for size, scale in ((256, 1.0), (1000, 1e-6), (90001, 1e3)):
        blocks = -(-size // 256)
        for signed in (True, False):
            values, borders = maps[0 if signed else 1], maps[2 if signed else 3][:255]
            x = c.normal(size, dtype=torch.float32) * scale
            x[256:300] *= 1e-5
            x[512:768] = 0
            x = x if signed else x.abs()
            codes, absmax = torch.full((blocks * 256,), 7, dtype=torch.uint8, device=c.device), torch.zeros(blocks, device=c.device)
            c.kernels.compress(x, codes, absmax, borders)
            c.same("compress", absmax, padded(x).abs().amax(1))
            nearest(c, "compress", codes, absmax, values, x.double(), torch.zeros_like(x))
            exact = values[codes.long()] * absmax.repeat_interleave(256)
            c.same("expand", c.kernels.expand(codes, absmax, values), exact)


def tables(c):
    """DynamicMap.java: signed and unsigned values, and the middles between neighbors of each, which end with an unused 0."""
    rows = []
    for signed in (True, False):
        values = [0.0, 1.0]
        for power in range(7):
            parts = 2 ** (power + (not signed))
            middles = [10.0 ** (power - 6) * (0.1 + 0.9 * (part + 0.5) / parts) for part in range(parts)]
            values += middles + [-x for x in middles if signed]
        rows.append(torch.tensor(sorted(values)))
    middles = [torch.cat([(x[1:] + x[:-1]) / 2, torch.zeros(1)]) for x in rows]
    return torch.stack(rows + middles).to(c.device)


def padded(x):
    """Blocks of 256 elements of a vector, the last filled with 0."""
    return torch.nn.functional.pad(x, (0, -len(x) % 256)).reshape(-1, 256)


def nearest(c, method, codes, absmax, values, x, error):
    """A code must be that of the value nearest to x / absmax, where x has an error. The quotient and the middle between two values
    are rounded, so a value may be farther than the nearest by twice these errors."""
    blocks, divisor, values = padded(x), absmax.double().clamp_min(SMALLEST)[:, None], values.double()
    scaled = blocks / divisor
    above = torch.searchsorted(values, scaled).clamp(1, 255)
    least = torch.minimum((values[above] - scaled).abs(), (values[above - 1] - scaled).abs())
    excess = (values[codes.long()].reshape(blocks.shape) - scaled).abs() - least
    bound = 2 * (padded(error.double()) / divisor + 2.01 * E * scaled.abs())
    c.near(method, excess, torch.zeros_like(excess), bound)


def mixed(state, gradient, weight):
    """state + w (gradient - state) and its bound. The factor of the gradient and its product, then w, the difference, the product and
    the sum are rounded."""
    exact = state + weight * (gradient - state)
    return exact, E * (exact.abs() + 5 * weight * (gradient.abs() + state.abs()))


class Adam:
    """The formulas of AdamW for states before an update, in float64, and their bounds."""

    def __init__(self, p, g, m, v, case):
        step, factor, rate, beta1, beta2, decay, epsilon = case
        p, m, v, h = p.double(), m.double(), v.double(), g.double() * factor
        self.m, self.m_bound = mixed(m, h, 1 - beta1)
        # a sum of positive numbers: rounded twice b2 v, whose v is a rounded square with states in 8 bits, 7 times (1 - b2) h h
        self.v = beta2 * v + (1 - beta2) * h * h
        self.v_bound = 8 * E * self.v
        self.root_bound = 5 * E * self.v.sqrt()
        # then the quotient and the sum with epsilon, up to 5 errors
        root = self.v.sqrt() / (1 - beta2**step) ** 0.5 + epsilon
        rate1 = rate / (1 - beta1**step)
        change = rate1 * self.m / root
        self.p = p * (1 - rate * decay) - change
        # the rate, its product and the quotient, and the errors of m and the root
        self.p_bound = E * (self.p.abs() + 2 * p.abs() + 13 * change.abs()) + rate1 / root * self.m_bound


def parameter(c, shape):
    """A parameter, its master, and a gradient that is not contiguous."""
    p = c.normal(*shape)
    g = c.normal(*reversed(shape)).T * 0.1
    g[0, :3] = 0
    return p, p if c.dtype == torch.float32 else p.float() + 2.0**-10 * c.normal(*shape).float(), g


def state(c, shape, step):
    """Float32, 0 before the first step."""
    x = c.normal(*shape, dtype=torch.float32) * (0.1 if step > 1 else 0)
    x[0, :2] = 0
    return x


def update(c, shape, case):
    p, g = c.normal(*shape, dtype=torch.float32), c.normal(*shape, dtype=torch.float32) * 0.1
    m, v = state(c, shape, case[0]), state(c, shape, case[0]) ** 2
    expected = Adam(p, g, m, v, case)
    c.kernels.update(p, g, m, v, *case)
    updated(c, "update", expected, p, m, v)


def updated(c, method, expected, p, m, v):
    c.near(method, p, expected.p, expected.p_bound, torch.float32)
    c.near(method, m, expected.m, expected.m_bound, torch.float32)
    c.near(method, v, expected.v, expected.v_bound, torch.float32)


def adamw(c, shape, case):
    p, master, g = parameter(c, shape)
    m, v = state(c, shape, case[0]), state(c, shape, case[0]) ** 2
    expected = Adam(master, g, m, v, case)
    c.kernels.adamw(p, master, g, m, v, *case)
    updated(c, "adamw", expected, master, m, v)
    c.same("adamw", p, master.to(c.dtype))


def adamw_8bit(c, shape, case):
    p, master, g = parameter(c, shape)
    maps, size = tables(c), p.numel()
    blocks = -(-size // 256)
    absmax = [c.normal(blocks, dtype=torch.float32).abs() * (0.1 if case[0] > 1 else 0) for _ in range(2)]
    codes = [c.integers(0, 256, blocks * 256, dtype=torch.uint8) for _ in range(2)]
    m, r = ((values[code.long()] * scale.repeat_interleave(256))[:size].reshape(shape)
            for values, code, scale in zip(maps, codes, absmax))
    expected = Adam(master, g, m, r.double() ** 2, case)
    c.kernels.adamw_8bit(p, master, g, codes[0], absmax[0], codes[1], absmax[1], maps, *case)
    c.near("adamw_8bit", master, expected.p, expected.p_bound, torch.float32)
    c.same("adamw_8bit", p, master.to(c.dtype))
    states = ((expected.m, expected.m_bound), (expected.v.sqrt(), expected.root_bound))
    for (x, bound), code, scale, values in zip(states, codes, absmax, maps):
        x, bound = x.reshape(-1), bound.reshape(-1)
        # the greatest of a block has at most the greatest error
        c.near("adamw_8bit", scale, padded(x).abs().amax(1), padded(bound).amax(1), torch.float32)
        nearest(c, "adamw_8bit", code, scale, values, x, bound)


def lion(c, shape, case):
    p, master, g = parameter(c, shape)
    m = state(c, shape, case[0])
    step, factor, rate, beta1, beta2, decay, _ = case
    h = g.double() * factor
    between, error = mixed(m.double(), h, 1 - beta1)
    moment, moment_bound = mixed(m.double(), h, 1 - beta2)
    before = master.double()
    exact = before * (1 - rate * decay) - rate * between.sign()
    # an error greater than the number leaves its sign open
    bound = E * (exact.abs() + 2 * before.abs() + 2 * rate) + 2 * rate * (between.abs() < error)
    c.kernels.lion(p, master, g, m, factor, rate, beta1, beta2, decay)
    c.near("lion", master, exact, bound, torch.float32)
    c.near("lion", m, moment, moment_bound, torch.float32)
    c.same("lion", p, master.to(c.dtype))
