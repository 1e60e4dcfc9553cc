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

/* Each kernel is compiled once per variant, whose name is appended to the kernel's. */
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAME(kernel) JOIN(kernel, VARIANT)

#endif
