/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native methods of NativeLibrary.java. Compiled once, for any processor of the architecture.
 *
 * JNI's functions get an environment and a class, which nothing here uses but `address`: all other arguments are
 * numbers. So neither jni.h nor a C library is needed.
 */
#include "checks.h"

#if defined(_WIN32)
#define JNI(type, name) __declspec(dllexport) type Java_io_github_djlmistral_engine_internal_cpu_NativeLibrary_##name
int _fltused; /* the linker expects it where floats are used */
#else
#define JNI(type, name) \
    __attribute__((visibility("default"))) type Java_io_github_djlmistral_engine_internal_cpu_NativeLibrary_##name
#endif

/* __func__ + PREFIX is the name of the method. */
enum { PREFIX = sizeof "Java_io_github_djlmistral_engine_internal_cpu_NativeLibrary_" - 1 };

/* The instruction sets are numbered from 0. */
#define KNOWN(set) (set >= 0 && set < (int32)(sizeof round / sizeof *round))
#define KNOWN_TYPE(type) (type >= FLOAT32 && type <= BFLOAT16)
#define KNOWN_SCALES(type) (type == FLOAT32 || type == FLOAT16 || type == TWO_LEVEL)
#define TILES(rows) ((rows + 15) / 16)

/*
 * The kernels of each instruction set. AVX-VNNI, AMX and I8MM have their own where there are dot products of int8, and
 * else those of AVX2, AVX-512 and NEON.
 */
#if defined(__x86_64__)
#define DECLARE(kernel) \
    kernel##_fn kernel##_avx2, kernel##_avx512; \
    static kernel##_fn *const kernel[] = {kernel##_avx2, kernel##_avx2, kernel##_avx512, kernel##_avx512};
#define DECLARE_DOT(kernel) \
    kernel##_fn kernel##_avx2, kernel##_avxvnni, kernel##_avx512, kernel##_amx; \
    static kernel##_fn *const kernel[] = {kernel##_avx2, kernel##_avxvnni, kernel##_avx512, kernel##_amx};
#else
#define DECLARE(kernel) \
    kernel##_fn kernel##_neon; \
    static kernel##_fn *const kernel[] = {kernel##_neon, kernel##_neon};
#define DECLARE_DOT(kernel) \
    kernel##_fn kernel##_neon, kernel##_i8mm; \
    static kernel##_fn *const kernel[] = {kernel##_neon, kernel##_i8mm};
#endif
DECLARE(round)
DECLARE_DOT(int4_linear)
DECLARE_DOT(int6_linear)
DECLARE(int8_linear)
DECLARE(codebook_linear)
DECLARE(split)
DECLARE(dense_linear)
DECLARE(rms_norm)
DECLARE(swiglu)
DECLARE(add)
DECLARE(widen)
DECLARE(rotate)
DECLARE(write)
DECLARE(attend)
DECLARE(attend_part)
DECLARE(merge)
DECLARE(attention_weights)

/* Functions of JNI's table, by their numbers. */
enum { GET_INT_ARRAY_REGION = 203, GET_DIRECT_BUFFER_ADDRESS = 230 };

JNI(int64, address)(void *env, void *cls, void *buffer) {
    typedef void *get(void *, void *);
    return (int64)((get *)(*(void ***)env)[GET_DIRECT_BUFFER_ADDRESS])(env, buffer);
}

JNI(int64, register)(void *env, void *cls, int32 number, int64 address, int64 bytes) {
    return register_array(number, address, bytes);
}

JNI(void, round)(void *env, void *cls, int32 set, int64 x, int64 count, int64 group, int64 codes, int64 scales,
                 int64 sums) {
    REQUIRE(KNOWN(set));
    REQUIRE(group > 0 && group % 16 == 0 && group <= 128);
    ACCESS({"x", &x, floats(times(count, group))},
           {"codes", &codes, times(count, group)},
           {"scales", &scales, floats(count)},
           {"sums", &sums, floats(count)});
    const struct rounded to = {(int8 *)codes, (float *)scales, (int32 *)sums};
    round[set]((const float *)x, count, group, &to);
}

