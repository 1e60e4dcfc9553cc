/* SPDX-License-Identifier: Apache-2.0 */
/* Rotary embedding (Su et al. 2021; element i pairs with element i + D/2), and the write to the cache. */
#include "vec.h"

/* out = (a cos - b sin, b cos + a sin) * factor, for halves a and b of a head; out may be x. */
void NAME(rotate)(const float *x, const float *cos, const float *sin, float factor, int64 size, float *out) {
    const int64 half = size / 2;
    for (int64 i = 0; i < half; ++i) {
        const float a = x[i], b = x[half + i];
        out[i] = (a * cos[i] - b * sin[i]) * factor;
        out[half + i] = (b * cos[i] + a * sin[i]) * factor;
    }
}

INLINE void put(const int TYPE, void *p, int64 i, float x) {
    if (TYPE == FLOAT32) {
        ((float *)p)[i] = x;
        return;
    }
    uint16 lanes[LANES];
    store(TYPE, lanes, 0, vf_set(x));
    ((uint16 *)p)[i] = lanes[0];
}

INLINE void write(const int TYPE, const struct kv *kv, int64 slot, const float *key, const float *value) {
    for (int64 d = 0; d < kv->size; ++d)
        put(TYPE, kv->keys, (slot / TILE * kv->size + d) * TILE + slot % TILE, key[d]);
    for (int64 d = 0; d < kv->size; d += TILE)
        for (int r = 0; r < REGISTERS; ++r)
            store(TYPE, kv->values, slot * kv->size + d + r * LANES, vf_load(value + d + r * LANES));
}

void NAME(write)(const struct kv *kv, int64 slot, const float *key, const float *value) {
    if (kv->type == FLOAT32)
        write(FLOAT32, kv, slot, key, value);
    else if (kv->type == FLOAT16)
        write(FLOAT16, kv, slot, key, value);
    else
        write(BFLOAT16, kv, slot, key, value);
}
