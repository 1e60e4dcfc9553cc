/* SPDX-License-Identifier: Apache-2.0 */
/* Products of a dense weight (rows, columns) of float32, float16 or bfloat16 with float32 inputs. */
#include "vec.h"

/*
 * Sums run along the columns, in 16 lanes: lane l of sums[t][r] adds w(r, c) x(t, c) for the columns c with
 * c mod 16 = l, in ascending order. So blocks of rows, tokens and columns do not change a bit.
 *
 * A panel of 256 columns of 16 rows is 16 KiB, which stay in the L1 cache while 48 tokens pass. 2 rows and 3 tokens at
 * once fill the 16 registers of AVX2 with 12 sums, 3 inputs and a weight.
 */
enum { PANEL = 256, MANY_TOKENS = 48, MANY_ROWS = 16, T = 3, R = 4 };

INLINE void add(const int TYPE, const int ROWS, const int TOKENS, const void *w, int64 row, const float *x, int64 columns,
                int64 from, int64 to, float *sums) {
    vf s[T][R][REGISTERS];
    UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int k = 0; k < REGISTERS; ++k)
        s[t][r][k] = vf_load(sums + (t * MANY_ROWS + r) * TILE + k * LANES);
    int64 c = from;
    for (; c + TILE <= to; c += TILE)
        UNROLL for (int k = 0; k < REGISTERS; ++k) {
            vf in[T];
            UNROLL for (int t = 0; t < TOKENS; ++t) in[t] = vf_load(x + t * columns + c + k * LANES);
            UNROLL for (int r = 0; r < ROWS; ++r) {
                const vf weight = load(TYPE, w, r * row + c + k * LANES);
                UNROLL for (int t = 0; t < TOKENS; ++t) s[t][r][k] = vf_fma(weight, in[t], s[t][r][k]);
            }
        }
    UNROLL for (int k = 0; k < REGISTERS; ++k) {
        const int64 at = c + k * LANES;
        if (at >= to) continue;
        UNROLL for (int r = 0; r < ROWS; ++r) {
            const vf weight = load_some(TYPE, w, r * row + at, to - at);
            UNROLL for (int t = 0; t < TOKENS; ++t)
                s[t][r][k] = vf_fma(weight, load_some(FLOAT32, x, t * columns + at, to - at), s[t][r][k]);
        }
    }
    UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int k = 0; k < REGISTERS; ++k)
        vf_store(sums + (t * MANY_ROWS + r) * TILE + k * LANES, s[t][r][k]);
}

INLINE void linear(const int TYPE, const struct dense *w, const float *x, int64 tokens, int64 from, int64 to,
                   float *out, float *sums) {
    const int64 columns = w->columns;
    float *packed = sums + MANY_TOKENS * MANY_ROWS * TILE; /* (16, 256): rows at distances of a power of two would share sets of the cache */
    for (int64 t0 = 0; t0 < tokens; t0 += MANY_TOKENS) {
        const int64 t1 = t0 + MANY_TOKENS < tokens ? t0 + MANY_TOKENS : tokens;
        const int64 panel = t1 - t0 < T ? columns : PANEL;
        for (int64 r0 = from; r0 < to; r0 += MANY_ROWS) {
            const int64 r1 = r0 + MANY_ROWS < to ? r0 + MANY_ROWS : to;
            for (int64 i = 0; i < (t1 - t0) * MANY_ROWS * TILE; i += LANES) vf_store(sums + i, vf_set(0));
            for (int64 c = 0; c < columns; c += panel) {
                const int64 end = c + panel < columns ? c + panel : columns;
                if (t1 - t0 < T) {
                    for (int64 t = t0; t < t1; ++t)
                        for (int64 r = r0; r < r1;) {
                            const void *weights = (const uint8 *)w->values + r * columns * bytes_of(TYPE);
                            float *s = sums + ((t - t0) * MANY_ROWS + r - r0) * TILE;
                            if (r1 - r >= 4)
                                add(TYPE, 4, 1, weights, columns, x + t * columns, columns, c, end, s);
                            else
                                add(TYPE, 1, 1, weights, columns, x + t * columns, columns, c, end, s);
                            r += r1 - r >= 4 ? 4 : 1;
                        }
                    continue;
                }
                for (int64 r = r0; r < r1; ++r)
                    for (int64 i = c; i < end; i += LANES)
                        vf_store(packed + (r - r0) * PANEL + i - c, load_some(TYPE, w->values, r * columns + i, end - i));
                for (int64 t = t0; t < t1;) {
                    const int many = t1 - t >= T;
                    for (int64 r = 0; r < r1 - r0; r += 2) {
                        float *s = sums + ((t - t0) * MANY_ROWS + r) * TILE;
                        const float *in = x + t * columns + c;
                        if (many)
                            add(FLOAT32, 2, T, packed + r * PANEL, PANEL, in, columns, 0, end - c, s);
                        else
                            add(FLOAT32, 2, 1, packed + r * PANEL, PANEL, in, columns, 0, end - c, s);
                    }
                    t += many ? T : 1;
                }
            }
            for (int64 t = t0; t < t1; ++t)
                for (int64 r = r0; r < r1; ++r) {
                    vf lanes[REGISTERS];
                    for (int k = 0; k < REGISTERS; ++k)
                        lanes[k] = vf_load(sums + ((t - t0) * MANY_ROWS + r - r0) * TILE + k * LANES);
                    out[t * w->rows + r] = lane_sum(lanes);
                }
        }
    }
}

void NAME(dense_linear)(const struct dense *w, const float *x, int64 tokens, int64 from, int64 to, float *out,
                        float *scratch) {
    if (w->type == FLOAT32)
        linear(FLOAT32, w, x, tokens, from, to, out, scratch);
    else if (w->type == FLOAT16)
        linear(FLOAT16, w, x, tokens, from, to, out, scratch);
    else
        linear(BFLOAT16, w, x, tokens, from, to, out, scratch);
}
