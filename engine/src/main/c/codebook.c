/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of NF4 and FP4 weights (BitsandbytesWeight.java) with float32 inputs. A weight is the product of an entry of
 * the codebook and the scale of its block, rounded to float32. A byte holds an even column in its high bits and the odd
 * one behind it in its low bits; entries come in the order 0 2 4 6 1 3 5 7 of each 8 columns, and so do the inputs.
 *
 * The lookup takes longest. One token takes 2 rows at once, which share the inputs; more tokens take panels of weights,
 * see panel.c, whose order of sums the former keeps.
 */
#include "panel.h"

enum { PAIRS = 2 * REGISTERS };

/* The weights of 32 columns from `column` on, a multiple of 32. */
INLINE void weights_of(const struct codebook *w, const struct table *table, int64 row, int64 column, vf *weights) {
    const vf scale = vf_set(w->absmax[(row * w->columns + column) / w->block]);
    vf_look_up(table, w->codes + (row * w->columns + column) / 2, weights);
    UNROLL for (int k = 0; k < PAIRS; ++k) weights[k] = weights[k] * scale;
}

/* N rows of a token. */
INLINE void rows_of(const int N, const struct codebook *w, const struct table *table, const float *x, int64 row,
                    float *out) {
    vf sums[2][REGISTERS];
    UNROLL for (int r = 0; r < N; ++r) UNROLL for (int k = 0; k < REGISTERS; ++k) sums[r][k] = vf_set(0);
    for (int64 c = 0; c < w->columns; c += 2 * TILE)
        UNROLL for (int r = 0; r < N; ++r) {
            vf weights[PAIRS];
            weights_of(w, table, row + r, c, weights);
            UNROLL for (int k = 0; k < PAIRS; ++k)
                sums[r][k % REGISTERS] = vf_fma(weights[k], vf_load(x + c + k * LANES), sums[r][k % REGISTERS]);
        }
    for (int r = 0; r < N; ++r) out[row + r] = lane_sum(sums[r]);
}

static void pack(const void *weight, int64 row, int64 rows, int64 column, int64 columns, float *panel) {
    const struct codebook *w = weight;
    const struct table table = vf_table(w->table);
    for (int64 first = 0; first < rows; first += R, panel += R * COLUMNS)
        for (int64 c = 0; c < columns; c += 2 * TILE)
            for (int64 r = 0; r < R; ++r) {
                const int64 i = first + r < rows ? first + r : rows - 1; /* rows that are missing are the last one */
                vf weights[PAIRS];
                weights_of(w, &table, row + i, column + c, weights);
                UNROLL for (int k = 0; k < PAIRS; ++k)
                    vf_store(panel + k % REGISTERS * STEP + (c / TILE + k / REGISTERS) * R * LANES + r * LANES, weights[k]);
            }
}

void NAME(codebook_linear)(const struct codebook *w, const float *x, int64 tokens, int64 from, int64 to, float *out,
                           float *scratch) {
    const struct source source = {w, pack, w->rows, w->columns};
    if (tokens > 2) {
        NAME(panel_linear)(&source, x, tokens, from, to, out, scratch);
        return;
    }
    const struct table table = vf_table(w->table);
    for (int64 t = 0; t < tokens; ++t, x += w->columns, out += w->rows) {
        int64 row = from;
        for (; row + 2 <= to; row += 2) rows_of(2, w, &table, x, row, out);
        if (row < to) rows_of(1, w, &table, x, row, out);
    }
}

void NAME(split)(const float *x, int64 tokens, int64 columns, float *out) {
    for (int64 c = 0; c < tokens * columns; c += 8)
        UNROLL for (int64 i = 0; i < 4; ++i) {
            out[c + i] = x[c + 2 * i];
            out[c + 4 + i] = x[c + 2 * i + 1];
        }
}