JNI(void, roundedLinear)(void *env, void *cls, int32 set, int32 bits, int64 codes, int64 scales, int64 offsets,
                         int32 type, int64 rows, int64 columns, int64 group, int64 in, int64 inScales, int64 inSums,
                         int64 tokens, int64 from, int64 to, int64 out) {
    REQUIRE(KNOWN(set) && KNOWN_SCALES(type) && (bits == 4 || bits == 6));
    REQUIRE(group > 0 && group % (bits == 4 ? 32 : 16) == 0 && columns % group == 0);
    REQUIRE(type != TWO_LEVEL || (columns % 256 == 0 && 256 % group == 0));
    REQUIRE(from >= 0 && from <= to && to <= TILES(rows));
    ACCESS({"codes", &codes, times3(TILES(rows), 2 * bits, columns)},
           {"scales", &scales, scale_bytes(rows, columns, group, type)},
           {"offsets", &offsets, offsets ? scale_bytes(rows, columns, group, type) : 0},
           {"in", &in, times(tokens, columns)},
           {"inScales", &inScales, floats(times(tokens, columns / group))},
           {"inSums", &inSums, floats(times(tokens, columns / group))},
           {"out", &out, floats(times(tokens, rows))});
    const struct grouped w = {(const void *)codes, (const void *)scales, (const void *)offsets, type, rows, columns, group};
    const struct rounded x = {(int8 *)in, (float *)inScales, (int32 *)inSums};
    (bits == 4 ? int4_linear : int6_linear)[set](&w, &x, tokens, from, to, (float *)out);
}

JNI(void, int8Linear)(void *env, void *cls, int32 set, int64 codes, int64 scales, int64 offsets, int32 type,
                      int64 rows, int64 columns, int64 group, int64 x, int64 tokens, int64 from, int64 to, int64 out) {
    REQUIRE(KNOWN(set) && KNOWN_TYPE(type));
    REQUIRE(group > 0 && columns % group == 0);
    REQUIRE(from >= 0 && from <= to && to <= TILES(rows));
    ACCESS({"codes", &codes, times3(TILES(rows), 16, columns)},
           {"scales", &scales, scale_bytes(rows, columns, group, type)},
           {"offsets", &offsets, offsets ? scale_bytes(rows, columns, group, type) : 0},
           {"x", &x, floats(times(tokens, columns))},
           {"out", &out, floats(times(tokens, rows))});
    const struct grouped w = {(const void *)codes, (const void *)scales, (const void *)offsets, type, rows, columns,
                                  group};
    int8_linear[set](&w, (const float *)x, tokens, from, to, (float *)out);
}

JNI(void, codebookLinear)(void *env, void *cls, int32 set, int64 codes, int64 absmax, int64 table, int64 rows,
                          int64 columns, int64 block, int64 x, int64 tokens, int64 from, int64 to, int64 out,
                          int64 scratch) {
    REQUIRE(KNOWN(set));
    REQUIRE(block > 0 && block % 32 == 0 && columns % block == 0);
    REQUIRE(from >= 0 && from <= to && to <= rows);
    ACCESS({"codes", &codes, times(rows, columns / 2)},
           {"absmax", &absmax, floats(times(rows, columns / block))},
           {"table", &table, floats(16)},
           {"x", &x, floats(times(tokens, columns))},
           {"out", &out, floats(times(tokens, rows))},
           {"scratch", &scratch, floats(16384)});
    const struct codebook w = {(const uint8 *)codes, (const float *)absmax, (const float *)table, rows, columns, block};
    codebook_linear[set](&w, (const float *)x, tokens, from, to, (float *)out, (float *)scratch);
}

JNI(void, split)(void *env, void *cls, int32 set, int64 x, int64 tokens, int64 columns, int64 out) {
    REQUIRE(KNOWN(set) && columns % 8 == 0);
    ACCESS({"x", &x, floats(times(tokens, columns))},
           {"out", &out, floats(times(tokens, columns))});
    split[set]((const float *)x, tokens, columns, (float *)out);
}

JNI(void, denseLinear)(void *env, void *cls, int32 set, int64 values, int32 type, int64 rows, int64 columns, int64 x,
                       int64 tokens, int64 from, int64 to, int64 out, int64 scratch) {
    REQUIRE(KNOWN(set) && KNOWN_TYPE(type));
    REQUIRE(from >= 0 && from <= to && to <= rows);
    ACCESS({"values", &values, bytes_of_type(times(rows, columns), type)},
           {"x", &x, floats(times(tokens, columns))},
           {"out", &out, floats(times(tokens, rows))},
           {"scratch", &scratch, floats(16384)});
    const struct dense w = {(const void *)values, type, rows, columns};
    dense_linear[set](&w, (const float *)x, tokens, from, to, (float *)out, (float *)scratch);
}

