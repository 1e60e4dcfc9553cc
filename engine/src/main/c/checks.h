/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of the addresses that Java passes, for -Dmistral.native.checks=true.
 *
 * Each array is then registered with a number, which its address carries in bits 48 to 62: addresses of a process have
 * 47 or 48 bits, so these are 0 otherwise. Java adds offsets to such an address as to any other. Each function takes the
 * number off, and compares what its kernel accesses, by the shapes, with the registered array. So a wrong offset or
 * shape is an exception, even if it ends up in another array.
 *
 * Without the option nothing is registered, and a function tests one flag.
 */
#ifndef CHECKS_H
#define CHECKS_H

#include "kernels.h"

typedef unsigned long long uint64;

enum { NUMBER = ADDRESS_BITS, ARRAYS = 1 << 15 };

#define RARE __attribute__((noinline, cold))

/* What a kernel accesses: `bytes` from the address on; nothing if that is 0. The address loses its number. */
struct access {
    const char *name;
    int64 *address;
    int64 bytes;
};

static struct {
    int64 begin, end;
} arrays[ARRAYS];

static int checking;

/* Returns the address of an array with its number, from 1 to 32767; an earlier array of that number is forgotten. */
static int64 register_array(int32 number, int64 address, int64 bytes) {
    arrays[number].begin = address;
    arrays[number].end = address + bytes;
    checking = 1;
    return address | (int64)number << NUMBER;
}

/* Products of counts: the largest number if they do not fit, or one is negative, so that a check of it fails. */
RARE static int64 times(int64 a, int64 b) {
    int64 product;
    return a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product) ? 0x7fffffffffffffff : product;
}

static int64 times3(int64 a, int64 b, int64 c) { return times(times(a, b), c); }

/* Floats of `count` rows, `stride` apart, of which the last one has `length`. */
RARE static int64 strided(int64 count, int64 stride, int64 length) {
    int64 sum;
    if (count <= 0) return count;
    return __builtin_add_overflow(times(count - 1, stride), length, &sum) ? 0x7fffffffffffffff : sum;
}

static int64 floats(int64 count) { return times(count, 4); }

static int64 bytes_of_type(int64 count, int32 type) {
    return times(count, type == FLOAT32 ? 4 : type == INT8 ? 1 : 2);
}

/* Bytes of the scales of a weight whose rows are in tiles of 16. */
RARE static int64 scale_bytes(int64 rows, int64 columns, int64 group, int32 type) {
    const int64 tiles = (rows + 15) / 16;
    if (type == TWO_LEVEL) return times3(tiles, columns / 256, 32 + 16 * (256 / group));
    return bytes_of_type(times3(tiles, 16, columns / group), type);
}

static char *append(char *to, const char *text) {
    while (*text) *to++ = *text++;
    return to;
}

static char *append_number(char *to, int64 number) {
    char digits[20];
    int count = 0;
    /* the absolute value of the smallest number does not fit */
    uint64 rest = number < 0 ? 0 - (uint64)number : (uint64)number;
    if (number < 0) *to++ = '-';
    do digits[count++] = (char)('0' + rest % 10);
    while (rest /= 10);
    while (count) *to++ = digits[--count];
    return to;
}

/* Throws an IllegalStateException when the function returns. */
RARE static void fail(void *env, const char *message) {
    enum { FIND_CLASS = 6, THROW_NEW = 14 }; /* of JNI's table */
    typedef void *find(void *, const char *);
    typedef int32 raise(void *, void *, const char *);
    void **const table = *(void ***)env;
    void *const class = ((find *)table[FIND_CLASS])(env, "java/lang/IllegalStateException");
    if (class) ((raise *)table[THROW_NEW])(env, class, message); /* otherwise another error is pending */
}

