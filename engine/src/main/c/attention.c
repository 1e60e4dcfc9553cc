/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention over a KV cache, in the manner of FlashAttention: blocks of keys, an online softmax, no matrix of scores.
 *
 * One key/value head in a page of the cache:
 *
 *     keys    (slots / 16, size, 16)   16 keys are the lanes of a score, so nothing is summed across lanes
 *     values  (slots, size)            the lanes are the numbers of a result
 *
 * The queries of a token's heads and of several tokens are rows of one call. 4 rows share each key and value that is
 * loaded, and fill 8 of the 16 registers of AVX2 with sums; AVX-512 takes two tiles of 16 lanes at once, since 4 sums
 * would wait for each other. A part is the 512 positions of a page; its keys and values (256 KiB in
 * float16 for heads of 128) stay in the L2 cache while all rows pass.
 *
 * Parts and blocks begin at multiples of 512 and 64 positions, wherever a row's first position is, and those that a
 * row does not attend to leave its sums as they are. So neither other rows nor the chunks of a prompt change a bit.
 */
#include "vec.h"

enum { ROWS = 4, BLOCK = 64, SIZE = 512, SLICE = 16, MORE = LANES == TILE ? 2 : 1, R = MORE * REGISTERS };

/* Scores of 4 queries with N tiles of keys from a slot on, a multiple of 16. */
INLINE void scores_of(const int TYPE, const int N, const float *const *q, const struct kv *kv, int64 slot, int64 j,
                      float scores[ROWS][BLOCK]) {
    const int registers = N * REGISTERS;
    const int64 size = kv->size, tile = TILE * size;
    vf s[ROWS][R];
    UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int k = 0; k < registers; ++k) s[r][k] = vf_set(0);
    const int64 at = (slot + j) * size; /* 16 keys of `size` numbers each begin here */
    /* The values of these keys, which have as many bytes, are read next, with a stride that hides them. */
    const char *ahead = (const char *)kv->values + at * bytes_of(TYPE);
    for (int64 d = 0; d < size; ++d) {
        UNROLL for (int i = 0; i < N; ++i) __builtin_prefetch(ahead + (i * tile + d * TILE) * bytes_of(TYPE));
        UNROLL for (int k = 0; k < registers; ++k) {
            const vf key = load(TYPE, kv->keys, at + k / REGISTERS * tile + d * TILE + k % REGISTERS * LANES);
            UNROLL for (int r = 0; r < ROWS; ++r) s[r][k] = vf_fma(key, vf_set(q[r][d]), s[r][k]);
        }
    }
    UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int k = 0; k < registers; ++k) {
        const int64 to = j + k * LANES;
        vf_store(scores[r] + to, TYPE == INT8 ? s[r][k] * vf_load(kv->key_scales + slot + to) : s[r][k]);
    }
}

/* Scores of `count` keys, a multiple of 16. */
INLINE void all_scores(const int TYPE, const float *const *q, const struct kv *kv, int64 slot, int64 count,
                       float scores[ROWS][BLOCK]) {
    int64 j = 0;
    for (; j + MORE * TILE <= count; j += MORE * TILE) scores_of(TYPE, MORE, q, kv, slot, j, scores);
    for (; j < count; j += TILE) scores_of(TYPE, 1, q, kv, slot, j, scores);
}

static void block_scores(const float *const *q, const struct kv *kv, int64 slot, int64 count,
                         float scores[ROWS][BLOCK]) {
    if (kv->type == FLOAT32)
        all_scores(FLOAT32, q, kv, slot, count, scores);
    else if (kv->type == FLOAT16)
        all_scores(FLOAT16, q, kv, slot, count, scores);
    else if (kv->type == INT8)
        all_scores(INT8, q, kv, slot, count, scores);
    else
        all_scores(BFLOAT16, q, kv, slot, count, scores);
}

/* add_values for a type. */
INLINE void values_of(const int TYPE, const int N, const float *weights, const float *factor, const void *values,
                      int64 first, int64 stride, int64 keys, float *const *result, int64 d) {
    const int registers = N * REGISTERS;
    vf sum[ROWS][R];
    UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int k = 0; k < registers; ++k)
        sum[r][k] = vf_set(factor[r]) * vf_load(result[r] + d + k * LANES);
    for (int64 j = 0; j < keys; ++j) {
        UNROLL for (int k = 0; k < registers; ++k) {
            const vf value = load(TYPE, values, first + j * stride + k * LANES);
            UNROLL for (int r = 0; r < ROWS; ++r) sum[r][k] = vf_fma(value, vf_set(weights[r * BLOCK + j]), sum[r][k]);
        }
    }
    UNROLL for (int r = 0; r < ROWS; ++r) UNROLL for (int k = 0; k < registers; ++k)
        vf_store(result[r] + d + k * LANES, sum[r][k]);
}

/*
 * result = factor * result + weights * values, for 4 rows and N tiles of columns from d on. The values of a key begin at
 * values[first + j * stride].
 */
