"""Times a layer of Mistral 7B on the `torch` kernels, see gpu.py.

A pass has several layers with weights of their own, more than the caches of a GPU hold, so that each reads its weights from
memory. GB/s counts weights, keys and values once; TFLOP/s counts two operations for each weight, and for each pair of a query and
a key that it attends to. Both are put beside what a copy in memory and a product of large matrices reach in the same run.
"""

import dataclasses
import time

import torch


@dataclasses.dataclass
class Shapes:
    hidden: int
    intermediate: int
    heads: int
    groups: int
    size: int
    layers: int
    prompt: int
    cached: int


MISTRAL_7B = Shapes(hidden=4096, intermediate=14336, heads=32, groups=8, size=128, layers=4, prompt=512, cached=4096)
SMALL = Shapes(hidden=256, intermediate=512, heads=8, groups=2, size=32, layers=2, prompt=80, cached=200)

GROUP = 32
EPSILON, NO_WINDOW = torch.tensor(1e-5), torch.tensor(0)
MOST_ROWS = {"cuda": 128, "cpu": 64}  # of the int4 operator, as in TorchQuantizedLinear.java


class Dense:
    def __init__(self, kernels, rows, columns, device):
        self.weight = torch.empty(rows, columns, dtype=torch.bfloat16, device=device).normal_(0, 0.02)
        self.kernels, self.weights, self.bytes = kernels, rows * columns, 2 * rows * columns

    def __call__(self, x):
        return self.kernels.linear(x, self.weight)