/* Fails unless all accesses are to registered arrays. */
RARE static int accesses_fit(void *env, const char *function, const struct access *all, int count) {
    for (int i = 0; i < count; ++i) {
        const int64 given = *all[i].address, number = given >> NUMBER & (ARRAYS - 1);
        const int64 address = given & ((1LL << NUMBER) - 1);
        const int64 at = address - arrays[number].begin, size = arrays[number].end - arrays[number].begin;
        *all[i].address = address;
        if (all[i].bytes == 0) continue;
        if (number && at >= 0 && at <= size && all[i].bytes > 0 && all[i].bytes <= size - at) continue;
        char message[300], *to = append(append(append(message, function), ": "), all[i].name);
        if (number) {
            to = append_number(append(append_number(append(to, ", "), all[i].bytes), " bytes from "), at);
            to = append(append_number(append(to, " on, is beyond its array of "), size), " bytes");
        } else {
            to = append(to, " is not a registered array");
        }
        *to = 0;
        fail(env, message);
        return 0;
    }
    return 1;
}

RARE static int holds(void *env, const char *function, const char *condition, int value) {
    if (value) return 1;
    char message[300];
    *append(append(append(message, function), " requires "), condition) = 0;
    fail(env, message);
    return 0;
}

/* Fails unless the pages of a cache are registered arrays, and all but the last one have 512 slots. */
RARE static int pages_fit(void *env, const char *function, const struct cache *cache, int64 count) {
    for (int64 i = 0; i < count; ++i) {
        int64 address = cache->pages[i].address;
        const int64 slots = cache->pages[i].slots;
        if (!holds(env, function, "pages of 512 slots", i + 1 < count ? slots == PART : slots >= 0 && slots <= PART) ||
            !holds(env, function, "a multiple of 16 slots", slots % 16 == 0))
            return 0;
        const int64 numbers = times3(2 * cache->heads, slots, cache->size);
        const int64 scales = cache->type == INT8 ? times3(2 * cache->heads, slots, 4) : 0;
        const struct access page = {"page", &address, bytes_of_type(numbers, cache->type) + scales};
        if (!accesses_fit(env, function, &page, 1)) return 0;
    }
    return 1;
}

/* Whether the positions from `from` to `to` - 1 are in the pages of a cache. */
RARE static int range_fits(const struct cache *cache, int64 count, int64 from, int64 to) {
    const int64 first = cache->first * PART;
    return count > 0 && from >= first && to <= first + (count - 1) * PART + cache->pages[count - 1].slots;
}

/* Whether the positions that tokens attend to are in the cache, in the mask, and from `first` to `last` - 1. */
RARE static int positions_fit(const struct cache *cache, int64 count, const struct queries *in, int64 first,
                              int64 last) {
    for (int64 t = 0; t < in->tokens; ++t) {
        const int64 from = in->from[t], to = in->to[t];
        if (from >= to) continue;
        if (from < first || to > last || !range_fits(cache, count, from, to)) return 0;
        if (in->mask && (from < in->mask_first || to - in->mask_first > in->mask_stride)) return 0;
    }
    return 1;
}

/* The number of parts of 512 positions that any token attends to, and those between them. */
static int64 parts_of(const struct queries *in) {
    int64 first = -1, last = 0;
    for (int64 t = 0; t < in->tokens; ++t) {
        const int64 from = in->from[t] / 512, to = (in->to[t] + 511) / 512;
        if (in->from[t] >= in->to[t]) continue;
        first = first < 0 || from < first ? from : first;
        last = to > last ? to : last;
    }
    return last - first;
}

/* In a function of jni.c, before any use of its arguments. Conditions come first: sizes may depend on them. */
#define REQUIRE(condition) \
    if (checking && !holds(env, __func__ + PREFIX, #condition, condition)) return
#define ACCESS(...)                                                                                            \
    if (checking && !accesses_fit(env, __func__ + PREFIX, (const struct access[]){__VA_ARGS__},                \
                                  sizeof((const struct access[]){__VA_ARGS__}) / sizeof(struct access)))       \
    return

#endif