INLINE void add_values(const int N, int32 type, const float *weights, const float *factor, const void *values,
                       int64 first, int64 stride, int64 keys, float *const *result, int64 d) {
    if (type == FLOAT32)
        values_of(FLOAT32, N, weights, factor, values, first, stride, keys, result, d);
    else if (type == FLOAT16)
        values_of(FLOAT16, N, weights, factor, values, first, stride, keys, result, d);
    else if (type == INT8)
        values_of(INT8, N, weights, factor, values, first, stride, keys, result, d);
    else
        values_of(BFLOAT16, N, weights, factor, values, first, stride, keys, result, d);
}

/* The columns from d on of a head that is no multiple of 16: a key at a time, filled up to 16 numbers. */
static void rest_of_values(const float *weights, const float *factor, const struct kv *kv, int64 slot, int64 keys,
                           float *const *result, int64 d) {
    const float once[ROWS] = {1, 1, 1, 1};
    float sums[ROWS][TILE], values[TILE];
    float *const rest[ROWS] = {sums[0], sums[1], sums[2], sums[3]};
    for (int r = 0; r < ROWS; ++r) widen_some(FLOAT32, result[r], d, kv->size - d, sums[r]);
    for (int64 j = 0; j < keys; ++j) {
        widen_some(kv->type, kv->values, (slot + j) * kv->size + d, kv->size - d, values);
        values_of(FLOAT32, 1, weights + j, j == 0 ? factor : once, values, 0, 0, 1, rest, 0);
    }
    for (int r = 0; r < ROWS; ++r) copy_some(sizeof(float), result[r] + d, sums[r], kv->size - d);
}

/* Weights of INT8 values are multiplied by their scales. */
static void block_values(float *weights, const float *factor, const struct kv *kv, int64 slot, int64 keys,
                         float *const *result) {
    int64 d = 0;
    if (kv->type == INT8)
        for (int r = 0; r < ROWS; ++r)
            ROLLED for (int64 j = 0; j < keys; ++j) weights[r * BLOCK + j] *= kv->value_scales[slot + j];
    for (; d + MORE * TILE <= kv->size; d += MORE * TILE)
        add_values(MORE, kv->type, weights, factor, kv->values, slot * kv->size + d, kv->size, keys, result, d);
    for (; d + TILE <= kv->size; d += TILE)
        add_values(1, kv->type, weights, factor, kv->values, slot * kv->size + d, kv->size, keys, result, d);
    if (d < kv->size) rest_of_values(weights, factor, kv, slot, keys, result, d);
}

/*
 * Turns scores into weights e^(score - largest), and keys that a row does not attend to into 0. Returns the sum of the
 * weights; *factor is what the weights of earlier blocks are multiplied with, since the largest score may have grown.
 */
static float block_softmax(float *scores, int64 from, int64 to, const float *mask, float *largest, float *factor) {
    const float none = -__builtin_inff();
    ROLLED for (int64 j = 0; j < from && j < BLOCK; ++j) scores[j] = none;
    ROLLED for (int64 j = to > 0 ? to : 0; j < BLOCK; ++j) scores[j] = none;
    if (mask)
        for (int64 j = from > 0 ? from : 0; j < to && j < BLOCK; ++j) scores[j] += mask[j];
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
        UNROLL for (int k = 0; k < REGISTERS; ++k) {
            const vf weight = vf_exp(vf_load(scores + j + k * LANES) - vf_set(now));
            sum[k] = sum[k] + weight;
            vf_store(scores + j + k * LANES, weight);
        }
    float lanes[LANES];
    vf_store(lanes, vf_exp(vf_set(before - now)));
    *factor = lanes[0];
    return lane_sum(sum);
}

void NAME(attend_part)(const struct cache *cache, const struct queries *in, int64 part, float *out) {
    const struct kv page = page_of(cache, part), *kv = &page;
    const int64 size = kv->size, rows = in->tokens * in->heads, first = part * PART;
    for (int64 row = 0; row < rows; row += ROWS) {
        const float *q[ROWS], *mask[ROWS];
        float *result[ROWS], scores[ROWS][BLOCK], factor[ROWS], spare[SIZE + 2];
        int64 from[ROWS], to[ROWS], begin = PART, end = 0; /* counted from the first position of the part */
        for (int r = 0; r < ROWS; ++r) {
            /* where there are fewer than 4 rows, the last one is computed again, and not stored */
            const int64 i = row + r < rows ? row + r : rows - 1, t = i / in->heads;
            q[r] = in->values + t * in->stride + i % in->heads * size;
            result[r] = row + r < rows ? out + i * (size + 2) : spare;
            from[r] = in->from[t] > first ? in->from[t] - first : 0;
            to[r] = in->to[t] < first + PART ? in->to[t] - first : PART;
            mask[r] = in->mask ? in->mask + t * in->mask_stride + first - in->mask_first : 0;
            if (from[r] < to[r]) {
                begin = from[r] < begin ? from[r] : begin;
                end = to[r] > end ? to[r] : end;
            }
            for (int64 d = 0; d < size; ++d) result[r][d] = 0;
            result[r][size] = -__builtin_inff();
            result[r][size + 1] = 0;
        }
        for (int64 b = begin / BLOCK * BLOCK; b < end; b += BLOCK) {
            /* slots that no row attends to may never have been written */
            const int64 start = begin > b ? begin - b : 0, stop = end - b < BLOCK ? end - b : BLOCK;
            block_scores(q, kv, b, (stop + TILE - 1) / TILE * TILE, scores);
            for (int r = 0; r < ROWS; ++r) {
                float *most = result[r] + size, *sum = most + 1;
                const float added = block_softmax(scores[r], from[r] - b, to[r] - b, mask[r] ? mask[r] + b : 0, most,
                                                  &factor[r]);
                *sum = *sum * factor[r] + added;
            }
            block_values(scores[0] + start, factor, kv, b + start, stop - start, result);
        }
    }
}

