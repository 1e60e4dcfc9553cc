/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of an int8 weight (Int8.java) with float32 inputs. A group of columns adds
 *
 *     scale * sum(q x) + offset * sum(x)
 *
 * A lane belongs to a row; inputs are broadcast. One token takes 4 tiles of 16 rows, so that 8 sums hide the latency of
 * an addition and their codes are four streams of memory; up to 4 tokens take one tile, or two, and use a converted code
 * as often.
 */
#include "grouped.h"

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
    const struct factors f = factors_of(w, w->type, w->group);
    const int64 columns = w->columns, tile_bytes = columns * TILE;
    const int8 *codes = (const int8 *)w->codes + tile * tile_bytes;
    const float *in = x + token * columns;
    vf y[TOKENS][R];
    UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r) y[t][r] = vf_set(0);
    for (int64 g = 0; g < f.groups; ++g) {
        vf sum[TOKENS][R], inputs[TOKENS];
        UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r) sum[t][r] = vf_set(0);
        for (int64 c = 0; c < w->group; ++c, codes += TILE, ++in)
            UNROLL for (int r = 0; r < registers; ++r) {
                const vf code = vf_of(vi_load_s8(codes + r / REGISTERS * tile_bytes + r % REGISTERS * LANES));
                UNROLL for (int t = 0; t < T; ++t) sum[t][r] = vf_fma(code, vf_set(in[t * columns]), sum[t][r]);
            }
        if (f.offsets)
            for (int t = 0; t < T; ++t) inputs[t] = vf_set(sum_of(in + t * columns - w->group, w->group));
        UNROLL for (int r = 0; r < registers; ++r) {
            const int64 i = tile + r / REGISTERS, row = r % REGISTERS * LANES;
            const vf scale = factor(&f, f.scales, i, g, row);
            UNROLL for (int t = 0; t < T; ++t) y[t][r] = vf_fma(sum[t][r], scale, y[t][r]);
            if (f.offsets) {
                const vf offset = factor(&f, f.offsets, i, g, row);
                UNROLL for (int t = 0; t < T; ++t) y[t][r] = vf_fma(offset, inputs[t], y[t][r]);
            }
        }
    }
    store_sums(N, T, R, w->rows, token, tile, y[0], out);
}

/* A token and up to 4 tiles. */
static void one_token(const struct grouped *w, const float *x, int64 token, int64 tile, int64 tiles, float *out) {
    if (tiles == TILES)
        block(TILES, 1, w, x, token, tile, out);
    else
        for (int64 i = 0; i < tiles; ++i) block(1, 1, w, x, token, tile + i, out);
}

/* 2 tokens and up to 4 tiles: 2 tiles at once, for 8 sums as well. */
static void two_tokens(const struct grouped *w, const float *x, int64 token, int64 tile, int64 tiles, float *out) {
    int64 i = 0;
    for (; i + 2 <= tiles; i += 2) block(2, 2, w, x, token, tile + i, out);
    if (i < tiles)
        for (int64 t = 0; t < 2; ++t) one_token(w, x, token + t, tile + i, 1, out);
}

/* 3 or 4 tokens and a tile. */
static void few_tokens(const struct grouped *w, const float *x, int64 token, int64 tokens, int64 tile, float *out) {
    if (tokens == 3)
        block(1, 3, w, x, token, tile, out);
    else
        block(1, TOKENS, w, x, token, tile, out);
}

void NAME(int8_linear)(const struct grouped *w, const float *x, int64 tokens, int64 from, int64 to, float *out) {
    for (int64 panel = from; panel < to; panel += TILES) {
        const int64 tiles = to - panel < TILES ? to - panel : TILES;
        for (int64 t = 0; t < tokens; t += TOKENS) {
            const int64 count = tokens - t < TOKENS ? tokens - t : TOKENS;
            if (count == 1)
                one_token(w, x, t, panel, tiles, out);
            else if (count == 2)
                two_tokens(w, x, t, panel, tiles, out);
            else
                for (int64 i = 0; i < tiles; ++i) few_tokens(w, x, t, count, panel + i, out);
        }
    }
}
