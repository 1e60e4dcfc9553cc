/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of a dense weight (rows, columns) of float32, float16 or bfloat16 with float32 inputs (tokens, columns).
 *
 * Sums run along the columns, in 16 lanes: lane l of a sum adds w(r, c) x(t, c) for the columns c with c mod 16 = l, in
 * ascending order; then the lanes are added. So blocks of rows, tokens and columns do not change a bit.
 *
 * One or two tokens take 4 rows at a time, in the type of the weight: memory is the limit.
 *
 * More tokens are blocked: 16 rows and 256 columns of the weight are converted to float32 and packed (16 KiB), and stay
 * in the L1 cache while 48 tokens pass. 4 rows of 3 tokens are 12 sums: with 3 inputs and a weight they fill the 16
 * registers of AVX2, so each register of the 16 lanes has its own pass. The packed weights are in the order in which a
 * pass reads them; rows that are a power of two apart would share sets of the cache.
 */
#include "vec.h"

enum { ROWS = 16, TOKENS = 48, COLUMNS = 256, R = 4, T = 3 };

INLINE float total(const float *sums) {
    vf lanes[REGISTERS];
    for (int k = 0; k < REGISTERS; ++k) lanes[k] = vf_load(sums + k * LANES);
    return lane_sum(lanes);
}

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
    enum { STEP = COLUMNS / TILE * R * LANES }; /* from one register of the 16 lanes to the next */
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

static void pack(const struct dense *w, int64 row, int64 rows, int64 column, int64 columns, float *panel) {
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

/* Adds the products of 4 packed rows and 3 tokens to sums (3, 16 rows, 16 lanes). Columns are a multiple of 16. */
static void add_panel(const float *panel, const float *const *x, int64 columns, float *sums) {
    for (int k = 0; k < REGISTERS; ++k) {
        vf s[T][R];
        UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < R; ++r)
            s[t][r] = vf_load(sums + (t * ROWS + r) * TILE + k * LANES);
        const float *weights = panel + k * (COLUMNS / TILE * R * LANES);
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
static void many(const struct dense *w, const float *x, int64 tokens, int64 row, int64 rows, float *out,
                 float *scratch) {
    float *sums = scratch, *panel = sums + TOKENS * ROWS * TILE;
    for (int64 i = 0; i < (tokens + T - 1) / T * T * ROWS * TILE; i += LANES) vf_store(sums + i, vf_set(0));
    for (int64 c = 0; c < w->columns; c += COLUMNS) {
        const int64 columns = w->columns - c < COLUMNS ? w->columns - c : COLUMNS, whole = columns / TILE * TILE;
        pack(w, row, rows, c, columns, panel);
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

void NAME(dense_linear)(const struct dense *w, const float *x, int64 tokens, int64 from, int64 to, float *out,
                        float *scratch) {
    if (tokens <= 2) {
        few(w, x, tokens, from, to, out);
        return;
    }
    for (int64 t = 0; t < tokens; t += TOKENS)
        for (int64 r = from; r < to; r += ROWS)
            many(w, x + t * w->columns, tokens - t < TOKENS ? tokens - t : TOKENS, r, to - r < ROWS ? to - r : ROWS,
                 out + t * w->rows, scratch);
}