void NAME(merge)(const float *partial, int64 parts, int64 step, int64 size, float *out) {
    const float none = -__builtin_inff();
    float most = none, sum = 0;
    for (int64 p = 0; p < parts; ++p) most = partial[p * step + size] > most ? partial[p * step + size] : most;
    for (int64 d = 0; d < size; ++d) out[d] = 0;
    if (most == none) return; /* attends to nothing, as padding does */
    for (int64 p = 0; p < parts; ++p) {
        const float *part = partial + p * step;
        if (part[size] == none) continue;
        float factor[LANES];
        vf_store(factor, vf_exp(vf_set(part[size] - most)));
        sum += part[size + 1] * factor[0];
        for (int64 d = 0; d < size; d += LANES) {
            const vf so_far = load_some(FLOAT32, out, d, size - d);
            store_some(FLOAT32, out, d, size - d,
                       vf_fma(load_some(FLOAT32, part, d, size - d), vf_set(factor[0]), so_far));
        }
    }
    for (int64 d = 0; d < size; d += LANES)
        store_some(FLOAT32, out, d, size - d, load_some(FLOAT32, out, d, size - d) / vf_set(sum));
}

/* 16 tokens at a time, so that the results of their parts stay in the L2 cache until they are merged. */
void NAME(attend)(const struct cache *cache, const struct queries *in, float *scratch, float *out, int64 out_stride) {
    const int64 heads = in->heads, size = cache->size;
    for (int64 t0 = 0; t0 < in->tokens; t0 += SLICE) {
        struct queries slice = *in;
        slice.values += t0 * in->stride;
        slice.tokens = in->tokens - t0 < SLICE ? in->tokens - t0 : SLICE;
        slice.from += t0;
        slice.to += t0;
        if (slice.mask) slice.mask += t0 * in->mask_stride;
        const int64 step = slice.tokens * heads * (size + 2);
        int64 first = 0, last = 0; /* parts, none where no token attends to any position */
        for (int64 t = 0; t < slice.tokens; ++t) {
            const int64 from = slice.from[t] / PART, to = (slice.to[t] + PART - 1) / PART;
            if (slice.from[t] >= slice.to[t]) continue;
            first = last == 0 || from < first ? from : first;
            last = to > last ? to : last;
        }
        for (int64 p = first; p < last; ++p) NAME(attend_part)(cache, &slice, p, scratch + (p - first) * step);
        for (int64 i = 0; i < slice.tokens * heads; ++i)
            NAME(merge)(scratch + i * (size + 2), last - first, step, size,
                        out + (t0 + i / heads) * out_stride + i % heads * size);
    }
}

/* Softmax of the `count` scores of a row. */
static void softmax(float *scores, int64 count) {
    float most = scores[0];
    ROLLED for (int64 j = 1; j < count; ++j) most = scores[j] > most ? scores[j] : most;
    float sum = 0;
    for (int64 j = 0; j < count; j += LANES)
        store_some(FLOAT32, scores, j, count - j, vf_exp(load_some(FLOAT32, scores, j, count - j) - vf_set(most)));
    ROLLED for (int64 j = 0; j < count; ++j) sum += scores[j];
    ROLLED for (int64 j = 0; j < count; ++j) scores[j] /= sum;
}

void NAME(attention_weights)(const struct cache *cache, const struct queries *in, int64 first, int64 last, float *out,
                             int64 out_head_stride) {
    const int64 size = cache->size;
    for (int64 t = 0; t < in->tokens; ++t)
        for (int64 h = 0; h < in->heads; ++h) {
            const float *query = in->values + t * in->stride + h * size;
            const float *const q[ROWS] = {query, query, query, query};
            const int64 from = in->from[t], to = in->to[t];
            float *row = out + h * out_head_stride + t * (last - first), scores[ROWS][BLOCK];
            ROLLED for (int64 j = 0; j < last - first; ++j) row[j] = 0;
            if (from >= to) continue;
            for (int64 p = from / TILE * TILE; p < to; p += TILE) {
                const struct kv page = page_of(cache, p / PART);
                block_scores(q, &page, p % PART, TILE, scores);
                ROLLED for (int64 j = p > from ? p : from; j < p + TILE && j < to; ++j)
                    row[j - first] =
                        scores[0][j - p] + (in->mask ? in->mask[t * in->mask_stride + j - in->mask_first] : 0);
            }
            softmax(row + from - first, to - from);
        }
}
