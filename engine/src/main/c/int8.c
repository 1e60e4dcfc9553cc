/* SPDX-License-Identifier: Apache-2.0 */
/* Products of an int8 weight (Int8.java) with float32 inputs. A lane belongs to a row. */
#include "vec.h"

INLINE void block(const int TYPE, const int TOKENS, const struct int8_weight *w, const float *x, int64 token, int64 tile,
                  float *out) {
    enum { T = 4 };
    const int64 columns = w->columns, groups = columns / w->group;
    const int8 *codes = w->codes + tile * columns * TILE;
    vf y[T][REGISTERS];
    UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int k = 0; k < REGISTERS; ++k) y[t][k] = vf_set(0);
    for (int64 g = 0; g < groups; ++g) {
        vf sum[T][REGISTERS];
        float inputs[T];
        UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int k = 0; k < REGISTERS; ++k) sum[t][k] = vf_set(0);
        for (int t = 0; t < TOKENS; ++t) inputs[t] = 0;
        for (int64 c = g * w->group; c < (g + 1) * w->group; ++c) {
            UNROLL for (int k = 0; k < REGISTERS; ++k) {
                const vf code = vf_of(vi_load_s8(codes + c * TILE + k * LANES));
                UNROLL for (int t = 0; t < TOKENS; ++t)
                    sum[t][k] = vf_fma(code, vf_set(x[(token + t) * columns + c]), sum[t][k]);
            }
            if (w->offsets)
                for (int t = 0; t < TOKENS; ++t) inputs[t] += x[(token + t) * columns + c];
        }
        UNROLL for (int k = 0; k < REGISTERS; ++k) {
            const vf scale = factor(TYPE, w->scales, tile, columns, w->group, g, k * LANES);
            UNROLL for (int t = 0; t < TOKENS; ++t) y[t][k] = vf_fma(sum[t][k], scale, y[t][k]);
            if (w->offsets) {
                const vf offset = factor(TYPE, w->offsets, tile, columns, w->group, g, k * LANES);
                UNROLL for (int t = 0; t < TOKENS; ++t) y[t][k] = vf_fma(offset, vf_set(inputs[t]), y[t][k]);
            }
        }
    }
    UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int k = 0; k < REGISTERS; ++k) {
        const int64 row = tile * TILE + k * LANES;
        store_some(FLOAT32, out, (token + t) * w->rows + row, w->rows - row, y[t][k]);
    }
}

#define BLOCK(tokens)                                                                                                \
    static void block_##tokens(const struct int8_weight *w, const float *x, int64 token, int64 tile, float *out) { \
        if (w->type == FLOAT32)                                                                                     \
            block(FLOAT32, tokens, w, x, token, tile, out);                                                         \
        else if (w->type == TWO_LEVEL)                                                                              \
            block(TWO_LEVEL, tokens, w, x, token, tile, out);                                                       \
        else                                                                                                        \
            block(FLOAT16, tokens, w, x, token, tile, out);                                                         \
    }
BLOCK(4)
BLOCK(1)

void NAME(int8_linear)(const struct int8_weight *w, const float *x, int64 tokens, int64 from, int64 to, float *out) {
    for (int64 tile = from; tile < to; ++tile) {
        int64 t = 0;
        for (; t + 4 <= tokens; t += 4) block_4(w, x, t, tile, out);
        for (; t < tokens; ++t) block_1(w, x, t, tile, out);
    }
}
