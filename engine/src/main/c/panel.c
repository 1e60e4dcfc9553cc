/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of many tokens with a weight whose rows are converted to float32 in panels: 16 rows and 256 columns (16 KiB)
 * stay in the L1 cache while 48 tokens pass. 4 rows of 3 tokens are 12 sums: with 3 inputs and a weight they fill the 16
 * registers of AVX2, so each register of the 16 lanes has its own pass. The packed weights are in the order in which a
 * pass reads them; rows that are a power of two apart would share sets of the cache.
 *
 * Lane l of a sum adds w(r, c) x(t, c) for the columns c with c mod 16 = l, in ascending order; then the lanes are added.
 */
#include "panel.h"

/*
 * Adds the products of 4 packed rows and 3 tokens to sums (3, 16 rows, 16 lanes). Columns are a multiple of 16. Where it
 * was inlined, the sums were stored to the stack as well.
 */
SHARED void add_panel(const float *panel, const float *const *x, int64 columns, float *sums) {
    for (int k = 0; k < REGISTERS; ++k) {
        vf s[T][R];
        UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < R; ++r)
            s[t][r] = vf_load(sums + (t * ROWS + r) * TILE + k * LANES);
        const float *weights = panel + k * STEP;
        for (int64 c = 0; c < columns; c += TILE, weights += R * LANES) {
            vf in[T];
            UNROLL for (int t = 0; t < T; ++t) in[t] = vf_load(x[t] + c + k * LANES);
            UNROLL for (int r = 0; r < R; ++r) {
                const vf weight = vf_load(weights + r * LANES);
                UNROLL for (int t = 0; t < T; ++t) s[t][r] = vf_fma(weight, in[t], s[t][r]);
            }
        }
        UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < R; ++r)
            vf_store(sums + (t * ROWS + r) * TILE + k * LANES, s[t][r]);
    }
}

/* Up to 16 rows and 48 tokens. */
static void many(const struct source *w, const float *x, int64 tokens, int64 row, int64 rows, float *out,
                 float *scratch) {
    float *sums = scratch, *panel = sums + TOKENS * ROWS * TILE;
    for (int64 i = 0; i < (tokens + T - 1) / T * T * ROWS * TILE; i += LANES) vf_store(sums + i, vf_set(0));
    for (int64 c = 0; c < w->columns; c += COLUMNS) {
        const int64 columns = w->columns - c < COLUMNS ? w->columns - c : COLUMNS, whole = columns / TILE * TILE;
        w->pack(w->weight, row, rows, c, columns, panel);
        for (int64 t = 0; t < tokens; t += T) {
            const float *in[T], *rest[T];
            float tail[T][TILE];
            for (int i = 0; i < T; ++i) { /* tokens that are missing are the last one again */
                in[i] = x + (t + i < tokens ? t + i : tokens - 1) * w->columns + c;
                rest[i] = tail[i];
                if (whole < columns) widen_some(FLOAT32, in[i], whole, columns - whole, tail[i]);
            }
            for (int64 r = 0; r < rows; r += R) {
                float *s = sums + (t * ROWS + r) * TILE;
                const float *weights = panel + r * COLUMNS;
                add_panel(weights, in, whole, s);
                if (whole < columns) add_panel(weights + whole * R * LANES / TILE, rest, TILE, s);
            }
        }
    }
    for (int64 t = 0; t < tokens; ++t)
        for (int64 r = 0; r < rows; ++r) out[t * w->rows + row + r] = total(sums + (t * ROWS + r) * TILE);
}

void NAME(panel_linear)(const struct source *w, const float *x, int64 tokens, int64 from, int64 to, float *out,
                        float *scratch) {
    for (int64 t = 0; t < tokens; t += TOKENS)
        for (int64 r = from; r < to; r += ROWS)
            many(w, x + t * w->columns, tokens - t < TOKENS ? tokens - t : TOKENS, r, to - r < ROWS ? to - r : ROWS,
                 out + t * w->rows, scratch);
}
