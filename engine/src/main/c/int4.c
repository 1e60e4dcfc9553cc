/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of an int4 weight (Int4.java) with inputs rounded to int8 by its groups. A group of columns adds
 *
 *     scale * s * sum(q x) + offset * s * sum(x)          symmetric: offset = -8 scale
 *
 * with codes q from 0 to 15 and int8 inputs x of scale s. The integer sums are exact. A lane belongs to a row, so that
 * nothing is summed across lanes, and scales are loaded as they are. 8 columns of a row are a word: an `and`, and a
 * shift and an `and`, make two operands of a dot product with 4 inputs each, which are broadcast.
 *
 * One token takes 4 tiles at once, which use a broadcast for 64 rows. Their codes are four streams of memory.
 *
 * More tokens take up to 4 at once with one tile, which use a code 4 times: their integer sums are half of the 16
 * registers of AVX2. AVX-512 takes two tiles, which share broadcasts as well: with one, loads and dot products are as
 * many. The loop over 8 columns is not unrolled: the compiler would reorder the additions, and keep more products than
 * there are registers. A panel of 4 tiles (128 KiB of codes with 4096 columns) stays in the L2 cache while all tokens
 * pass. Where there are products of 8-bit matrices, two tokens share each of them.
 */
#include "grouped.h"

enum { TILES = 4, TOKENS = 4, MORE = LANES == TILE ? 2 : 1, R = TILES * REGISTERS };

/* Adds the dots of 32 columns of N tiles and T tokens. */
INLINE void dots(const int N, const int T, const uint8 *codes, int64 tile_bytes, const int8 *x, int64 columns,
                 vi (*sums)[R]) {
    const int registers = N * REGISTERS, step = registers < 2 ? 1 : 2; /* registers of codes that share a broadcast */
    const vi low = vi_set(0x0f0f0f0f);
    ROLLED for (int k = 0; k < 4; ++k, codes += TILE * 4, x += 8)
        UNROLL for (int first = 0; first < registers; first += step) {
            vi even[2], odd[2];
            UNROLL for (int i = 0; i < step; ++i) {
                const int r = first + i;
                const uint8 *words = codes + r / REGISTERS * tile_bytes + r % REGISTERS * (LANES * 4);
                /* Farther ahead than the processor's own prefetch, which stops at the borders of pages. */
                if (r % REGISTERS == 0) __builtin_prefetch(words + 1536);
                const vi word = vi_load(words);
                even[i] = vi_and(word, low);
                odd[i] = vi_and(vi_right(word, 4), low);
            }
            UNROLL for (int t = 0; t < T; ++t) {
                const int32 *in = (const int32 *)(x + t * columns);
                vi *sum = sums[t] + first;
                UNROLL for (int i = 0; i < step; ++i) sum[i] = vi_dot(sum[i], even[i], vi_set(in[0]));
                UNROLL for (int i = 0; i < step; ++i) sum[i] = vi_dot(sum[i], odd[i], vi_set(in[1]));
            }
        }
}

#if DOT_MATRIX
/* Adds the dots of a group of a tile and T tokens, at least 2. The third of three tokens is computed twice. */
INLINE void matrix_dots(const int T, const uint8 *codes, const int8 *x, int64 group, int64 columns, vi (*total)[R]) {
    vi sums[TOKENS / 2][2 * REGISTERS];
    UNROLL for (int p = 0; p < (T + 1) / 2; ++p) UNROLL for (int i = 0; i < 2 * REGISTERS; ++i) sums[p][i] = vi_set(0);
    ROLLED for (int64 c = 0; c < group; c += 8, codes += TILE * 4) {
        vi in[TOKENS / 2];
        UNROLL for (int p = 0; p < (T + 1) / 2; ++p)
            in[p] = vi_inputs(x + 2 * p * columns + c, x + (2 * p + 1 < T ? 2 * p + 1 : 2 * p) * columns + c);
        __builtin_prefetch(codes + 1536);
        UNROLL for (int r = 0; r < REGISTERS; ++r) {
            const vi low = vi_set(0x0f0f0f0f), word = vi_load(codes + r * (LANES * 4));
            const vi even = vi_and(word, low), odd = vi_and(vi_right(word, 4), low);
            UNROLL for (int p = 0; p < (T + 1) / 2; ++p) vi_dot_matrix(sums[p] + 2 * r, even, odd, in[p]);
        }
    }
    UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < REGISTERS; ++r)
        total[t][r] = vi_add(total[t][r], vi_token(sums[t / 2] + 2 * r, t % 2));
}
#endif

