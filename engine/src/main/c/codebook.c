/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of NF4 and FP4 weights (BitsandbytesWeight.java) with float32 inputs. A byte holds an even column in its
 * high bits and the odd one behind it in its low bits, so even and odd inputs come separately:
 * x (tokens, 2, columns / 2).
 *
 * Sums run along the columns in 32 lanes, 16 of even columns and 16 of odd ones, and are multiplied with the scale of
 * a block at its end. The lookup takes longest. One token takes 2 rows at once, which share the inputs, and several
 * tokens take one row of 2 tokens, which share the entries: 8 sums beside the 4 registers of a table of AVX2.
 */
#include "vec.h"

enum { PAIRS = 2 * REGISTERS, R = 2, T = 2 };

INLINE void block(const int ROWS, const int TOKENS, const struct codebook *w, const struct table *table, const float *x,
                  int64 token, int64 row, float *out) {
    const int64 columns = w->columns, half = columns / 2, blocks = columns / w->block;
    const uint8 *codes = w->codes + row * half;
    const float *in = x + token * columns;
    vf y[R][T][PAIRS];
    UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int t = 0; t < TOKENS; ++t)
        UNROLL for (int k = 0; k < PAIRS; ++k) y[r][t][k] = vf_set(0);
    for (int64 b = 0; b < blocks; ++b) {
        vf sum[R][T][PAIRS];
        UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int t = 0; t < TOKENS; ++t)
            UNROLL for (int k = 0; k < PAIRS; ++k) sum[r][t][k] = vf_set(0);
        for (int64 c = 0; c < w->block / 2; c += TILE, codes += TILE, in += TILE)
            UNROLL for (int r = 0; r < ROWS; ++r) {
                vf entries[PAIRS];
                vf_look_up(table, codes + r * half, entries);
                UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int k = 0; k < PAIRS; ++k) {
                    const float *even = in + t * columns;
                    sum[r][t][k] = vf_fma(entries[k], vf_load_pair(even, even + half, k), sum[r][t][k]);
                }
            }
        UNROLL for (int r = 0; r < ROWS; ++r) {
            const vf scale = vf_set(w->absmax[(row + r) * blocks + b]);
            UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int k = 0; k < PAIRS; ++k)
                y[r][t][k] = vf_fma(sum[r][t][k], scale, y[r][t][k]);
        }
    }
    for (int r = 0; r < ROWS; ++r)
        for (int t = 0; t < TOKENS; ++t) out[(token + t) * w->rows + row + r] = pair_sum(y[r][t]);
}

void NAME(codebook_linear)(const struct codebook *w, const float *x, int64 tokens, int64 from, int64 to, float *out) {
    const struct table table = vf_table(w->table);
    int64 t = 0;
    for (; t + T <= tokens; t += T)
        for (int64 row = from; row < to; ++row) block(1, T, w, &table, x, t, row, out);
    if (t == tokens) return;
    int64 row = from;
    for (; row + R <= to; row += R) block(R, 1, w, &table, x, t, row, out);
    if (row < to) block(1, 1, w, &table, x, t, row, out);
}

void NAME(split)(const float *x, int64 tokens, int64 columns, float *out) {
    for (int64 t = 0; t < tokens; ++t, x += columns, out += columns)
        for (int64 i = 0; i < columns / 2; ++i) {
            out[i] = x[2 * i];
            out[columns / 2 + i] = x[2 * i + 1];
        }
}
