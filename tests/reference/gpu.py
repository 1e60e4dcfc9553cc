"""Compares and times the `torch` kernels in Python's PyTorch, on a GPU where there is one.
(This script cannot be called cuda.py, as PyTorch imports NVIDIA's package `cuda`.)

    python tests/reference/gpu.py ARCHIVE [--device cuda|cpu]

ARCHIVE is the TorchScript archive that the engine assembles, see README.md; that of the optimizers is ARCHIVE with the source
torch_optimizer.py. Every method of both is compared with a formula in float64, in float32, bfloat16 and float16 (training and
optimizers: gpu_training.py); then a layer of Mistral 7B is timed (gpu_layer.py). On a CPU the shapes are small, so that it runs in
a minute: the times say nothing there. The exit status is 1 if a comparison fails, or if a method is not compared.

Tolerances. u is the unit roundoff of the type (2^-24, 2^-8, 2^-11), e = 2^-24 that of float32, in which sums are computed. A
rounded result has an error of at most u |y|, a sum of K products one of K e sum |a b|. On a GPU, cuBLAS may round the partial
sums of a split sum to 16 bits: u sum |a b|. The bounds of the operations follow from that, and are written beside them.
"""

import argparse
import io
import pathlib
import sys
import zipfile

import torch

import gpu_layer
import gpu_training

SOURCES = pathlib.Path(__file__).parents[2] / "engine/src/main/resources/io/github/djlmistral/engine/internal/kernels"

ROUNDOFF = {torch.float32: 2.0**-24, torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}
TYPE_NUMBERS = {torch.float32: 6, torch.bfloat16: 15, torch.float16: 5}
FLOAT32 = 2.0**-24


class Kernels:
    """The methods of the archive. They are not those of the module, whose `to` is nn.Module's."""

    def __init__(self, archive, device):
        # as TorchKernels.java does: no profiling executor, which would compile again for each shape
        torch._C._set_graph_executor_optimize(False)
        self.module = torch.jit.load(archive, map_location=device)
        self.names = self.module._c._method_names()
        for name in self.names:
            setattr(self, name, self.module._c._get_method(name))


def with_source(archive, source):
    """Returns an archive with another class, as TorchScriptArchive.java assembles it: it has no other content of its own."""
    result = io.BytesIO()
    with zipfile.ZipFile(archive) as entries, zipfile.ZipFile(result, "w") as zip:
        for name in entries.namelist():
            zip.writestr(name, source if name.endswith("/code/__torch__.py") else entries.read(name))
    result.seek(0)
    return result


def tiny(dtype):
    """Half the distance of subnormal numbers, which limits the accuracy of tiny results."""
    return torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps / 2


class Comparison:
    """The methods, their arguments for one type on one device, and what was found."""

    def __init__(self, kernels, device, dtype, results):
        self.kernels, self.device, self.dtype, self.results = kernels, device, dtype, results
        self.u = ROUNDOFF[dtype]
        self.tiny = tiny(dtype)
        self.random = torch.Generator().manual_seed(20261126)

    def split(self, dtype):
        return ROUNDOFF[dtype] if self.device.type == "cuda" and dtype != torch.float32 else 0.0

    def normal(self, *shape, dtype=None):
        return torch.randn(shape, generator=self.random).to(self.device, dtype or self.dtype)

    def integers(self, low, high, *shape, dtype=torch.int64):
        return torch.randint(low, high, shape, generator=self.random).to(self.device, dtype)

    def number(self, value):
        """Scalars are tensors in the memory of the host, as TorchKernels.java passes them: reading them waits for nothing."""
        return torch.tensor(value)

    @property
    def type_number(self):
        return self.number(TYPE_NUMBERS[self.dtype])

    def near(self, method, actual, expected, bound, dtype=None):
        """Records the greatest error of a method as a share of its bound; bound and expected are float64. dtype: that the result must
        have."""
        if actual.shape != expected.shape:
            raise AssertionError(f"{method}: shape {tuple(actual.shape)}, not {tuple(expected.shape)}")
        if dtype and actual.dtype != dtype:
            raise AssertionError(f"{method}: {actual.dtype}, not {dtype}")
        error = (actual.double() - expected).abs()
        share = (error / (bound + tiny(dtype or self.dtype))).nan_to_num(nan=torch.inf).max().item()
        self.results.setdefault((method, self.dtype), []).append(share)

    def same(self, method, actual, expected):
        equal = actual.dtype == expected.dtype and torch.equal(actual, expected.to(actual.device))
        self.results.setdefault((method, self.dtype), []).append(0.0 if equal else torch.inf)

    def product(self, method, actual, x, weight, result=None):
        """x (..., K), weight (N, K), multiplied in the type of the weight and rounded to the result's, that of x if None."""
        result = result or self.dtype
        dtype, x, weight = weight.dtype, x.to(weight.dtype).double(), weight.double()
        y, size = x @ weight.T, x.abs() @ weight.abs().T
        rounded = ROUNDOFF[result] + (ROUNDOFF[dtype] if dtype != result else 0)
        self.near(method, actual, y, rounded * y.abs() + (x.shape[-1] * FLOAT32 + self.split(dtype)) * size, result)