JNI(void, gather)(void *env, void *cls, int64 x, void *order, int64 columns, int64 out) {
    ACCESS({"x", &x, floats(columns)},
           {"out", &out, floats(columns)});
    typedef void get(void *, void *, int32, int32, int32 *);
    get *const region = (get *)(*(void ***)env)[GET_INT_ARRAY_REGION];
    int32 at[256];
    for (int64 i = 0; i < columns; i += 256) {
        const int32 count = columns - i < 256 ? (int32)(columns - i) : 256;
        region(env, order, (int32)i, count, at);
        for (int32 j = 0; j < count; ++j) REQUIRE(at[j] >= 0 && at[j] < columns);
        for (int32 j = 0; j < count; ++j) ((float *)out)[i + j] = ((const float *)x)[at[j]];
    }
}

JNI(void, rmsNorm)(void *env, void *cls, int32 set, int64 x, int64 weight, int32 type, float eps, int64 tokens,
                   int64 columns, int64 out) {
    REQUIRE(KNOWN(set) && KNOWN_TYPE(type));
    ACCESS({"x", &x, floats(times(tokens, columns))},
           {"weight", &weight, bytes_of_type(columns, type)},
           {"out", &out, floats(times(tokens, columns))});
    rms_norm[set]((const float *)x, (const void *)weight, type, eps, tokens, columns, (float *)out);
}

JNI(void, swiGlu)(void *env, void *cls, int32 set, int64 gate, int64 up, int64 count, int64 out) {
    REQUIRE(KNOWN(set));
    ACCESS({"gate", &gate, floats(count)},
           {"up", &up, floats(count)},
           {"out", &out, floats(count)});
    swiglu[set]((const float *)gate, (const float *)up, count, (float *)out);
}

JNI(void, add)(void *env, void *cls, int32 set, int64 x, int64 y, int64 count, int64 out) {
    REQUIRE(KNOWN(set));
    ACCESS({"x", &x, floats(count)},
           {"y", &y, floats(count)},
           {"out", &out, floats(count)});
    add[set]((const float *)x, (const float *)y, count, (float *)out);
}

JNI(void, widen)(void *env, void *cls, int32 set, int64 x, int32 type, int64 count, int64 out) {
    REQUIRE(KNOWN(set) && KNOWN_TYPE(type));
    ACCESS({"x", &x, bytes_of_type(count, type)},
           {"out", &out, floats(count)});
    widen[set]((const void *)x, type, count, (float *)out);
}

JNI(void, rotate)(void *env, void *cls, int32 set, int64 x, int64 stride, int64 tokens, int64 heads, int64 size,
                  int64 cos, int64 sin, float factor) {
    REQUIRE(KNOWN(set) && size % 2 == 0);
    ACCESS({"x", &x, floats(strided(tokens, stride, times(heads, size)))},
           {"cos", &cos, floats(times(tokens, size / 2))},
           {"sin", &sin, floats(times(tokens, size / 2))});
    rotate[set]((float *)x, stride, tokens, heads, size, (const float *)cos, (const float *)sin, factor);
}

/* Arguments that the functions of attention.c and rotary.c share. */
#define CACHE_ARGUMENTS int64 pages, int64 first, int64 count, int64 head, int64 groups, int32 type, int64 size
#define CACHE {(const struct page *)pages, first, head, groups, type, size}
#define QUERY_ARGUMENTS \
    int64 q, int64 stride, int64 tokens, int64 heads, int64 from, int64 to, int64 mask, int64 maskStride, int64 maskFirst
#define QUERIES                                                                                                    \
    {(const float *)q,   stride,     tokens,   heads, (const int64 *)from, (const int64 *)to, (const float *)mask, \
     maskStride, maskFirst}
#define REQUIRE_CACHE                                                                                                  \
    REQUIRE(KNOWN(set) && (KNOWN_TYPE(type) || type == INT8) && size > 0 && size <= 512 && size % 2 == 0 && head >= 0 && head < groups); \
    ACCESS({"pages", &pages, times(count, sizeof(struct page))});                                                      \
    if (checking && !pages_fit(env, __func__ + PREFIX, &(struct cache)CACHE, count)) return
#define QUERY_ACCESS                                                                                                 \
    {"q", &q, floats(strided(tokens, stride, times(heads, size)))}, {"from", &from, times(tokens, 8)},               \
        {"to", &to, times(tokens, 8)}, {"mask", &mask, mask ? floats(times(tokens, maskStride)) : 0}

JNI(void, write)(void *env, void *cls, int32 set, CACHE_ARGUMENTS, int64 k, int64 v, int64 stride, int64 tokens,
                 int64 position) {
    REQUIRE_CACHE;
    ACCESS({"k", &k, floats(strided(tokens, stride, size))},
           {"v", &v, floats(strided(tokens, stride, size))});
    const struct cache cache = CACHE;
    REQUIRE(range_fits(&cache, count, position, position + tokens));
    write[set](&cache, (const float *)k, (const float *)v, stride, tokens, position);
}

