/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of an int8 weight (Int8.java) with float32 inputs. A group of columns adds
 *
 *     scale * sum(q x) + offset * sum(x)
 *
 * A lane belongs to a row; inputs are broadcast. One token takes 4 tiles of 16 rows, so that 8 sums hide the latency of
 * an addition and their codes are four streams of memory; 4 tokens take one tile, which use a converted code 4 times.
 */
#include "vec.h"

enum { TILES = 4, TOKENS = 4 };

/* The sum of a group of inputs, a multiple of 16. */
INLINE float sum_of(const float *x, int64 count) {
    vf lanes[REGISTERS];
    for (int k = 0; k < REGISTERS; ++k) lanes[k] = vf_set(0);
    for (int64 c = 0; c < count; c += TILE)
        for (int k = 0; k < REGISTERS; ++k) lanes[k] = lanes[k] + vf_load(x + c + k * LANES);
    return lane_sum(lanes);
}

/* N tiles of T tokens. */
INLINE void block(const int N, const int T, const struct grouped *w, const float *x, int64 token, int64 tile,
                  float *out) {
    enum { R = TILES * REGISTERS };
    const int registers = N * REGISTERS;
    const int64 columns = w->columns, groups = columns / w->group, tile_bytes = columns * TILE;
    const void *offsets = w->offsets;
    const int shift = shift_of(w->group);
    const int8 *codes = (const int8 *)w->codes + tile * tile_bytes;
    const float *in = x + token * columns;
    vf y[TOKENS][R];
    UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r) y[t][r] = vf_set(0);
    for (int64 g = 0; g < groups; ++g) {
        vf sum[TOKENS][R], inputs[TOKENS];
        UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r) sum[t][r] = vf_set(0);
        for (int64 c = 0; c < w->group; ++c, codes += TILE, ++in)
            UNROLL for (int r = 0; r < registers; ++r) {
                const vf code = vf_of(vi_load_s8(codes + r / REGISTERS * tile_bytes + r % REGISTERS * LANES));
                UNROLL for (int t = 0; t < T; ++t) sum[t][r] = vf_fma(code, vf_set(in[t * columns]), sum[t][r]);
            }
        if (offsets)
            for (int t = 0; t < T; ++t) inputs[t] = vf_set(sum_of(in + t * columns - w->group, w->group));
        UNROLL for (int r = 0; r < registers; ++r) {
            const int64 i = tile + r / REGISTERS, row = r % REGISTERS * LANES;
            const vf scale = factor(w->type, w->scales, groups, shift, i, g, row);
            UNROLL for (int t = 0; t < T; ++t) y[t][r] = vf_fma(sum[t][r], scale, y[t][r]);
            if (offsets) {
                const vf offset = factor(w->type, offsets, groups, shift, i, g, row);
                UNROLL for (int t = 0; t < T; ++t) y[t][r] = vf_fma(offset, inputs[t], y[t][r]);
            }
        }
    }
    UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r) {
        const int64 row = (tile + r / REGISTERS) * TILE + r % REGISTERS * LANES;
        store_some(FLOAT32, out, (token + t) * w->rows + row, w->rows - row, y[t][r]);
    }
}

void NAME(int8_linear)(const struct grouped *w, const float *x, int64 tokens, int64 from, int64 to, float *out) {
    for (int64 panel = from; panel < to; panel += TILES) {
        const int64 end = to - panel < TILES ? to : panel + TILES;
        int64 t = 0;
        for (; t + TOKENS <= tokens; t += TOKENS)
            for (int64 tile = panel; tile < end; ++tile) block(1, TOKENS, w, x, t, tile, out);
        for (; t < tokens; ++t) {
            if (end == panel + TILES)
                block(TILES, 1, w, x, t, panel, out);
            else
                for (int64 tile = panel; tile < end; ++tile) block(1, 1, w, x, t, tile, out);
        }
    }
}
