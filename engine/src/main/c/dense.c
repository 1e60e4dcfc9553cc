/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of a dense weight (rows, columns) of float32, float16 or bfloat16 with float32 inputs (tokens, columns).
 *
 * Sums run along the columns, in 16 lanes: lane l of a sum adds w(r, c) x(t, c) for the columns c with c mod 16 = l, in
 * ascending order; then the lanes are added. So blocks of rows, tokens and columns do not change a bit.
 *
 * A few tokens take 4 rows at a time, in the type of the weight: memory is the limit. AVX-512 has the registers for 4
 * tokens at once; so up to 16 are faster than in panels.
 *
 * More tokens take panels that are converted to float32, see panel.c.
 */
#include "panel.h"

/* Tokens that share a converted weight, as many as there are registers for; and the most that take no panels. */
enum { MORE = LANES == TILE ? 4 : 1, FEW = LANES == TILE ? 16 : 2 };

/*
 * Adds the products of N rows, which are `row` numbers apart, and M tokens to sums (M, N, 16 lanes). A weight is converted
 * once for M tokens.
 */
INLINE void rows_of(const int TYPE, const int N, const int M, const void *w, int64 row, const float *x, int64 stride,
                    int64 columns, float *sums) {
    vf s[MORE][R][REGISTERS];
    UNROLL for (int t = 0; t < M; ++t) UNROLL for (int r = 0; r < N; ++r) UNROLL for (int k = 0; k < REGISTERS; ++k)
        s[t][r][k] = vf_load(sums + (t * N + r) * TILE + k * LANES);
    for (int64 c = 0; c < columns; c += TILE)
        UNROLL for (int k = 0; k < REGISTERS; ++k) {
            vf in[MORE];
            UNROLL for (int t = 0; t < M; ++t) in[t] = vf_load(x + t * stride + c + k * LANES);
            UNROLL for (int r = 0; r < N; ++r) {
                const vf weight = load(TYPE, w, r * row + c + k * LANES);
                UNROLL for (int t = 0; t < M; ++t) s[t][r][k] = vf_fma(weight, in[t], s[t][r][k]);
            }
        }
    UNROLL for (int t = 0; t < M; ++t) UNROLL for (int r = 0; r < N; ++r) UNROLL for (int k = 0; k < REGISTERS; ++k)
        vf_store(sums + (t * N + r) * TILE + k * LANES, s[t][r][k]);
}

INLINE void add_rows(const int N, const int M, int32 type, const void *w, int64 row, const float *x, int64 stride,
                     int64 columns, float *sums) {
    if (type == FLOAT32)
        rows_of(FLOAT32, N, M, w, row, x, stride, columns, sums);
    else if (type == FLOAT16)
        rows_of(FLOAT16, N, M, w, row, x, stride, columns, sums);
    else
        rows_of(BFLOAT16, N, M, w, row, x, stride, columns, sums);
}

/* N rows and M tokens. */
INLINE void block(const int N, const int M, const struct dense *w, const float *x, int64 row, float *out) {
    const int64 columns = w->columns, whole = columns / TILE * TILE;
    float sums[MORE * R * TILE], rest[R * TILE], in[MORE * TILE];
    for (int i = 0; i < M * N * TILE; i += LANES) vf_store(sums + i, vf_set(0));
    add_rows(N, M, w->type, (const uint8 *)w->values + row * columns * bytes_of(w->type), columns, x, columns, whole, sums);
    if (whole < columns) {
        for (int64 r = 0; r < N; ++r)
            widen_some(w->type, w->values, (row + r) * columns + whole, columns - whole, rest + r * TILE);
        for (int64 t = 0; t < M; ++t) widen_some(FLOAT32, x, t * columns + whole, columns - whole, in + t * TILE);
        add_rows(N, M, FLOAT32, rest, TILE, in, TILE, TILE, sums);
    }
    for (int64 t = 0; t < M; ++t)
        for (int64 r = 0; r < N; ++r) out[t * w->rows + row + r] = total(sums + (t * N + r) * TILE);
}

/* Up to 16 tokens with AVX-512, else up to 2. */
static void few(const struct dense *w, const float *x, int64 tokens, int64 from, int64 to, float *out) {
    for (int64 r = from, rows; r < to; r += rows) {
        rows = to - r < R ? 1 : R;
        for (int64 t = 0, count; t < tokens; t += count) {
            const float *in = x + t * w->columns;
            float *const sums = out + t * w->rows;
            count = rows == 1 || tokens - t < MORE ? 1 : MORE;
            if (rows == 1)
                block(1, 1, w, in, r, sums);
            else if (count == 1)
                block(R, 1, w, in, r, sums);
            else
                block(R, MORE, w, in, r, sums);
        }
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
    if (tokens <= FEW)
        few(w, x, tokens, from, to, out);
    else
        NAME(panel_linear)(&source, x, tokens, from, to, out, scratch);
}
