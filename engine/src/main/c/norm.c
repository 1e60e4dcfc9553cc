/* SPDX-License-Identifier: Apache-2.0 */
/* RMS norm, and operations on single numbers. Each reads its inputs once. */
#include "vec.h"

INLINE void norm(const int TYPE, const float *x, const void *weight, float eps, int64 columns, float *out) {
    vf squares[REGISTERS];
    float rest[TILE];
    int64 c = 0;
    for (int k = 0; k < REGISTERS; ++k) squares[k] = vf_set(0);
    for (; c + TILE <= columns; c += TILE)
        UNROLL for (int k = 0; k < REGISTERS; ++k) {
            const vf v = vf_load(x + c + k * LANES);
            squares[k] = vf_fma(v, v, squares[k]);
        }
    widen_some(FLOAT32, x, c, columns - c, rest);
    for (int k = 0; k < REGISTERS; ++k) {
        const vf v = vf_load(rest + k * LANES);
        squares[k] = vf_fma(v, v, squares[k]);
    }
    const vf factor = vf_set(1 / __builtin_sqrtf(lane_sum(squares) / (float)columns + eps));
    for (c = 0; c < columns; c += LANES) {
        const vf w = load_some(TYPE, weight, c, columns - c);
        store_some(FLOAT32, out, c, columns - c, w * (load_some(FLOAT32, x, c, columns - c) * factor));
    }
}

void NAME(rms_norm)(const float *x, const void *weight, int32 type, float eps, int64 tokens, int64 columns,
                    float *out) {
    for (int64 t = 0; t < tokens; ++t, x += columns, out += columns) {
        if (type == FLOAT32)
            norm(FLOAT32, x, weight, eps, columns, out);
        else if (type == FLOAT16)
            norm(FLOAT16, x, weight, eps, columns, out);
        else
            norm(BFLOAT16, x, weight, eps, columns, out);
    }
}

INLINE vf silu(vf x) { return x / (vf_exp(-x) + vf_set(1)); }

void NAME(swiglu)(const float *gate, const float *up, int64 count, float *out) {
    int64 i = 0;
    for (; i + LANES <= count; i += LANES) vf_store(out + i, silu(vf_load(gate + i)) * vf_load(up + i));
    if (i < count) {
        const vf y = silu(load_rest(FLOAT32, gate + i, count - i)) * load_rest(FLOAT32, up + i, count - i);
        store_rest(FLOAT32, out + i, count - i, y);
    }
}

void NAME(add)(const float *x, const float *y, int64 count, float *out) {
    for (int64 i = 0; i < count; i += LANES) {
        const vf sum = load_some(FLOAT32, x, i, count - i) + load_some(FLOAT32, y, i, count - i);
        store_some(FLOAT32, out, i, count - i, sum);
    }
}

INLINE void widen(const int TYPE, const void *x, int64 count, float *out) {
    for (int64 i = 0; i < count; i += LANES) store_some(FLOAT32, out, i, count - i, load_some(TYPE, x, i, count - i));
}

void NAME(widen)(const void *x, int32 type, int64 count, float *out) {
    if (type == FLOAT32)
        widen(FLOAT32, x, count, out);
    else if (type == FLOAT16)
        widen(FLOAT16, x, count, out);
    else
        widen(BFLOAT16, x, count, out);
}