JNI(void, attend)(void *env, void *cls, int32 set, CACHE_ARGUMENTS, QUERY_ARGUMENTS, int64 scratch, int64 out,
                  int64 outStride) {
    REQUIRE_CACHE;
    ACCESS(QUERY_ACCESS, {"out", &out, floats(strided(tokens, outStride, times(heads, size)))});
    const struct cache cache = CACHE;
    const struct queries in = QUERIES;
    REQUIRE(positions_fit(&cache, count, &in, 0, 1LL << 62));
    if (checking) {
        const int64 rows = times3(tokens < 16 ? tokens : 16, heads, size + 2);
        ACCESS({"scratch", &scratch, floats(times(rows, parts_of(&in)))});
    }
    attend[set](&cache, &in, (float *)scratch, (float *)out, outStride);
}

JNI(void, attendPart)(void *env, void *cls, int32 set, CACHE_ARGUMENTS, QUERY_ARGUMENTS, int64 part, int64 out) {
    REQUIRE_CACHE;
    REQUIRE(part >= first && part - first < count);
    ACCESS(QUERY_ACCESS, {"out", &out, floats(times3(tokens, heads, size + 2))});
    const struct cache cache = CACHE;
    const struct queries in = QUERIES;
    REQUIRE(positions_fit(&cache, count, &in, 0, 1LL << 62));
    attend_part[set](&cache, &in, part, (float *)out);
}

JNI(void, merge)(void *env, void *cls, int32 set, int64 partial, int64 parts, int64 step, int64 size, int64 out) {
    REQUIRE(KNOWN(set) && parts >= 0);
    ACCESS({"partial", &partial, floats(strided(parts, step, size + 2))},
           {"out", &out, floats(size)});
    merge[set]((const float *)partial, parts, step, size, (float *)out);
}

JNI(void, attentionWeights)(void *env, void *cls, int32 set, CACHE_ARGUMENTS, QUERY_ARGUMENTS, int64 begin, int64 end,
                            int64 out, int64 outStride) {
    REQUIRE_CACHE;
    REQUIRE(heads > 0 && end >= begin);
    ACCESS(QUERY_ACCESS, {"out", &out, floats(strided(heads, outStride, times(tokens, end - begin)))});
    const struct cache cache = CACHE;
    const struct queries in = QUERIES;
    REQUIRE(positions_fit(&cache, count, &in, begin, end));
    attention_weights[set](&cache, &in, begin, end, (float *)out, outStride);
}

#if defined(__x86_64__)
static void cpuid(uint32 leaf, uint32 subleaf, uint32 *r) {
    __asm__("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(subleaf));
}

/* Linux gives a process the state of AMX's tiles if it asks for it: arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA). */
static int tiles_permitted(void) {
#if defined(__linux__)
    int64 result = 158;
    __asm__ volatile("syscall" : "+a"(result) : "D"(0x1023LL), "S"(18LL) : "rcx", "r11", "memory");
    return result == 0;
#else
    return 0;
#endif
}
#endif

/*
 * Bit n is set if processor and operating system support the n-th kernels of the tables. ARM's operating systems alone
 * know: see ArmFeatures.java.
 */
JNI(int32, instructionSets)(void *env, void *cls) {
#if defined(__x86_64__)
    uint32 a[4], b[4], c[4], state, high;
    cpuid(0, 0, a);
    const uint32 leaves = a[0];
    cpuid(1, 0, a);
    const uint32 needed = 1u << 12 | 1u << 27 | 1u << 29; /* FMA, OSXSAVE, F16C */
    if (leaves < 7 || (a[2] & needed) != needed) return 0;
    __asm__("xgetbv" : "=a"(state), "=d"(high) : "c"(0));
    cpuid(7, 0, b);
    cpuid(7, 1, c);
    const int avx2 = (state & 6) == 6 && (b[1] >> 5 & 1);
    const int avxvnni = avx2 && (c[0] >> 4 & 1);
    const uint32 avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F, DQ, BW, VL */
    const int vnni = avx2 && (state & 0xe6) == 0xe6 && (b[1] & avx512) == avx512 && (b[2] >> 11 & 1);
    const uint32 tiles = 3u << 17, amx = 3u << 24; /* the states of the tiles; TILE, INT8 */
    const int matrices = vnni && (state & tiles) == tiles && (b[3] & amx) == amx && tiles_permitted();
    return avx2 | avxvnni << 1 | vnni << 2 | matrices << 3;
#else
    return 3;
#endif
}
