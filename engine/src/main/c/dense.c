/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of a dense weight (rows, columns) of float32, float16 or bfloat16 with float32 inputs (tokens, columns).
 *
 * Sums run along the columns, in 16 lanes: lane l of a sum adds w(r, c) x(t, c) for the columns c with c mod 16 = l, in
 * ascending order; then the lanes are added. So blocks of rows, tokens and columns do not change a bit.
 *
 * One or two tokens take 4 rows at a time, in the type of the weight: memory is the limit.
 *
 * More tokens take panels that are converted to float32, see panel.c.
 */
#include "panel.h"

/* Adds the products of 4 rows, which are `row` numbers apart, and one token to sums (4, 16 lanes). */
INLINE void rows_of(const int TYPE, const void *w, int64 row, const float *x, int64 columns, float *sums) {
    vf s[R][REGISTERS];
    UNROLL for (int r = 0; r < R; ++r) UNROLL for (int k = 0; k < REGISTERS; ++k)
        s[r][k] = vf_load(sums + r * TILE + k * LANES);
    for (int64 c = 0; c < columns; c += TILE)
        UNROLL for (int k = 0; k < REGISTERS; ++k) {
            const vf in = vf_load(x + c + k * LANES);
            UNROLL for (int r = 0; r < R; ++r) s[r][k] = vf_fma(load(TYPE, w, r * row + c + k * LANES), in, s[r][k]);
        }
    UNROLL for (int r = 0; r < R; ++r) UNROLL for (int k = 0; k < REGISTERS; ++k)
        vf_store(sums + r * TILE + k * LANES, s[r][k]);
}

static void add_rows(int32 type, const void *w, int64 row, const float *x, int64 columns, float *sums) {
    if (type == FLOAT32)
        rows_of(FLOAT32, w, row, x, columns, sums);
    else if (type == FLOAT16)
        rows_of(FLOAT16, w, row, x, columns, sums);
    else
        rows_of(BFLOAT16, w, row, x, columns, sums);
}

/* One or two tokens. */
static void few(const struct dense *w, const float *x, int64 tokens, int64 from, int64 to, float *out) {
    const int64 columns = w->columns, whole = columns / TILE * TILE;
    for (int64 r = from; r < to;) {
        const int64 rows = to - r < R ? 1 : R; /* a single row is computed 4 times */
        const uint8 *weights = (const uint8 *)w->values + r * columns * bytes_of(w->type);
        for (int64 t = 0; t < tokens; ++t, x += columns) {
            float sums[R * TILE] = {0}, rest[R * TILE], in[TILE];
            add_rows(w->type, weights, rows == 1 ? 0 : columns, x, whole, sums);
            if (whole < columns) {
                for (int64 i = 0; i < R; ++i) {
                    const int64 first = (r + (i < rows ? i : 0)) * columns + whole;
                    widen_some(w->type, w->values, first, columns - whole, rest + i * TILE);
                }
                widen_some(FLOAT32, x, whole, columns - whole, in);
                add_rows(FLOAT32, rest, TILE, in, TILE, sums);
            }
            for (int64 i = 0; i < rows; ++i) out[t * w->rows + r + i] = total(sums + i * TILE);
        }
        x -= tokens * columns;
        r += rows;
    }
}

/*
 * Packs `columns` columns of 4 rows to (REGISTERS, 256 / 16, 4, LANES), with zeros up to a multiple of 16. Rows that
 * are missing are the last one again.
 */
INLINE void pack_rows(const int TYPE, const void *values, int64 row, int64 rows, int64 columns, float *panel) {
    const uint8 *in[R];
    UNROLL for (int r = 0; r < R; ++r) in[r] = (const uint8 *)values + (r < rows ? r : rows - 1) * row * bytes_of(TYPE);
    int64 c = 0;
    for (; c + TILE <= columns; c += TILE, panel += R * LANES)
        UNROLL for (int r = 0; r < R; ++r) {
            __builtin_prefetch(in[r] + (c + COLUMNS) * bytes_of(TYPE)); /* the next panel */
            UNROLL for (int k = 0; k < REGISTERS; ++k)
                vf_store(panel + k * STEP + r * LANES, load(TYPE, in[r], c + k * LANES));
        }
    for (int r = 0; r < R && c < columns; ++r) {
        float rest[TILE];
        widen_some(TYPE, in[r], c, columns - c, rest);
        for (int k = 0; k < REGISTERS; ++k) vf_store(panel + k * STEP + r * LANES, vf_load(rest + k * LANES));
    }
}

static void pack(const void *weight, int64 row, int64 rows, int64 column, int64 columns, float *panel) {
    const struct dense *w = weight;
    for (int64 r = 0; r < rows; r += R, panel += R * COLUMNS) {
        const void *values = (const uint8 *)w->values + ((row + r) * w->columns + column) * bytes_of(w->type);
        if (w->type == FLOAT32)
            pack_rows(FLOAT32, values, w->columns, rows - r, columns, panel);
        else if (w->type == FLOAT16)
            pack_rows(FLOAT16, values, w->columns, rows - r, columns, panel);
        else
            pack_rows(BFLOAT16, values, w->columns, rows - r, columns, panel);
    }
}

void NAME(dense_linear)(const struct dense *w, const float *x, int64 tokens, int64 from, int64 to, float *out,
                        float *scratch) {
    const struct source source = {w, pack, w->rows, w->columns};
    if (tokens <= 2)
        few(w, x, tokens, from, to, out);
    else
        NAME(panel_linear)(&source, x, tokens, from, to, out, scratch);
}
