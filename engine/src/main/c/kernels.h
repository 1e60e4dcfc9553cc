/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of a variant. Tokens are the rows of a matrix (tokens, columns), without gaps. */
#ifndef KERNELS_H
#define KERNELS_H

typedef signed char int8;
typedef unsigned char uint8;
typedef unsigned short uint16;
typedef int int32;
typedef unsigned uint32;
typedef long long int64;

/* Types of numbers in memory, as Java passes them. */
enum { FLOAT32 = 0, FLOAT16 = 1, BFLOAT16 = 2 };

/* The type of two-level scales (Factors.java): products of float16 numbers of 256 columns and signed bytes. */
enum { TWO_LEVEL = 3 };

/* The type of a KV cache of signed bytes, with a float32 scale a head and token. */
enum { INT8 = 4 };

/* Inputs rounded to int8 by groups of columns. In each 8 columns the order is 0 4 1 5 2 6 3 7, that of Int4's codes. */
struct rounded {
    int8 *codes;   /* (tokens, columns) */
    float *scales; /* (tokens, columns / group) */
    int32 *sums;   /* (tokens, columns / group), of the codes */
};

/* A weight of groups of columns; its rows are in tiles of 16. */
struct grouped {
    const void *codes;   /* int4 (tiles, columns / 8, 16, 4), int6 (tiles, columns / 16, 3, 16, 4), int8 (tiles, columns, 16) */
    const void *scales;  /* (tiles, columns / group, 16), or two-level: (tiles, columns / 256, 32 + 16 * 256 / group) */
    const void *offsets; /* of the shape of scales; null: symmetric */
    int32 type;          /* of scales and offsets: FLOAT32, FLOAT16 or TWO_LEVEL */
    int64 rows, columns, group;
};

/* Rounds `count` groups that follow each other. */
typedef void round_fn(const float *x, int64 count, int64 group, const struct rounded *to);

/* The products with tiles of 16 rows, from inclusive to exclusive: out (tokens, rows). */
typedef void int4_linear_fn(const struct grouped *w, const struct rounded *in, int64 tokens, int64 from, int64 to,
                            float *out);
typedef int4_linear_fn int6_linear_fn;
typedef void int8_linear_fn(const struct grouped *w, const float *x, int64 tokens, int64 from, int64 to, float *out);

struct codebook {
    const uint8 *codes;  /* (rows, columns / 2) */
    const float *absmax; /* (rows, columns / block) */
    const float *table;  /* (16) */
    int64 rows, columns, block;
};
/* The rows from inclusive to exclusive. x (tokens, columns) is split; `scratch` has room for 16384 floats. */
typedef void codebook_linear_fn(const struct codebook *w, const float *x, int64 tokens, int64 from, int64 to,
                                float *out, float *scratch);

struct dense {
    const void *values; /* (rows, columns) */
    int32 type;
    int64 rows, columns;
};
/* The rows from inclusive to exclusive; `scratch` has room for 16384 floats. */
typedef void dense_linear_fn(const struct dense *w, const float *x, int64 tokens, int64 from, int64 to, float *out,
                             float *scratch);

/* weight * x / sqrt(mean(x^2) + eps) of each token */
typedef void rms_norm_fn(const float *x, const void *weight, int32 type, float eps, int64 tokens, int64 columns,
                         float *out);

/* silu(gate) * up */
typedef void swiglu_fn(const float *gate, const float *up, int64 count, float *out);

/* x + y; out may be x or y */
typedef void add_fn(const float *x, const float *y, int64 count, float *out);

/* Numbers of any type to float32. */
typedef void widen_fn(const void *x, int32 type, int64 count, float *out);

/* (tokens, columns), a multiple of 8: brings each 8 columns into the order 0 2 4 6 1 3 5 7. */
typedef void split_fn(const float *x, int64 tokens, int64 columns, float *out);

/* Rotary embedding in place. Head h of token t is at x + t * stride + h * size; cos and sin (tokens, size / 2). The
   results are multiplied by factor. */
