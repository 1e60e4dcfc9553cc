/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instructions of AMX that amx.c uses, in C, after Intel's manual. The libraries do
 * not contain it: it tests amx.c on processors without AMX, see digests.c.
 */
#ifndef AMX_EMULATED_H
#define AMX_EMULATED_H

static struct { uint8 palette, start, reserved[14]; uint16 bytes[16]; uint8 rows[16]; } amx_config;
static uint8 amx_tiles[8][16][64];

SHARED void amx_configure(const void *config) {
    __builtin_memcpy(&amx_config, config, sizeof amx_config);
    if (amx_config.palette != 1) __builtin_trap();
    for (int tile = 0; tile < 8; ++tile)
        if (amx_config.rows[tile] > 16 || amx_config.bytes[tile] > 64) __builtin_trap();
}

SHARED void amx_release(void) { amx_config.palette = 0; }

SHARED void amx_zero(int tile) {
    if (!amx_config.palette) __builtin_trap();
    for (int i = 0; i < 16; ++i)
        for (int j = 0; j < 64; ++j) amx_tiles[tile][i][j] = 0;
}

SHARED void amx_load(int tile, const void *from, int64 stride) {
    amx_zero(tile);
    for (int i = 0; i < amx_config.rows[tile]; ++i)
        for (int j = 0; j < amx_config.bytes[tile]; ++j) amx_tiles[tile][i][j] = ((const uint8 *)from)[i * stride + j];
}

SHARED void amx_store(int tile, void *to, int64 stride) {
    for (int i = 0; i < amx_config.rows[tile]; ++i)
        for (int j = 0; j < amx_config.bytes[tile]; ++j) ((uint8 *)to)[i * stride + j] = amx_tiles[tile][i][j];
}

/* C (M, N / 4) += A (M, K) B (K / 4, N), where N and K are bytes. */
SHARED void amx_multiply(int c, int a, int b) {
    const int m = amx_config.rows[c], n = amx_config.bytes[c], k = amx_config.bytes[a];
    if (amx_config.rows[a] != m || amx_config.bytes[b] != n || amx_config.rows[b] != k / 4) __builtin_trap();
    for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; j += 4) {
            int32 sum;
            __builtin_memcpy(&sum, amx_tiles[c][i] + j, 4);
            for (int l = 0; l < k; ++l)
                sum += (int8)amx_tiles[a][i][l] * (int8)amx_tiles[b][l / 4][j + l % 4];
            __builtin_memcpy(amx_tiles[c][i] + j, &sum, 4);
        }
}

#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbssd
#define _tile_loadconfig amx_configure
#define _tile_release amx_release
#define _tile_zero amx_zero
#define _tile_loadd amx_load
#define _tile_stored amx_store
#define _tile_dpbssd amx_multiply

#endif
