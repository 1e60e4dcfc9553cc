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

/* Inputs rounded to int8 by groups of columns. In each 8 columns the order is 0 4 1 5 2 6 3 7, that of Int4's codes. */
struct rounded {
    int8 *codes;   /* (tokens, columns) */
    float *scales; /* (tokens, columns / group) */
    int32 *sums;   /* (tokens, columns / group), of the codes */
};

struct int4 {
    const uint8 *codes;  /* (tiles, columns / 8, 16 rows, 4) */
    const void *scales;  /* (tiles, columns / group, 16) */
    const void *offsets; /* of the shape of scales; null: symmetric */
    int32 type;          /* of scales and offsets */
    int64 rows, columns, group;
};

/* A matrix (tokens, rows of the weight). */
struct outputs {
    void *values;
    int32 type;
};

/* Rounds `count` groups that follow each other. */
typedef void round_fn(const void *x, int32 type, int64 count, int64 group, const struct rounded *to);

/* The products with tiles of 16 rows, from inclusive to exclusive. */
typedef void int4_linear_fn(const struct int4 *w, const struct rounded *in, int64 tokens, int64 from, int64 to,
                            const struct outputs *out);

struct int8_weight {
    const int8 *codes;   /* (tiles, columns, 16 rows) */
    const void *scales;  /* (tiles, columns / group, 16) */
    const void *offsets; /* of the shape of scales; null: symmetric */
    int32 type;          /* of scales and offsets */
    int64 rows, columns, group;
};
typedef void int8_linear_fn(const struct int8_weight *w, const float *x, int64 tokens, int64 from, int64 to, float *out);

struct codebook {
    const uint8 *codes;  /* (rows, columns / 2) */
    const float *absmax; /* (rows, columns / block) */
    const float *table;  /* (16) */
    int64 rows, columns, block;
};
typedef void codebook_linear_fn(const struct codebook *w, const float *x, int64 tokens, int64 from, int64 to,
                                float *out);

struct dense {
    const void *values; /* (rows, columns) */
    int32 type;
    int64 rows, columns;
};
/* The rows from inclusive to exclusive; `scratch` has room for 48 * 16 * 16 floats. */
typedef void dense_linear_fn(const struct dense *w, const float *x, int64 tokens, int64 from, int64 to, float *out,
                             float *scratch);

/* weight * x / sqrt(mean(x^2) + eps) of each token */
typedef void rms_norm_fn(const float *x, const void *weight, int32 type, float eps, int64 tokens, int64 columns,
                         float *out);

/* silu(gate) * up */
typedef void swiglu_fn(const float *gate, const float *up, int64 count, float *out);

/* The cache of one key/value head, see attention.c. */
struct kv {
    void *keys, *values;
    int32 type;
    int64 size; /* of a head, at most 512 and a multiple of 16 */
};

/* Queries of one key/value head. */
struct queries {
    const float *values;      /* (rows, size), scaled */
    const int64 *from, *to;   /* (rows): the slots that a row attends to, from inclusive to exclusive */
    int64 rows;
};

/* Attends to the slots from first to last, both multiples of 64 (or last the end): out (rows, size + 2) is the sum of
   the weighted values, the largest score, and the sum of the weights. */
typedef void attend_fn(const struct kv *kv, const struct queries *in, int64 first, int64 last, float *out);

/* Merges results of attend, `step` floats apart, to out (size). */
typedef void merge_fn(const float *partial, int64 parts, int64 step, int64 size, float *out);

/* Each kernel is compiled once per variant, whose name is appended to the kernel's. */
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAME(kernel) JOIN(kernel, VARIANT)

#endif
