/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of NF4 and FP4 weights (BitsandbytesWeight.java) with float32 inputs. A byte holds an even column in its high
 * bits and the odd one behind it in its low bits, so even and odd inputs come separately:
 *
 *     x (tokens, 2, columns / 2)
 */
#include "vec.h"

INLINE void block(const int ROWS, const int TOKENS, const struct codebook *w, const float *x, int64 token, int64 row,
                  float *out) {
    enum { R = 2, T = 2 };
    const int64 columns = w->columns, half = columns / 2, blocks = columns / w->block;
    const struct table table = vf_table(w->table);
    vf y[R][T][REGISTERS];
    UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int k = 0; k < REGISTERS; ++k)
        y[r][t][k] = vf_set(0);
    for (int64 b = 0; b < blocks; ++b) {
        vf sum[R][T][REGISTERS];
        UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int k = 0; k < REGISTERS; ++k)
            sum[r][t][k] = vf_set(0);
        for (int64 c = b * w->block / 2; c < (b + 1) * w->block / 2; c += TILE)
            UNROLL for (int k = 0; k < REGISTERS; ++k) {
                const int64 at = c + k * LANES;
                UNROLL for (int r = 0; r < ROWS; ++r) {
                    const vi both = vi_load_u8(w->codes + (row + r) * half + at);
                    const vf even = vf_look_up(table, vi_right(both, 4));
                    const vf odd = vf_look_up(table, vi_and(both, vi_set(15)));
                    UNROLL for (int t = 0; t < TOKENS; ++t) {
                        const float *in = x + (token + t) * columns + at;
                        sum[r][t][k] = vf_fma(even, vf_load(in), sum[r][t][k]);
                        sum[r][t][k] = vf_fma(odd, vf_load(in + half), sum[r][t][k]);
                    }
                }
            }
        UNROLL for (int r = 0; r < ROWS; ++r) {
            const vf scale = vf_set(w->absmax[(row + r) * blocks + b]);
            UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int k = 0; k < REGISTERS; ++k)
                y[r][t][k] = vf_fma(sum[r][t][k], scale, y[r][t][k]);
        }
    }
    for (int r = 0; r < ROWS; ++r)
        for (int t = 0; t < TOKENS; ++t) out[(token + t) * w->rows + row + r] = lane_sum(y[r][t]);
}

void NAME(codebook_linear)(const struct codebook *w, const float *x, int64 tokens, int64 from, int64 to, float *out) {
    for (int64 row = from; row < to; ++row) {
        int64 t = 0;
        for (; t + 2 <= tokens; t += 2) block(1, 2, w, x, t, row, out);
        for (; t < tokens; ++t) block(1, 1, w, x, t, row, out);
    }
}

void NAME(split)(const float *x, int64 tokens, int64 columns, float *out) {
    for (int64 t = 0; t < tokens; ++t, x += columns, out += columns)
        for (int64 i = 0; i < columns / 2; ++i) {
            out[i] = x[2 * i];
            out[columns / 2 + i] = x[2 * i + 1];
        }
}
