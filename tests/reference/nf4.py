"""NF4 quantization as in bitsandbytes, computed in numpy by the rules of its kernels.

The rules are those of kQuantizeBlockwise and dQuantizeNF4 in its csrc/kernels.cu: the reciprocal of a block's greatest magnitude in
float32, and a tree of "greater than" over 15 thresholds. `quantized.py` packs matrices to be read; this is for writing them.
"""

import numpy as np
from safetensors.numpy import save_file

from common import output_folder
from quantized import NF4, dynamic_map

THRESHOLDS = [-0.8480964004993439, -0.6106329262256622, -0.4599952697753906, -0.33967943489551544, -0.23460740596055984,
              -0.13791173323988914, -0.045525018125772476, 0.03979014977812767, 0.1202552504837513, 0.2035212516784668,
              0.2920137718319893, 0.3893125355243683, 0.5016634166240692, 0.6427869200706482, 0.8614784178118011]


def main():
    folder = output_folder(__doc__) / "quantized"
    random = np.random.default_rng(20231014)
    # 300 blocks, two blocks of absmax; some rows much larger, so that the absmax differ
    weight = random.standard_normal((150, 128)) * 0.02 * random.choice([1, 1, 1, 4], (150, 1))
    # an odd number of weights, blocks that end within rows
    odd = random.standard_normal((7, 29)) * 0.02
    # a block whose normalized weights are the thresholds and the table themselves, twice; greatest magnitude 1
    edges = np.array((THRESHOLDS + NF4) * 2 + [0, 0]).reshape(2, 32)
    tensors = {}
    for name, matrix in {"normal": weight, "odd": odd, "edges": edges}.items():
        dtype = np.float32 if name == "edges" else np.float16
        tensors |= quantize(name, matrix.astype(dtype))
    path = folder / "nf4.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {"format": "pt"})
    print(f"{path.name}: {path.stat().st_size} bytes")


def quantize(name, weight):
    numbers = weight.astype(np.float32).reshape(-1)
    blocks = -(-numbers.size // 64)
    absmax = np.array([np.abs(numbers[b * 64:(b + 1) * 64]).max() for b in range(blocks)], np.float32)
    scaled = numbers * (np.float32(1) / absmax)[np.arange(numbers.size) // 64]
    assert scaled.dtype == np.float32
    codes = (scaled[:, None] > np.array(THRESHOLDS, np.float32)).sum(1).astype(np.uint8)
    if codes.size % 2:
        codes = np.append(codes, np.uint8(7))
    tensors = {f"{name}.weight": weight, f"{name}.codes": codes[0::2] << 4 | codes[1::2], f"{name}.absmax": absmax}
    if name == "normal":
        offset = absmax.mean(dtype=np.float64).astype(np.float32)
        rest = absmax - offset
        nested = np.array([np.abs(rest[b:b + 256]).max() for b in range(0, blocks, 256)], np.float32)
        parts = rest / nested[np.arange(blocks) // 256]
        tensors[f"{name}.doubled"] = np.abs(parts[:, None] - dynamic_map()).argmin(1).astype(np.uint8)
        tensors[f"{name}.nested_absmax"] = nested
        tensors[f"{name}.offset"] = offset.reshape(1)
    return tensors


if __name__ == "__main__":
    main()