class Int4:
    """As TorchQuantizedLinear.java: PyTorch's operator for few tokens, else the dequantized weight. Symmetric, float16 scales."""

    def __init__(self, kernels, rows, columns, device):
        self.kernels, self.device, self.weights = kernels, device, rows * columns
        self.codes = torch.randint(0, 256, (rows // 16, columns // 8, 64), dtype=torch.uint8, device=device)
        self.scales = torch.full((rows // 16, columns // GROUP, 16), 0.005, dtype=torch.float16, device=device)
        self.offsets = torch.zeros(0, device=device)
        self.rows, self.bfloat16 = torch.tensor(rows), torch.tensor(15)
        self.bytes = self.weights // 2 + 4 * self.weights // GROUP
        self.both = self.packed = None
        if device.type != "meta":  # whose operators lack a shape
            self.both = kernels.int4_scales_and_zeros(self.scales, self.offsets)
            self.packed = (kernels.int4_pack_cuda(self.codes, self.both) if device.type == "cuda"
                           else kernels.int4_pack_cpu(self.codes))

    def operator(self, x):
        linear = self.kernels.int4_linear_cuda if self.device.type == "cuda" else self.kernels.int4_linear_cpu
        return linear(x, self.packed, self.both, self.rows)

    def dequantized(self, x):
        return self.kernels.linear(x, self.kernels.int4_dequantize(self.codes, self.scales, self.offsets, self.rows, self.bfloat16))

    def __call__(self, x):
        few = self.packed is not None and x.shape[1] <= MOST_ROWS[self.device.type]
        return self.operator(x) if few else self.dequantized(x)


class Layer:
    def __init__(self, kernels, shapes, matrix, device):
        s, self.kernels, self.shapes = shapes, kernels, shapes
        self.norms = torch.ones(2, s.hidden, dtype=torch.bfloat16, device=device)
        kv = s.groups * s.size
        sizes = {"q": (s.heads * s.size, s.hidden), "k": (kv, s.hidden), "v": (kv, s.hidden), "o": (s.hidden, s.heads * s.size),
                 "gate": (s.intermediate, s.hidden), "up": (s.intermediate, s.hidden), "down": (s.hidden, s.intermediate)}
        self.linear = {name: matrix(kernels, *size, device) for name, size in sizes.items()}
        self.keys, self.values = torch.zeros(2, 1, s.groups, s.cached + s.prompt, s.size, dtype=torch.bfloat16, device=device)

    def __call__(self, x, tables, slots, end):
        k, w = self.kernels, self.linear
        normed = k.rms_norm(x, self.norms[0], EPSILON)
        q, _, _ = k.rotary_update(w["q"](normed), w["k"](normed), w["v"](normed), *tables, self.keys, self.values, slots)
        h = x + w["o"](k.attention(q, self.keys[:, :, :end], self.values[:, :, :end], NO_WINDOW))
        normed = k.rms_norm(h, self.norms[1], EPSILON)
        return h + w["down"](k.swiglu(w["gate"](normed), w["up"](normed)))


class Pass:
    """A pass over `tokens` tokens after `past` others."""

    def __init__(self, kernels, layers, tokens, past):
        s, device = layers[0].shapes, layers[0].keys.device
        self.layers, self.tokens, self.end = layers, tokens, past + tokens
        self.slots = torch.arange(past, self.end, device=device)
        frequencies = (10000.0 ** (-torch.arange(0, s.size, 2, device=device) / s.size)).float()
        self.tables = kernels.angles(self.slots[None], frequencies, torch.tensor(15))
        self.input = torch.ones(1, tokens, s.hidden, dtype=torch.bfloat16, device=device)
        linear = [matrix for layer in layers for matrix in layer.linear.values()]
        pairs = tokens * past + tokens * (tokens + 1) // 2
        self.bytes = sum(matrix.bytes for matrix in linear) + len(layers) * 4 * s.groups * s.size * self.end
        self.operations = 2 * tokens * sum(matrix.weights for matrix in linear) + len(layers) * 4 * s.heads * s.size * pairs

    def __call__(self):
        x = self.input
        for layer in self.layers:
            x = layer(x, self.tables, self.slots, self.end)
        return x


def seconds(run, device):
    """The time of a call: the median of 5 series of about 0.1 s each."""
    def series(count):
        if device.type == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(count):
            run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / count

    series(3)
    count = max(1, min(200, int(0.1 / series(1))))
    return sorted(series(count) for _ in range(5))[2]


def limits(device):
    """Measures bytes/s of a copy, read and written bytes together, and operations/s of a bfloat16 product."""
    small = device.type == "cpu"
    source = torch.ones(2**24 if small else 2**30, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    n = 512 if small else 8192
    a, b = torch.randn(2, n, n, device=device).to(torch.bfloat16)
    return 2 * source.numel() / seconds(lambda: target.copy_(source), device), 2 * n**3 / seconds(lambda: a @ b.T, device)


def captured(run):
    """Returns a CUDA graph of a pass, which leaves the launches of its kernels to the GPU."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        run()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph


def backends(run, device):
    """Returns the names of the attention kernels that a call uses."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as profile:
        run()
    names = {event.name for event in profile.events() if event.name.startswith("aten::_scaled_dot_product_")}
    short = {name.removeprefix("aten::_scaled_dot_product_").replace("_attention", "") for name in names}
    return sorted(short) or ["none"]


def attention_backends(kernels, s, device):
    """Prints which kernel computes attention; returns whether a prompt's first chunk has the flash kernel (or cuDNN's)."""
    def arrays(t, n):
        shape = (1, s.heads, t, s.size), (1, s.groups, n, s.size)
        return [torch.ones(x, dtype=torch.bfloat16, device=device) for x in (shape[0], shape[1], shape[1])]

    t, n = s.prompt, s.cached
    cases = {f"{t} tokens": (arrays(t, t), 0), f"{t} tokens after {n - t}": (arrays(t, n), 0),
             f"{t} tokens, window {t // 2}": (arrays(t, t), t // 2), f"1 token, {n} keys": (arrays(1, n), 0)}
    good = True
    print("attention kernels in bfloat16")
    for name, (qkv, window) in cases.items():
        found = backends(lambda: kernels.attention(*qkv, torch.tensor(window)), device)
        print(f"  {name:26} {', '.join(found)}")
        if name == f"{t} tokens":
            good = any("flash" in kernel or "cudnn" in kernel for kernel in found)
    masked = arrays(t, t)
    mask = torch.zeros(1, 1, t, t, device=device)
    print(f"  {f'{t} tokens with a mask':26} {', '.join(backends(lambda: kernels.attention_masked(*masked, mask), device))}")
    if not good:
        print("  FAILED: prefill does not use flash attention")
    return good


def waits(kernels, shapes, device):
    """Prints whether a pass reads results back, which would make the host wait; returns whether none does.

    On a GPU PyTorch raises an error at such a read. On a CPU the pass is run on tensors without data, which cannot be read."""
    good = True
    for name, matrix in (("bf16", Dense), ("int4", Int4)):
        where = device if device.type == "cuda" else torch.device("meta")
        layers = [Layer(kernels, shapes, matrix, where) for _ in range(2)]
        for tokens, past in ((1, shapes.cached), (shapes.prompt, 0)):
            run = Pass(kernels, layers, tokens, past)
            try:
                if device.type == "cuda":
                    run()
                    torch.cuda.set_sync_debug_mode("error")
                run()
            except RuntimeError as error:
                print(f"FAILED: a pass of {tokens} tokens in {name} waits for its results:\n{error}")
                good = False
            finally:
                if device.type == "cuda":
                    torch.cuda.set_sync_debug_mode("default")
    if good:
        print("no pass waits for its results between or in layers")
    return good


def times(kernels, s, device):
    bandwidth, rate = limits(device)
    print(f"a copy moves {bandwidth / 1e9:.0f} GB/s, a bfloat16 product computes {rate / 1e12:.3f} TFLOP/s\n")
    print(f"{'a layer':32}{'':10}{'ms':>9}{'GB/s':>9}{'of copy':>9}{'TFLOP/s':>9}{'of product':>11}")
    for name, matrix in (("bf16", Dense), (f"int4, groups of {GROUP}", Int4)):
        layers = [Layer(kernels, s, matrix, device) for _ in range(s.layers)]
        for tokens, past in ((1, s.cached), (s.prompt, 0)):
            run = Pass(kernels, layers, tokens, past)
            forms = [("", run)]
            if device.type == "cuda":
                forms.append(("as a graph", captured(run).replay))
            for form, call in forms:
                t = seconds(call, device)
                print(f"{f'{tokens} tokens, {name}':32}{form:10}{t / s.layers * 1e3:9.3f}{run.bytes / t / 1e9:9.1f}"
                      f"{run.bytes / t / bandwidth:9.0%}{run.operations / t / 1e12:9.3f}{run.operations / t / rate:11.0%}")
    print(f"\nproducts of {s.intermediate} x {s.hidden} in int4, ms; the engine uses the operator up to {MOST_ROWS[device.type]} tokens")
    matrix = Int4(kernels, s.intermediate, s.hidden, device)
    for tokens in (1, 4, 16, 64, 128, 256):
        x = torch.ones(1, tokens, s.hidden, dtype=torch.bfloat16, device=device)
        both = (seconds(lambda form=form: form(x), device) * 1e3 for form in (matrix.operator, matrix.dequantized))
        print(f"{tokens:4} tokens: operator {next(both):7.3f}, dequantized {next(both):7.3f}")


@torch.inference_mode()
def report(kernels, device):
    """Prints everything; returns whether what is required was found."""
    shapes = MISTRAL_7B if device.type == "cuda" else SMALL
    if device.type == "cpu":
        print("small shapes on a CPU: the times below say nothing about a GPU\n")
    good = attention_backends(kernels, shapes, device)
    print()
    good &= waits(kernels, shapes, device)
    print()
    times(kernels, shapes, device)
    return good