/* N tiles of T tokens. */
INLINE void block(const int N, const int T, const int32 type, const int64 group, const struct grouped *w,
                  const struct rounded *in, int64 token, int64 tile, float *out) {
    const int registers = N * REGISTERS;
    const struct factors f = factors_of(w, type, group);
    const int64 columns = w->columns, groups = f.groups, tile_bytes = columns * (TILE / 2);
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
            const vi start = vi_set(f.offsets ? 0 : -8 * x_sums[t * groups]);
            UNROLL for (int r = 0; r < registers; ++r) total[t][r] = start;
        }
        int64 c = 0;
#if DOT_MATRIX
        if (T > 1) {
            matrix_dots(T, codes, x, group, columns, total);
            codes += group * (TILE / 2);
            x += group;
            c = group;
        }
#endif
        for (; c < group; c += 32, codes += 4 * 4 * TILE, x += 32) {
            vi sums[TOKENS][R];
            UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r)
                sums[t][r] = DOT_INT32 ? total[t][r] : vi_set(0);
            dots(N, T, codes, tile_bytes, x, columns, sums);
            UNROLL for (int t = 0; t < T; ++t) UNROLL for (int r = 0; r < registers; ++r)
                total[t][r] = DOT_INT32 ? sums[t][r] : vi_widen(total[t][r], sums[t][r]);
        }
        add_group(N, T, R, &f, tile, g, x_scales, x_sums, total[0], y[0]);
    }
    store_sums(N, T, R, w->rows, token, tile, y[0], out);
}

/* A token and up to 4 tiles. */
static void one_token(const struct grouped *w, const struct rounded *in, int64 token, int64 tile, int64 tiles,
                      float *out) {
    if (tiles == TILES)
        block(TILES, 1, w->type, w->group, w, in, token, tile, out);
    else
        for (int64 i = 0; i < tiles; ++i) block(1, 1, w->type, w->group, w, in, token, tile + i, out);
}

/* 2 to 4 tokens and up to 4 tiles. Of an odd number the last one takes a token after the other. */
static void more_tokens(const struct grouped *w, const struct rounded *in, int64 token, int64 tokens, int64 tile,
                        int64 tiles, float *out) {
    int64 i = 0;
    for (; i + MORE <= tiles; i += MORE)
        if (tokens == 2)
            block(MORE, 2, w->type, w->group, w, in, token, tile + i, out);
        else if (tokens == 3)
            block(MORE, 3, w->type, w->group, w, in, token, tile + i, out);
        else if (w->type == FLOAT16 && w->group == 32) /* common: without tests in each group */
            block(MORE, TOKENS, FLOAT16, 32, w, in, token, tile + i, out);
        else
            block(MORE, TOKENS, w->type, w->group, w, in, token, tile + i, out);
    for (int64 t = token; i < tiles && t < token + tokens; ++t) one_token(w, in, t, tile + i, 1, out);
}

void NAME(int4_linear)(const struct grouped *w, const struct rounded *in, int64 tokens, int64 from, int64 to, float *out) {
    for (int64 panel = from; panel < to; panel += TILES) {
        const int64 tiles = to - panel < TILES ? to - panel : TILES;
        for (int64 t = 0; t < tokens; t += TOKENS) {
            const int64 count = tokens - t < TOKENS ? tokens - t : TOKENS;
            if (count == 1)
                one_token(w, in, t, panel, tiles, out);
            else
                more_tokens(w, in, t, count, panel, tiles, out);
        }
    }
}
