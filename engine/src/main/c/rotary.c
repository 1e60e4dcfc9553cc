/* SPDX-License-Identifier: Apache-2.0 */
/* Rotary embedding (Su et al. 2021; element i pairs with element i + size / 2), and the write to the cache. */
#include "vec.h"

/* (a cos - b sin, b cos + a sin) * factor, for the halves a and b of a head. */
void NAME(rotate)(float *x, int64 stride, int64 tokens, int64 heads, int64 size, const float *cos, const float *sin,
                  float factor) {
    const int64 half = size / 2;
    for (int64 t = 0; t < tokens; ++t, x += stride, cos += half, sin += half)
        for (int64 h = 0; h < heads; ++h)
            for (int64 i = 0; i < half; i += LANES) {
                float *first = x + h * size, *second = first + half;
                const vf a = load_some(FLOAT32, first, i, half - i), b = load_some(FLOAT32, second, i, half - i);
                const vf c = load_some(FLOAT32, cos, i, half - i), s = load_some(FLOAT32, sin, i, half - i);
                store_some(FLOAT32, first, i, half - i, (a * c - b * s) * vf_set(factor));
                store_some(FLOAT32, second, i, half - i, (b * c + a * s) * vf_set(factor));
            }
}

/* Keys are (slots / 16, size, 16): the numbers of a token are 16 apart. */
INLINE void write(const int TYPE, const struct kv *kv, int64 slot, const float *key, const float *value) {
    const int64 size = kv->size, at = slot / TILE * size * TILE + slot % TILE;
    for (int64 d = 0; d < size; d += LANES) {
        float lanes[LANES];
        store(TYPE, lanes, 0, load_some(FLOAT32, key, d, size - d));
        for (int64 i = 0; i < LANES && d + i < size; ++i) {
            if (TYPE == FLOAT32)
                ((float *)kv->keys)[at + (d + i) * TILE] = lanes[i];
            else
                ((uint16 *)kv->keys)[at + (d + i) * TILE] = ((uint16 *)lanes)[i];
        }
        store_some(TYPE, kv->values, slot * size + d, size - d, load_some(FLOAT32, value, d, size - d));
    }
}

/* Rounds a token's key or value to signed bytes, `stride` apart, and returns the scale. */
SHARED float write_int8(const float *x, int64 size, int8 *to, int64 stride) {
    const vf magic = vf_set(12582912.f); /* 1.5 * 2^23: adding it rounds to an integer in the low bits */
    float magnitude = 0;
    ROLLED for (int64 d = 0; d < size; ++d) {
        const float x_d = x[d] < 0 ? -x[d] : x[d];
        magnitude = x_d > magnitude ? x_d : magnitude;
    }
    const vf factor = vf_set(magnitude == 0 ? 0 : 127 / magnitude);
    for (int64 d = 0; d < size; d += LANES) {
        int32 codes[LANES];
        vi_store(codes, vi_sub(vi_bits(load_some(FLOAT32, x, d, size - d) * factor + magic), vi_bits(magic)));
        for (int64 i = 0; i < LANES && d + i < size; ++i) to[(d + i) * stride] = (int8)codes[i];
    }
    return magnitude / 127;
}

void NAME(write)(const struct cache *cache, const float *k, const float *v, int64 stride, int64 tokens, int64 first) {
    for (int64 t = 0; t < tokens; ++t, k += stride, v += stride) {
        const struct kv kv = page_of(cache, (first + t) / PART);
        const int64 slot = (first + t) % PART;
        if (kv.type == FLOAT32) {
            write(FLOAT32, &kv, slot, k, v);
        } else if (kv.type == FLOAT16) {
            write(FLOAT16, &kv, slot, k, v);
        } else if (kv.type == BFLOAT16) {
            write(BFLOAT16, &kv, slot, k, v);
        } else {
            int8 *keys = (int8 *)kv.keys + slot / TILE * kv.size * TILE + slot % TILE;
            kv.key_scales[slot] = write_int8(k, kv.size, keys, TILE);
            kv.value_scales[slot] = write_int8(v, kv.size, (int8 *)kv.values + slot * kv.size, 1);
        }
    }
}
