/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of an int4 weight (Int4.java) with inputs rounded to int8 by its groups. A group of columns adds
 *
 *     scale * s * sum(q x) + offset * s * sum(x)          symmetric: offset = -8 scale
 *
 * with codes q from 0 to 15 and int8 inputs x of scale s. The integer sums are exact. A lane belongs to a row, so that
 * nothing is summed across lanes, and scales are loaded as they are. 8 columns of a row are a word: an `and`, and a
 * shift and an `and`, make two operands of a dot product with 4 inputs each, which are broadcast.
 *
 * One token takes 4 tiles at once, which use a broadcast for 64 rows. Their codes are four streams of memory.
 *
 * Several tokens take 4 at once, which use a code 4 times: their 8 results and 8 integer sums fill the 16 registers of
 * AVX2. A panel of 4 tiles (128 KiB of codes with 4096 columns) stays in the L2 cache while all tokens pass.
 */
#include "vec.h"

enum { TILES = 4, TOKENS = 4 };

/* N tiles of T tokens. */
INLINE void block(const int N, const int T, const int32 type, const struct grouped *w, const struct rounded *in,
                  int64 token, int64 tile, float *out) {
    enum { R = TILES * REGISTERS };
    const int registers = N * REGISTERS;
    const int64 columns = w->columns, group = w->group, groups = columns / group, tile_bytes = columns * (TILE / 2);
    const vi low = vi_set(0x0f0f0f0f);
    const void *scales = w->scales, *offsets = w->offsets;
    const int shift = shift_of(group);
    const uint8 *codes = (const uint8 *)w->codes + tile * tile_bytes;
    vf y[TOKENS][R];
    UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r) y[t][r] = vf_set(0);
    for (int64 g = 0; g < groups; ++g) {
        vi total[TOKENS][R];
        UNROLL for (int t = 0; t < T; ++t) {
            const vi start = vi_set(offsets ? 0 : -8 * in->sums[(token + t) * groups + g]);
            UNROLL for (int r = 0; r < registers; ++r) total[t][r] = start;
        }
        for (int64 c = g * group; c < (g + 1) * group; c += 32) {
            vi sums[TOKENS][R];
            UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r)
                sums[t][r] = DOT_INT32 ? total[t][r] : vi_set(0);
            UNROLL for (int k = 0; k < 4; ++k) UNROLL for (int r = 0; r < registers; ++r) {
                const uint8 *words =
                    codes + r / REGISTERS * tile_bytes + (c / 8 + k) * (TILE * 4) + r % REGISTERS * (LANES * 4);
                /* Farther ahead than the processor's own prefetch, which stops at the borders of pages. */
                if (T == 1 && r % REGISTERS == 0) __builtin_prefetch(words + 1536);
                const vi word = vi_load(words);
                const vi even = vi_and(word, low), odd = vi_and(vi_right(word, 4), low);
                UNROLL for (int t = 0; t < T; ++t) {
                    const int32 *x = (const int32 *)(in->codes + (token + t) * columns + c + 8 * k);
                    sums[t][r] = vi_dot(sums[t][r], even, vi_set(x[0]));
                    sums[t][r] = vi_dot(sums[t][r], odd, vi_set(x[1]));
                }
            }
            UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r)
                total[t][r] = DOT_INT32 ? sums[t][r] : vi_widen(total[t][r], sums[t][r]);
        }
        UNROLL for (int r = 0; r < registers; ++r) {
            const int64 from = tile + r / REGISTERS, row = r % REGISTERS * LANES;
            const vf scale = factor(type, scales, groups, shift, from, g, row);
            UNROLL for (int t = 0; t < T; ++t)
                y[t][r] = vf_fma(vf_of(total[t][r]) * vf_set(in->scales[(token + t) * groups + g]), scale, y[t][r]);
            if (offsets) {
                const vf offset = factor(type, offsets, groups, shift, from, g, row);
                UNROLL for (int t = 0; t < T; ++t) {
                    const int64 i = (token + t) * groups + g;
                    y[t][r] = vf_fma(offset, vf_set(in->scales[i] * (float)in->sums[i]), y[t][r]);
                }
            }
        }
    }
    UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r) {
        const int64 row = (tile + r / REGISTERS) * TILE + r % REGISTERS * LANES;
        store_some(FLOAT32, out, (token + t) * w->rows + row, w->rows - row, y[t][r]);
    }
}

static void one_token(const struct grouped *w, const struct rounded *in, int64 token, int64 tile, int64 tiles,
                      float *out) {
    if (tiles == TILES)
        block(TILES, 1, w->type, w, in, token, tile, out);
    else
        for (int64 i = 0; i < tiles; ++i) block(1, 1, w->type, w, in, token, tile + i, out);
}

static void four_tokens(const struct grouped *w, const struct rounded *in, int64 token, int64 tile, float *out) {
    if (w->type == FLOAT16) /* a test of the type in each group would take a tenth of the time with groups of 32 */
        block(1, TOKENS, FLOAT16, w, in, token, tile, out);
    else
        block(1, TOKENS, w->type, w, in, token, tile, out);
}

void NAME(int4_linear)(const struct grouped *w, const struct rounded *in, int64 tokens, int64 from, int64 to, float *out) {
    for (int64 panel = from; panel < to; panel += TILES) {
        const int64 tiles = to - panel < TILES ? to - panel : TILES;
        int64 t = 0;
        for (; t + TOKENS <= tokens; t += TOKENS)
            for (int64 i = 0; i < tiles; ++i) four_tokens(w, in, t, panel + i, out);
        for (; t < tokens; ++t) one_token(w, in, t, panel, tiles, out);
    }
}
