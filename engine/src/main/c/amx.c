/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of 16 tokens with int4 and 6-bit weights by the tiles of AMX. The integer sums of a group are exact, and
 * floats are added group by group, so the bits are those of int4.c and int6.c, which multiply the tokens that are left.
 *
 * A tile is a register of 16 rows of 64 bytes. A product adds to C (16 tokens, 16 rows of the weight)
 *
 *     A (16 tokens, K columns)      the inputs, as int8
 *     B (K / 4, 16 rows, 4 columns) unpacked codes: a register of the 16 lanes of int4.c is a row of B
 *
 * where K is a group, or 64 columns of it. C is stored for each group and added to 16 x 16 sums in registers.
 *
 * Inputs of 16 tokens and up to 1024 columns are copied to a block (columns / K, 16, K) of 16 KiB, which stays in the L1
 * cache while all tiles of the weight pass: rows that are a power of two apart would share a set of it.
 */
#include "grouped.h"
#include "int6.h"

#if defined(AMX_EMULATED)
#include "amx_emulated.h"
#define REST(kernel) kernel##_avx2
#else
#define REST(kernel) kernel##_avx512
#endif

enum { TOKENS = 16, COLUMNS = 1024 };

/* Writes the codes of `columns` columns of a tile, at most 64, minus `zero` in each byte: B. */
typedef void unpack_fn(const uint8 *codes, int64 columns, vi zero, int8 *b);

/* The shapes of tiles 0 (C), 1 (A) and 2 (B): a palette, bytes of a row, and rows. */
INLINE void configure(int64 k) {
    struct {
        uint8 palette, start, reserved[14];
        uint16 bytes[16];
        uint8 rows[16];
    } config = {1, 0, {0}, {64, (uint16)k, 64}, {16, TOKENS, (uint8)(k / 4)}};
    _tile_loadconfig(&config);
}

/* The block of inputs of `count` columns. */
INLINE void copy_inputs(const int8 *x, int64 columns, int64 count, int64 k, int8 *block) {
    for (int64 c = 0; c < count; c += k)
        for (int t = 0; t < TOKENS; ++t, block += k)
            for (int64 i = 0; i < k; i += 16) __builtin_memcpy(block + i, x + t * columns + c + i, 16);
}

/* The sums of a group. */
INLINE void group_sums(unpack_fn *const unpack, const uint8 *codes, int64 code_bytes, const int8 *block, int64 group,
                       int64 k, vi zero, int32 *sums) {
    _Alignas(64) int8 b[64 * TILE];
    _tile_zero(0);
    for (int64 c = 0; c < group; c += k, codes += code_bytes, block += TOKENS * k) {
        unpack(codes, k, zero, b);
        _tile_loadd(1, block, k);
        _tile_loadd(2, b, 64);
        _tile_dpbssd(0, 1, 2);
    }
    _tile_stored(0, sums, 64);
}

/*
 * Tiles from inclusive to exclusive, of 16 tokens from `token` on. Symmetric weights have offset = -zero scale.
 */
INLINE void sixteen_tokens(unpack_fn *const unpack, const int bits, const int zero, const struct grouped *w,
                           const struct rounded *in, int64 token, int64 from, int64 to, float *out) {
    const struct factors f = factors_of(w, w->type, w->group);
    const int64 columns = w->columns, group = w->group, groups = f.groups, tile_bytes = columns * 2 * bits;
    const int64 k = group % 64 == 0 ? 64 : group % 32 == 0 ? 32 : 16, step = COLUMNS / group;
    const vi zeros = vi_set(f.offsets ? 0 : zero * 0x01010101);
    _Alignas(64) int8 block[TOKENS * COLUMNS];
    configure(k);
    for (int64 first = 0; first < groups; first += step) {
        const int64 last = groups - first < step ? groups : first + step;
        copy_inputs(in->codes + token * columns + first * group, columns, (last - first) * group, k, block);
        for (int64 tile = from; tile < to; ++tile) {
            float *const to_rows = out + token * w->rows + tile * TILE;
            const int64 rows = w->rows - tile * TILE;
            vf y[TOKENS][REGISTERS];
            UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int r = 0; r < REGISTERS; ++r)
                y[t][r] = first ? load_some(FLOAT32, to_rows, t * w->rows + r * LANES, rows - r * LANES) : vf_set(0);
            for (int64 g = first; g < last; ++g) {
                _Alignas(64) int32 sums[TOKENS * TILE];
                group_sums(unpack, (const uint8 *)w->codes + tile * tile_bytes + g * group * 2 * bits, k * 2 * bits,
                           block + (g - first) * TOKENS * group, group, k, zeros, sums);
                add_group(1, TOKENS, REGISTERS, &f, tile, g, in->scales + token * groups + g,
                          in->sums + token * groups + g, (const vi *)sums, y[0]);
            }
            UNROLL for (int t = 0; t < TOKENS; ++t) UNROLL for (int r = 0; r < REGISTERS; ++r)
                store_some(FLOAT32, to_rows, t * w->rows + r * LANES, rows - r * LANES, y[t][r]);
        }
    }
    _tile_release();
}

/* Tokens in sixteens, and the rest. */
INLINE void linear(int4_linear_fn *const rest, unpack_fn *const unpack, const int bits, const int zero,
                   const struct grouped *w, const struct rounded *in, int64 tokens, int64 from, int64 to, float *out) {
    const int64 whole = tokens / TOKENS * TOKENS, groups = w->columns / w->group;
    for (int64 t = 0; t < whole; t += TOKENS) sixteen_tokens(unpack, bits, zero, w, in, t, from, to, out);
    const struct rounded left = {in->codes + whole * w->columns, in->scales + whole * groups, in->sums + whole * groups};
    if (whole < tokens) rest(w, &left, tokens - whole, from, to, out + whole * w->rows);
}

INLINE void unpack4(const uint8 *codes, int64 columns, vi zero, int8 *b) {
    const vi low = vi_set(0x0f0f0f0f);
    for (int64 c = 0; c < columns; c += 8, codes += TILE * 4, b += TILE * 8)
        UNROLL for (int r = 0; r < REGISTERS; ++r) {
            const vi word = vi_load(codes + r * (LANES * 4));
            vi_store(b + r * (LANES * 4), vi_sub_s8(vi_and(word, low), zero));
            vi_store(b + TILE * 4 + r * (LANES * 4), vi_sub_s8(vi_and(vi_right(word, 4), low), zero));
        }
}

INLINE void unpack6(const uint8 *codes, int64 columns, vi zero, int8 *b) {
    for (int64 c = 0; c < columns; c += 16, codes += TILE * 12, b += TILE * 16)
        UNROLL for (int r = 0; r < REGISTERS; ++r) {
            vi q[4];
            operands(codes + r * (LANES * 4), q);
            UNROLL for (int i = 0; i < 4; ++i) vi_store(b + i * (TILE * 4) + r * (LANES * 4), vi_sub_s8(q[i], zero));
        }
}

int4_linear_fn REST(int4_linear), REST(int6_linear);

void NAME(int4_linear)(const struct grouped *w, const struct rounded *in, int64 tokens, int64 from, int64 to, float *out) {
    linear(REST(int4_linear), unpack4, 4, 8, w, in, tokens, from, to, out);
}

void NAME(int6_linear)(const struct grouped *w, const struct rounded *in, int64 tokens, int64 from, int64 to, float *out) {
    linear(REST(int6_linear), unpack6, 6, 32, w, in, tokens, from, to, out);
}
