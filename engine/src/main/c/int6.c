/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of a 6-bit weight (Int6.java) with inputs rounded to int8 by its groups: int4.c with the codes of int6.h,
 * and offset = -32 scale where a weight is symmetric.
 */
#include "grouped.h"
#include "int6.h"

enum { TILES = 2, TOKENS = 4 };

/* Adds two dots. In two sums of 16 bits a lane, they are at most 2 * 2 * 63 * 127 = 32004. */
INLINE vi two_dots(vi total, vi first, vi second, const int32 *inputs) {
    const vi sums = vi_dot(DOT_INT32 ? total : vi_set(0), first, vi_set(inputs[0]));
    const vi both = vi_dot(sums, second, vi_set(inputs[1]));
    return DOT_INT32 ? both : vi_widen(total, both);
}

/* N tiles of T tokens. */
INLINE void block(const int N, const int T, const struct grouped *w, const struct rounded *in, int64 token, int64 tile,
                  float *out) {
    enum { R = TILES * REGISTERS };
    const int registers = N * REGISTERS;
    const struct factors f = factors_of(w, w->type, w->group);
    const int64 columns = w->columns, group = w->group, groups = f.groups, tile_bytes = columns * (TILE * 3 / 4);
    /* these advance by a group */
    const uint8 *codes = (const uint8 *)w->codes + tile * tile_bytes;
    const int8 *x = in->codes + token * columns;
    const float *x_scales = in->scales + token * groups;
    const int32 *x_sums = in->sums + token * groups;
    vf y[TOKENS][R];
    UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r) y[t][r] = vf_set(0);
    for (int64 g = 0; g < groups; ++g, ++x_scales, ++x_sums) {
        vi total[TOKENS][R];
        UNROLL for (int t = 0; t < T; ++t) {
            const vi start = f.offsets ? vi_set(0) : vi_sub(vi_set(0), vi_left(vi_set(x_sums[t * groups]), 5));
            UNROLL for (int r = 0; r < registers; ++r) total[t][r] = start;
        }
#if DOT_MATRIX
        vi matrix[TOKENS / 2][2 * REGISTERS];
        UNROLL for (int p = 0; p < (T + 1) / 2; ++p) UNROLL for (int i = 0; i < 2 * REGISTERS; ++i)
            matrix[p][i] = vi_set(0);
#endif
        for (int64 c = 0; c < group; c += 16, codes += 3 * 4 * TILE, x += 16)
            UNROLL for (int r = 0; r < registers; ++r) {
                const uint8 *words = codes + r / REGISTERS * tile_bytes + r % REGISTERS * (LANES * 4);
                /* the three cache lines of 16 columns, 12 times 16 columns ahead */
                if (r % REGISTERS == 0)
                    UNROLL for (int i = 0; i < 3; ++i) __builtin_prefetch(words + (36 + i) * (TILE * 4));
                vi q[4];
                operands(words, q);
#if DOT_MATRIX
                if (T > 1) {
                    UNROLL for (int p = 0; p < (T + 1) / 2; ++p) {
                        const int8 *token = x + 2 * p * columns, *next = 2 * p + 1 < T ? token + columns : token;
                        vi_dot_matrix(matrix[p] + 2 * r, q[0], q[1], vi_inputs(token, next));
                        vi_dot_matrix(matrix[p] + 2 * r, q[2], q[3], vi_inputs(token + 8, next + 8));
                    }
                    continue;
                }
#endif
                UNROLL for (int t = 0; t < T; ++t) {
                    const int32 *inputs = (const int32 *)(x + t * columns);
                    total[t][r] = two_dots(two_dots(total[t][r], q[0], q[1], inputs), q[2], q[3], inputs + 2);
                }
            }
#if DOT_MATRIX
        UNROLL for (int t = 0; T > 1 && t < T; ++t) UNROLL for (int r = 0; r < REGISTERS; ++r)
            total[t][r] = vi_add(total[t][r], vi_token(matrix[t / 2] + 2 * r, t % 2));
#endif
        add_group(N, T, R, &f, tile, g, x_scales, x_sums, total[0], y[0]);
    }
    store_sums(N, T, R, w->rows, token, tile, y[0], out);
}

/* A token and up to 2 tiles. */
static void one_token(const struct grouped *w, const struct rounded *in, int64 token, int64 tile, int64 tiles, float *out) {
    if (tiles == TILES)
        block(TILES, 1, w, in, token, tile, out);
    else
        block(1, 1, w, in, token, tile, out);
}

/* 2 to 4 tokens and a tile. */
static void few_tokens(const struct grouped *w, const struct rounded *in, int64 token, int64 tokens, int64 tile,
                       float *out) {
    if (tokens == 2)
        block(1, 2, w, in, token, tile, out);
    else if (tokens == 3)
        block(1, 3, w, in, token, tile, out);
    else
        block(1, TOKENS, w, in, token, tile, out);
}

void NAME(int6_linear)(const struct grouped *w, const struct rounded *in, int64 tokens, int64 from, int64 to, float *out) {
    for (int64 panel = from; panel < to; panel += TILES) {
        const int64 tiles = to - panel < TILES ? to - panel : TILES;
        for (int64 t = 0; t < tokens; t += TOKENS) {
            const int64 count = tokens - t < TOKENS ? tokens - t : TOKENS;
            if (count == 1)
                one_token(w, in, t, panel, tiles, out);
            else
                for (int64 i = 0; i < tiles; ++i) few_tokens(w, in, t, count, panel + i, out);
        }
    }
}
