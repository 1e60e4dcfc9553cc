/* SPDX-License-Identifier: Apache-2.0 */
/* Products of an int4 weight (Int4.java) with inputs rounded to int8 by its groups. */
#include "vec.h"

/*
 * Computes TILES * 16 rows for TOKENS tokens. A group of columns adds
 *
 *     scale * s * sum(q x) + offset * s * sum(x)          symmetric: offset = -8 scale
 *
 * with codes q and int8 inputs x of scale s. The integer sums are exact. A lane belongs to a row.
 *
 * Several tiles use an input for several rows, several tokens a code: decode takes 4 tiles of 1 token, prefill 1 tile
 * of 4 tokens, whose sums fit the 16 registers of AVX2.
 */
INLINE void block(const int TILES, const int TOKENS, const int TYPE, const struct int4 *w,
                  const struct rounded *in, int64 token, int64 tile, float *out) {
    enum { T = 4, R = 4 * REGISTERS }; /* the largest block */
    const int N = TILES * REGISTERS;
    const int64 columns = w->columns, group = w->group, groups = columns / group, tile_bytes = columns * (TILE / 2);
    const uint8 *codes = w->codes + tile * tile_bytes;
    const vi low = vi_set(0x0f0f0f0f);
    vf y[T][R];
    UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int r = 0; r < N; ++r) y[t][r] = vf_set(0);
    for (int64 g = 0; g < groups; ++g) {
        vi total[T][R];
        UNROLL for (int t = 0; t < TOKENS; ++t) {
            const vi start = vi_set(w->offsets ? 0 : -8 * in->sums[(token + t) * groups + g]);
            UNROLL for (int r = 0; r < N; ++r) total[t][r] = start;
        }
        for (int64 c = g * group; c < (g + 1) * group; c += 32) {
            vi sums[T][R];
            UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int r = 0; r < N; ++r)
                sums[t][r] = DOT_INT32 ? total[t][r] : vi_set(0);
            UNROLL for (int k = 0; k < 4; ++k) UNROLL for (int r = 0; r < N; ++r) {
                const int first = r % REGISTERS == 0;
                const uint8 *words = codes + r / REGISTERS * tile_bytes + (c / 8 + k) * (TILE * 4)
                                     + r % REGISTERS * (LANES * 4);
                /* Farther ahead than the processor's own prefetch, which stops at the borders of pages. */
                if (TOKENS == 1 && first) __builtin_prefetch(words + 1536);
                const vi word = vi_load(words);
                const vi even = vi_and(word, low), odd = vi_and(vi_right(word, 4), low);
                UNROLL for (int t = 0; t < TOKENS; ++t) {
                    const int32 *x = (const int32 *)(in->codes + (token + t) * columns + c + 8 * k);
                    sums[t][r] = vi_dot(sums[t][r], even, vi_set(x[0]));
                    sums[t][r] = vi_dot(sums[t][r], odd, vi_set(x[1]));
                }
            }
            UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int r = 0; r < N; ++r)
                total[t][r] = DOT_INT32 ? sums[t][r] : vi_widen(total[t][r], sums[t][r]);
        }
        UNROLL for (int r = 0; r < N; ++r) {
            const int64 at = tile + r / REGISTERS, row = r % REGISTERS * LANES;
            const vf scale = factor(TYPE, w->scales, at, columns, group, g, row);
            UNROLL for (int t = 0; t < TOKENS; ++t) {
                const float s = in->scales[(token + t) * groups + g];
                y[t][r] = vf_fma(vf_of(total[t][r]) * vf_set(s), scale, y[t][r]);
            }
            if (w->offsets) {
                const vf offset = factor(TYPE, w->offsets, at, columns, group, g, row);
                UNROLL for (int t = 0; t < TOKENS; ++t) {
                    const int64 i = (token + t) * groups + g;
                    y[t][r] = vf_fma(offset, vf_set(in->scales[i] * (float)in->sums[i]), y[t][r]);
                }
            }
        }
    }
    UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int r = 0; r < N; ++r) {
        const int64 row = (tile + r / REGISTERS) * TILE + r % REGISTERS * LANES;
        store_some(FLOAT32, out, (token + t) * w->rows + row, w->rows - row, y[t][r]);
    }
}

#define BLOCK(tiles, tokens)                                                                          \
    static void block_##tiles##_##tokens(const struct int4 *w, const struct rounded *in, int64 token, \
                                         int64 tile, float *out) {                     \
        if (w->type == FLOAT32)                                                                       \
            block(tiles, tokens, FLOAT32, w, in, token, tile, out);                                   \
        else if (w->type == TWO_LEVEL)                                                                \
            block(tiles, tokens, TWO_LEVEL, w, in, token, tile, out);                                 \
        else                                                                                          \
            block(tiles, tokens, FLOAT16, w, in, token, tile, out);                                   \
    }
BLOCK(4, 1)
BLOCK(1, 1)
BLOCK(1, 4)

void NAME(int4_linear)(const struct int4 *w, const struct rounded *in, int64 tokens, int64 from, int64 to,
                       float *out) {
    /* A panel of 4 tiles stays in the L2 cache while all tokens pass. */
    for (int64 panel = from; panel < to; panel += 4) {
        const int64 end = panel + 4 < to ? panel + 4 : to;
        int64 t = 0;
        for (; t + 4 <= tokens; t += 4)
            for (int64 tile = panel; tile < end; ++tile) block_1_4(w, in, t, tile, out);
        for (; t < tokens; ++t) {
            if (end - panel == 4)
                block_4_1(w, in, t, panel, out);
            else
                for (int64 tile = panel; tile < end; ++tile) block_1_1(w, in, t, tile, out);
        }
    }
}