def basics(c):
    k = c.kernels
    x = c.normal(2, 3, 64)
    for wanted in ROUNDOFF:
        c.same("to", k.to(x, c.number(TYPE_NUMBERS[wanted])), x.to(wanted))
    bits = c.normal(4, 6, dtype=torch.bfloat16)
    c.same("as_bfloat16", k.as_bfloat16(bits.view(torch.float16)[1:]), bits[1:])
    c.same("as_float16", k.as_float16(bits.T), bits.T.contiguous().view(torch.float16))
    table, wide, ids = c.normal(50, 64), c.normal(50, 64, dtype=torch.float32), c.integers(0, 50, 2, 3)
    c.same("embedding", k.embedding(ids, table), table[ids])
    c.same("embedding_as", k.embedding_as(ids, wide, c.type_number), wide[ids].to(c.dtype))
    order = torch.randperm(64, generator=c.random).to(c.device)
    c.same("select_columns", k.select_columns(x, order), x[..., order])
    for tokens, inputs, outputs in ((1, 64, 5), (7, 200, 33), (12, 4096, 70)):
        x, weight = c.normal(1, tokens, inputs), c.normal(outputs, inputs)
        c.product("linear", k.linear(x, weight), x, weight)
        wide = c.normal(outputs, inputs, dtype=torch.float32)
        c.product("linear_float32", k.linear_float32(x, wide), x, wide, torch.float32)
        for wide in (torch.float32, torch.bfloat16):
            c.product("linear_widened", k.linear_widened(x, weight.to(wide)), x, weight.to(wide))
        out = k.linear_output(x, c.number(outputs))
        c.same("linear_output", torch.zeros_like(out), x.new_zeros(1, tokens, outputs))
        for first, last in ((0, outputs // 2), (outputs // 2, outputs)):
            block = torch.cat([weight[first:last].reshape(-1), c.normal(9)])
            k.linear_into(x, block, out, c.number(first), c.number(last))
        c.product("linear_into", out, x, weight)
        whole = torch.zeros_like(weight)
        k.copy_rows(whole, torch.cat([weight[2:5].reshape(-1), c.normal(9)]), c.number(2), c.number(5))
        c.same("copy_rows", whole[2:5], weight[2:5])
    # mean square and root in float32, rounded, times the weight and rounded
    for size, scale in ((64, 1.0), (4096, 1e-3)):
        x, weight = c.normal(2, 3, size) * scale, c.normal(size)
        wide = x.double()
        y = weight.double() * wide / torch.sqrt((wide * wide).mean(-1, keepdim=True) + 1e-5)
        bound = (2.01 * c.u + (size / 2 + 8) * FLOAT32) * y.abs() + c.tiny * weight.double().abs()
        c.near("rms_norm", k.rms_norm(x, weight, c.number(1e-5)), y, bound)
    # the sigmoid in float32, silu and product rounded
    gate, up = c.normal(2, 3, 96) * 4, c.normal(2, 3, 96)
    y = torch.nn.functional.silu(gate.double()) * up.double()
    c.near("swiglu", k.swiglu(gate, up), y, (2.01 * c.u + 16 * FLOAT32) * y.abs() + c.tiny * up.double().abs())


def rotation(c):
    k = c.kernels
    b, t, h, g, d = 2, 5, 4, 2, 16
    positions = torch.tensor([[0, 1, 2, 3, 4], [4093, 4094, 4095, 4096, 32767]], device=c.device)
    frequencies = (10000.0 ** (-torch.arange(0, d, 2, device=c.device) / d)).float()
    angle = (positions.double()[..., None] * frequencies.double()).repeat(1, 1, 2).unsqueeze(1)
    cos, sin = k.angles(positions, frequencies, c.type_number)
    # the angle is rounded to float32, its cosine then has that error too
    for actual, exact in ((cos, angle.cos()), (sin, angle.sin())):
        c.near("angles", actual, exact, c.u * exact.abs() + FLOAT32 * (angle + 2))
    q, key, v = c.normal(b, t, h * d), c.normal(b, t, g * d), c.normal(b, t, g * d)

    def heads(x):
        return x.unflatten(-1, (-1, d)).transpose(1, 2)

    def rotated(method, actual, x):
        x = x.double()
        half = torch.cat([-x[..., d // 2:], x[..., :d // 2]], -1)
        # two products and a sum, each rounded
        y, size = x * cos.double() + half * sin.double(), (x * cos.double()).abs() + (half * sin.double()).abs()
        c.near(method, actual, y, c.u * (1.01 * size + y.abs()) + 2 * c.tiny)

    c.same("heads", k.heads(q, d), heads(q))
    rotated("rotate", k.rotate(heads(q), cos, sin), heads(q))
    for method in ("rotary", "rotary_update"):
        keys, values = c.normal(b, g, 7, d), c.normal(b, g, 7, d)
        before, slots = values.clone(), torch.tensor([5, 6, 0], device=c.device)
        arguments = (keys, values, slots) if method == "rotary_update" else ()
        results = getattr(k, method)(q, key, v, cos, sin, *arguments)
        rotated(method, results[0], heads(q))
        rotated(method, results[1], heads(key))
        c.same(method, results[2], heads(v))
        if arguments:
            before[:, :, slots] = heads(v)[:, :, 2:]
            c.same(method, values, before)
            c.same(method, keys[:, :, slots], results[1][:, :, 2:])


def attended(c, method, actual, q, k, v, bias):
    """Attention in float64. bias (B, 1, T, N), the queries without a key are not compared, but must be finite.

    A score is a sum of D products, in 16 bits rounded where it is added to a bias: an error s changes a weight by 2 s of itself.
    The weights are rounded to u before the sum of N products with the values.
    """
    if not actual.isfinite().all():
        raise AssertionError(f"{method}: not finite")
    g, d, n = q.shape[1] // k.shape[1], q.shape[3], k.shape[2]
    q, k, v = q.double(), k.double().repeat_interleave(g, 1), v.double().repeat_interleave(g, 1)
    scores = q @ k.transpose(2, 3) / d**0.5 + bias.double()
    weights = torch.softmax(scores, -1)
    y, size = weights @ v, weights @ v.abs()
    s = (d * FLOAT32 * (q.abs() @ k.abs().transpose(2, 3)) / d**0.5).max() + 2 * c.u * (q @ k.transpose(2, 3)).abs().max() / d**0.5
    bound = c.u * y.abs() + (2 * c.u + n * FLOAT32 + 2 * s) * size
    actual = actual.unflatten(-1, (-1, d)).transpose(1, 2).double()
    seen = (bias > -1000).any(-1, keepdim=True)
    c.near(method, actual * seen, y * seen, bound)


def attention(c):
    k = c.kernels
    #        batch, heads, kv heads, D, T, N, window
    cases = [(1, 4, 2, 16, 1, 37, 0), (2, 4, 4, 16, 1, 300, 100), (2, 6, 2, 24, 33, 33, 0), (1, 4, 2, 16, 600, 600, 100),
             (2, 4, 1, 16, 5, 40, 0), (1, 8, 2, 32, 300, 700, 256), (1, 32, 8, 128, 40, 100, 0), (1, 32, 8, 128, 1, 530, 0)]
    if c.device.type == "cuda":
        cases += [(1, 32, 8, 128, 512, 512, 0), (1, 32, 8, 128, 512, 2048, 1024), (4, 32, 8, 128, 1, 4096, 0)]
    for b, h, g, d, t, n, window in cases:
        q, key, v = c.normal(b, h, t, d), c.normal(b, g, n + 3, d)[:, :, :n], c.normal(b, g, n + 3, d)[:, :, :n]
        i, j = torch.arange(n - t, n, device=c.device)[:, None], torch.arange(n, device=c.device)
        hidden = (j > i) | (j <= i - (window or n))
        bias = torch.zeros(b, 1, t, n, device=c.device).masked_fill(hidden, -torch.inf)
        attended(c, "attention", k.attention(q, key, v, c.number(window)), q, key, v, bias)
        # the first row has 3 tokens of padding, and queries without a key
        mask = torch.zeros(b, 1, t, n, device=c.device).masked_fill(hidden, -1e30)
        mask[0, :, :, :3] = -1e30
        c.same("repeated", k.repeated(key, h // g), key.reshape(b * g, 1, n, d).repeat(1, h // g, 1, 1))
        c.same("bias", k.bias(mask, q), mask.clamp(min=-30000).to(c.dtype))
        attended(c, "attention_masked", k.attention_masked(q, key, v, mask), q, key, v, mask)
        if t == 1:
            attended(c, "attention_of_one", k.attention_of_one(q, key, v, None), q, key, v, torch.zeros_like(bias))
            attended(c, "attention_of_one", k.attention_of_one(q, key, v, k.bias(mask, q)), q, key, v, mask)
        scores = (q.double() @ key.double().repeat_interleave(h // g, 1).transpose(2, 3)) / d**0.5
        y = torch.softmax(scores + mask.double(), -1)
        # a score is rounded after the product, the quotient and the sum
        s = 3.1 * c.u * scores.abs().max() + (d * FLOAT32 + c.split(c.dtype)) * d**0.5 * 16
        seen = (mask > -1000).any(-1, keepdim=True)
        weights = k.attention_weights(q, key, mask)
        c.near("attention_weights", weights * seen, y * seen, (c.u + torch.expm1(2 * s)) * y)


def quantized(c):
    k = c.kernels
    for rows, columns, group, symmetric, kind in ((70, 128, 32, False, torch.float32), (64, 192, 64, True, torch.float16),
                                                  (33, 256, 128, False, torch.float16), (128, 4096, 128, False, torch.float32)):
        tiles, groups = -(-rows // 16), columns // group
        codes = c.integers(0, 16, tiles * 16, columns, dtype=torch.uint8)
        scales, offsets = c.normal(tiles, groups, 16, dtype=kind) * 0.01, c.normal(tiles, groups, 16, dtype=kind) * 0.05
        if symmetric:
            offsets = torch.zeros(0, device=c.device)
        # Int4.java: eight columns of 16 rows are 16 words, a word holds columns 0 2 4 6 1 3 5 7 from its lowest bits on
        words = codes.reshape(tiles, 16, columns // 8, 8).permute(0, 2, 1, 3)[..., [0, 2, 4, 6, 1, 3, 5, 7]]
        packed = (words[..., 0::2] | words[..., 1::2] << 4).reshape(tiles, columns // 8, 64).contiguous()
        c.same("int4_codes", k.int4_codes(packed), codes)
        scale = scales.float().permute(0, 2, 1).reshape(tiles * 16, groups)
        c.same("by_row", k.by_row(scales), scale[..., None])
        offset = scale * 0 if symmetric else offsets.float().permute(0, 2, 1).reshape(tiles * 16, groups)
        wide = scale.repeat_interleave(group, 1)
        added = offset.repeat_interleave(group, 1)
        weight = (wide * (codes.float() - (8 if symmetric else 0)) + added)[:rows]
        n = c.number(rows)
        c.same("int4_dequantize", k.int4_dequantize(packed, scales, offsets, n, c.type_number), weight.to(c.dtype))
        signed = c.integers(-128, 128, tiles * 16, columns, dtype=torch.int8)
        large = (wide * signed.float() + added)[:rows].to(c.dtype)
        tiled = signed.reshape(tiles, 16, columns).transpose(1, 2).contiguous()
        c.same("int8_dequantize", k.int8_dequantize(tiled, scales, offsets, n, c.type_number), large)
        c.same("grouped", k.grouped(signed, scales, offsets, rows, TYPE_NUMBERS[c.dtype]), large)
        both = k.int4_scales_and_zeros(scales, offsets)
        zero = scale * 0 if symmetric else offset + scale * 8
        c.same("int4_scales_and_zeros", both, torch.stack([scale, zero], -1).transpose(0, 1).to(torch.bfloat16))
        operator(c, packed, both, codes, rows, columns, group)
    codebook(c)


def operator(c, packed, both, codes, rows, columns, group):
    """PyTorch's int4 operator, in bfloat16: it rounds a weight to bfloat16 after at most two operations."""
    names = {"cuda": ("int4_pack_cuda", "int4_linear_cuda"), "cpu": ("int4_pack_cpu", "int4_linear_cpu")}[c.device.type]
    if c.dtype != torch.bfloat16:
        return
    # blocks of 64 rows (CPU) and tiles of 16 columns (GPU) are the operators' own; both fit all sizes used
    scale, zero = (x.transpose(0, 1).float().repeat_interleave(group, 1) for x in both.unbind(-1))
    level = codes.float() - 8
    pack, linear = (getattr(c.kernels, name) for name in names)
    matrix = pack(packed, both) if c.device.type == "cuda" else pack(packed)
    for tokens in (1, 3, 40):
        x = c.normal(1, tokens, columns)
        y = x.double() @ (level * scale + zero)[:rows].double().T
        size = x.double().abs() @ ((level * scale).abs() + zero.abs())[:rows].double().T
        bound = c.u * y.abs() + (2 * c.u + columns * FLOAT32 + c.split(c.dtype)) * size
        for name in names:
            c.near(name, linear(x, matrix, both, c.number(rows)), y, bound)


def codebook(c):
    for rows, columns, block in ((7, 29, 64), (48, 64, 64), (5, 512, 128)):
        table = c.normal(16, dtype=torch.float32)
        codes = c.integers(0, 16, rows * columns + rows * columns % 2, dtype=torch.uint8)
        absmax = c.normal(-(-rows * columns // block), dtype=torch.float32).abs()
        weight = table[codes.long()][:rows * columns] * absmax.repeat_interleave(block)[:rows * columns]
        sizes = (c.number(size) for size in (rows, columns, block))
        actual = c.kernels.codebook_dequantize(codes[0::2] << 4 | codes[1::2], absmax, table, *sizes, c.type_number)
        c.same("codebook_dequantize", actual, weight.reshape(rows, columns).to(c.dtype))


def compare(kernels, parts, device):
    """Prints a line for each method; returns whether all are compared and within their bounds."""
    results = {}
    with torch.inference_mode():
        for dtype in ROUNDOFF:
            comparison = Comparison(kernels, device, dtype, results)
            for part in parts:
                part(comparison)
    print(f"{'greatest error / bound':28}" + "".join(f"{str(dtype)[6:]:>10}" for dtype in ROUNDOFF))
    good = True
    for name in kernels.names:
        shares = [results.get((name, dtype)) for dtype in ROUNDOFF]
        if not any(shares):
            elsewhere = name.endswith("_cpu" if device.type == "cuda" else "_cuda")
            good &= elsewhere
            print(f"{name:28}" + ("  not for this device" if elsewhere else "  NOT COMPARED: add it to gpu.py"))
            continue
        texts = ["-" if not s else "FAILED" if max(s) == torch.inf else "exact" if max(s) == 0 else f"{max(s):.2f}" for s in shares]
        failed = any(max(s) > 1 for s in shares if s)
        good &= not failed
        print(f"{name:28}" + "".join(f"{text:>10}" for text in texts) + ("  FAILED" if failed else ""))
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    kernels = Kernels(options.archive, device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"PyTorch {torch.__version__}, {name}\n")
    good = compare(kernels, (basics, rotation, attention, quantized, gpu_training.training), device)
    print()
    optimizers = with_source(options.archive, (SOURCES / "torch_optimizer.py").read_text())
    good &= compare(Kernels(optimizers, device), (gpu_training.optimizers,), device)
    print()
    good &= gpu_layer.report(kernels, device)
    print("\n" + ("all comparisons within their bounds" if good else "FAILED, see above"))
    sys.exit(not good)


if __name__ == "__main__":
    main()
