/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that are quantized by groups of columns (struct grouped): their scales and offsets, and sums. */
#ifndef GROUPED_H
#define GROUPED_H

#include "vec.h"

struct factors {
    int32 type;
    int shift; /* 1 << shift groups are 256 columns */
    int64 groups;
    const void *scales, *offsets;
};

/* `type` and `group` are those of w, where they are known as constants. */
INLINE struct factors factors_of(const struct grouped *w, int32 type, int64 group) {
    const int shift = 8 - __builtin_ctzll((unsigned long long)group);
    return (struct factors){type, shift, w->columns / group, w->scales, w->offsets};
}

/*
 * The scales or offsets p of group g of a tile, of the rows from `row` on. A two-level one is exact: 11 bits times 8.
 * Example, groups of 32 (shift 3): group 9 is group 1 of the second block of 32 + 16 * 8 bytes.
 */
INLINE vf factor(const struct factors *f, const void *p, int64 tile, int64 g, int64 row) {
    const int64 at = (tile * f->groups + g) * TILE + row;
    if (f->type == FLOAT16) return load(FLOAT16, p, at);
    if (f->type == FLOAT32) return load(FLOAT32, p, at);
    const int64 block = tile * (f->groups >> f->shift) + (g >> f->shift), size = 2 * TILE + (TILE << f->shift);
    const uint8 *half = (const uint8 *)p + block * size;
    const uint8 *codes = half + 2 * TILE + (g & ((1 << f->shift) - 1)) * TILE + row;
    return load(FLOAT16, half, row) * vf_of(vi_load_s8((const int8 *)codes));
}

/*
 * Adds group g to y, the sums of T tokens and N tiles from `tile` on:
 *
 *     scale * s * sum(q x) + offset * s * sum(x)
 *
 * with codes q and inputs x of scale s. `dots` are sum(q x); they and y have R registers for a token.
 */
INLINE void add_group(const int N, const int T, const int R, const struct factors *f, int64 tile, int64 g,
                      const float *x_scales, const int32 *x_sums, const vi *dots, vf *y) {
    UNROLL for (int r = 0; r < N * REGISTERS; ++r) {
        const int64 i = tile + r / REGISTERS, row = r % REGISTERS * LANES;
        const vf scale = factor(f, f->scales, i, g, row);
        UNROLL for (int t = 0; t < T; ++t) {
            const vf sum = vf_of(dots[t * R + r]) * vf_set(x_scales[t * f->groups]);
            y[t * R + r] = vf_fma(sum, scale, y[t * R + r]);
        }
        if (f->offsets) {
            const vf offset = factor(f, f->offsets, i, g, row);
            UNROLL for (int t = 0; t < T; ++t) {
                const vf sum = vf_set(x_scales[t * f->groups] * (float)x_sums[t * f->groups]);
                y[t * R + r] = vf_fma(offset, sum, y[t * R + r]);
            }
        }
    }
}

/* Stores the sums of T tokens and N tiles in out (tokens, rows). */
INLINE void store_sums(const int N, const int T, const int R, int64 rows, int64 token, int64 tile, const vf *y,
                       float *out) {
    UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < N * REGISTERS; ++r) {
        const int64 row = (tile + r / REGISTERS) * TILE + r % REGISTERS * LANES;
        store_some(FLOAT32, out, (token + t) * rows + row, rows - row, y[t * R + r]);
    }
}

#endif
