/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention over a KV cache, in the manner of FlashAttention: blocks of keys, an online softmax, no matrix of scores.
 *
 * The cache of one key/value head, for a capacity C that is a multiple of 16:
 *
 *     keys    (C / 16, D, 16)   so that 16 keys are the lanes of a score, and nothing is summed across lanes
 *     values  (C, D)            so that the lanes are the numbers of a result
 *
 * A query is a row of D numbers, scaled by 1 / sqrt(D). Query heads that share a key/value head are rows of one call:
 * each key is loaded once for 4 rows.
 */
#include "vec.h"

enum { ROWS = 4, BLOCK = 64, SIZE = 512 };

/* scores (ROWS, BLOCK) of 4 queries with the keys of a block. */
INLINE void block_scores(const int TYPE, const float *const *q, const void *keys, int64 first, int64 size, int64 count,
                         float scores[ROWS][BLOCK]) {
    for (int64 j = 0; j < count; j += TILE) {
        vf s[ROWS][REGISTERS];
        UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int k = 0; k < REGISTERS; ++k) s[r][k] = vf_set(0);
        const int64 at = (first + j) * size; /* 16 keys of `size` numbers each begin here */
        for (int64 d = 0; d < size; ++d) {
            UNROLL for (int k = 0; k < REGISTERS; ++k) {
                const vf key = load(TYPE, keys, at + d * TILE + k * LANES);
                UNROLL for (int r = 0; r < ROWS; ++r) s[r][k] = vf_fma(key, vf_set(q[r][d]), s[r][k]);
            }
        }
        UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int k = 0; k < REGISTERS; ++k)
            vf_store(scores[r] + j + k * LANES, s[r][k]);
    }
}

/* result = factor * result + weights * values, for 4 rows */
INLINE void block_values(const int TYPE, float weights[ROWS][BLOCK], const float *factor, const void *values,
                         int64 first, int64 size, int64 count, float *const *result) {
    for (int64 d = 0; d < size; d += TILE) {
        vf sum[ROWS][REGISTERS];
        UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int k = 0; k < REGISTERS; ++k)
            sum[r][k] = vf_set(factor[r]) * vf_load(result[r] + d + k * LANES);
        for (int64 j = 0; j < count; ++j) {
            UNROLL for (int k = 0; k < REGISTERS; ++k) {
                const vf value = load(TYPE, values, (first + j) * size + d + k * LANES);
                UNROLL for (int r = 0; r < ROWS; ++r) sum[r][k] = vf_fma(value, vf_set(weights[r][j]), sum[r][k]);
            }
        }
        UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int k = 0; k < REGISTERS; ++k)
            vf_store(result[r] + d + k * LANES, sum[r][k]);
    }
}

/*
 * Turns scores into weights e^(score - largest), and keys that a row does not attend to into 0. Returns the sum of the
 * weights; *factor is what the weights of earlier blocks are multiplied with, since the largest score may have grown.
 */
INLINE float block_softmax(float *scores, int64 from, int64 to, float *largest, float *factor) {
    const float none = -__builtin_inff();
    for (int64 j = 0; j < BLOCK; ++j)
        if (j < from || j >= to) scores[j] = none;
    vf most[REGISTERS];
    for (int k = 0; k < REGISTERS; ++k) most[k] = vf_set(*largest);
    for (int64 j = 0; j < BLOCK; j += TILE)
        for (int k = 0; k < REGISTERS; ++k) most[k] = vf_max(most[k], vf_load(scores + j + k * LANES));
    const float before = *largest, now = lane_max(most);
    *largest = now;
    if (now == none) { /* nothing attended to so far */
        for (int64 j = 0; j < BLOCK; ++j) scores[j] = 0;
        *factor = 0;
        return 0;
    }
    vf sum[REGISTERS];
    for (int k = 0; k < REGISTERS; ++k) sum[k] = vf_set(0);
    for (int64 j = 0; j < BLOCK; j += TILE)
        for (int k = 0; k < REGISTERS; ++k) {
            const vf weight = vf_exp(vf_load(scores + j + k * LANES) - vf_set(now));
            sum[k] = sum[k] + weight;
            vf_store(scores + j + k * LANES, weight);
        }
    float lanes[LANES];
    vf_store(lanes, vf_exp(vf_set(before - now)));
    *factor = lanes[0];
    return lane_sum(sum);
}

INLINE void attend_4(const int TYPE, const struct kv *kv, const struct queries *in, int64 row, int64 first, int64 last,
                     float *out) {
    const int64 size = kv->size, stride = size + 2;
    const float *q[ROWS];
    float *result[ROWS], scores[ROWS][BLOCK], factor[ROWS], spare[SIZE + 2];
    int64 from[ROWS], to[ROWS], begin = last, end = first;
    for (int r = 0; r < ROWS; ++r) {
        /* where there are fewer than 4 rows, the last one is computed again, and not stored */
        const int64 i = row + r < in->rows ? row + r : in->rows - 1;
        q[r] = in->values + i * size;
        result[r] = row + r < in->rows ? out + i * stride : spare;
        from[r] = in->from[i];
        to[r] = in->to[i] < last ? in->to[i] : last;
        begin = from[r] < begin ? from[r] : begin;
        end = to[r] > end ? to[r] : end;
        for (int64 d = 0; d < size; ++d) result[r][d] = 0;
        result[r][size] = -__builtin_inff();
        result[r][size + 1] = 0;
    }
    for (int64 b = first; b < end; b += BLOCK) {
        if (b + BLOCK <= begin) continue;
        const int64 count = end - b < BLOCK ? (end - b + TILE - 1) / TILE * TILE : BLOCK;
        block_scores(TYPE, q, kv->keys, b, size, count, scores);
        for (int r = 0; r < ROWS; ++r) {
            float *most = result[r] + size, *sum = most + 1;
            const float added = block_softmax(scores[r], from[r] - b, to[r] - b, most, &factor[r]);
            *sum = *sum * factor[r] + added;
        }
        block_values(TYPE, scores, factor, kv->values, b, size, count, result);
    }
}

void NAME(attend)(const struct kv *kv, const struct queries *in, int64 first, int64 last, float *out) {
    for (int64 row = 0; row < in->rows; row += ROWS) {
        if (kv->type == FLOAT32)
            attend_4(FLOAT32, kv, in, row, first, last, out);
        else if (kv->type == FLOAT16)
            attend_4(FLOAT16, kv, in, row, first, last, out);
        else
            attend_4(BFLOAT16, kv, in, row, first, last, out);
    }
}

void NAME(merge)(const float *partial, int64 parts, int64 step, int64 size, float *out) {
    float most = -__builtin_inff(), sum = 0;
    for (int64 p = 0; p < parts; ++p) most = partial[p * step + size] > most ? partial[p * step + size] : most;
    for (int64 d = 0; d < size; ++d) out[d] = 0;
    if (most == -__builtin_inff()) return; /* attends to nothing, as padding does */
    for (int64 p = 0; p < parts; ++p) {
        const float *part = partial + p * step;
        float factor[LANES];
        vf_store(factor, vf_exp(vf_set(part[size] - most)));
        sum += part[size + 1] * factor[0];
        for (int64 d = 0; d < size; d += LANES)
            vf_store(out + d, vf_fma(vf_load(part + d), vf_set(factor[0]), vf_load(out + d)));
    }
    for (int64 d = 0; d < size; d += LANES) vf_store(out + d, vf_load(out + d) / vf_set(sum));
}