typedef void rotate_fn(float *x, int64 stride, int64 tokens, int64 heads, int64 size, const float *cos,
                       const float *sin, float factor);

/*
 * The KV cache of a sequence: pages of 512 positions, with the keys of all key/value heads of all layers, then the
 * values, and for INT8 the scales of keys, then those of values. A page may have fewer slots than 512, a multiple of 16,
 * if it is the last one.
 */
struct page {
    int64 address; /* bits 48 to 62 are ignored, see checks.h */
    int64 slots;
};

/* One key/value head. The page of position p is pages[p / 512 - first]. */
struct cache {
    const struct page *pages;
    int64 first;
    int64 head, heads; /* counted over all layers */
    int32 type;
    int64 size; /* of a head: even, at most 512 */
};

/* One key/value head in a page. */
struct kv {
    void *keys;          /* (slots / 16, size, 16) */
    void *values;        /* (slots, size) */
    float *key_scales;   /* (slots), of INT8 */
    float *value_scales; /* (slots), of INT8 */
    int32 type;
    int64 size;
};

enum { PART = 512, ADDRESS_BITS = 48 };

static inline struct kv page_of(const struct cache *cache, int64 part) {
    const struct page *page = cache->pages + (part - cache->first);
    const int64 width = cache->type == FLOAT32 ? 4 : cache->type == INT8 ? 1 : 2, bytes = page->slots * cache->size * width;
    uint8 *keys = (uint8 *)(page->address & ((1LL << ADDRESS_BITS) - 1));
    float *scales = (float *)(keys + 2 * cache->heads * bytes) + cache->head * page->slots;
    return (struct kv){keys + cache->head * bytes,
                       keys + (cache->heads + cache->head) * bytes,
                       scales,
                       scales + cache->heads * page->slots,
                       cache->type,
                       cache->size};
}

/* Writes keys and values of tokens, the first of which has position `first`. Token t is at k + t * stride. */
typedef void write_fn(const struct cache *cache, const float *k, const float *v, int64 stride, int64 tokens,
                      int64 first);

/*
 * Queries of the `heads` query heads that share a key/value head. Head h of token t is at
 * values + t * stride + h * size, already divided by sqrt(size).
 *
 * Token t attends to the positions p with from[t] <= p < to[t], to none if from[t] >= to[t]. Where there is a mask,
 * mask[t * mask_stride + p - mask_first] is added to the score; it is finite, -1e30 for a key that is masked.
 */
struct queries {
    const float *values;
    int64 stride, tokens, heads;
    const int64 *from, *to;
    const float *mask;
    int64 mask_stride, mask_first;
};

/*
 * Attends to the positions from part * 512 to part * 512 + 511: out (tokens, heads, size + 2) is the sum of the weighted
 * values, the largest score, and the sum of the weights.
 */
typedef void attend_part_fn(const struct cache *cache, const struct queries *in, int64 part, float *out);

/* Merges parts in ascending order, each `step` floats behind the one before: out (size). */
typedef void merge_fn(const float *partial, int64 parts, int64 step, int64 size, float *out);

/*
 * All parts, merged: head h of token t to out + t * out_stride + h * size. The same bits as attend_part and merge.
 * scratch: min(tokens, 16) * heads * parts * (size + 2) floats, with the parts that any token attends to and those
 * between them.
 */
typedef void attend_fn(const struct cache *cache, const struct queries *in, float *scratch, float *out,
                       int64 out_stride);

/*
 * The softmax of the scores: out (heads, tokens, last - first), with heads out_head_stride apart, for positions
 * first <= p < last, which include all that a token attends to; 0 for those it does not attend to.
 */
typedef void attention_weights_fn(const struct cache *cache, const struct queries *in, int64 first, int64 last,
                                  float *out, int64 out_head_stride);

/* Each kernel is compiled once per variant, whose name is appended to the kernel's. */
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAME(kernel) JOIN(kernel, VARIANT)

#endif
