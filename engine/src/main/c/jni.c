/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native methods of NativeLibrary.java. Compiled once, for any processor of the architecture.
 *
 * JNI's functions get an environment and a class, which nothing here uses but `address`: all other arguments are
 * numbers. So neither jni.h nor a C library is needed.
 */
#include "kernels.h"

#if defined(_WIN32)
#define JNI(type, name) __declspec(dllexport) type Java_io_github_djlmistral_engine_internal_cpu_NativeLibrary_##name
int _fltused; /* the linker expects it where floats are used */
#else
#define JNI(type, name) \
    __attribute__((visibility("default"))) type Java_io_github_djlmistral_engine_internal_cpu_NativeLibrary_##name
#endif

#if defined(__x86_64__)
#define DECLARE(kernel) \
    kernel##_fn kernel##_avx2, kernel##_avxvnni, kernel##_avx512; \
    static kernel##_fn *const kernel[] = {kernel##_avx2, kernel##_avxvnni, kernel##_avx512};
#else
#define DECLARE(kernel) \
    kernel##_fn kernel##_neon; \
    static kernel##_fn *const kernel[] = {kernel##_neon};
#endif
DECLARE(round)
DECLARE(int4_linear)

/* GetDirectBufferAddress is the function 230 of JNI's table. */
JNI(int64, address)(void *env, void *cls, void *buffer) {
    typedef void *get(void *, void *);
    return (int64)((get *)(*(void ***)env)[230])(env, buffer);
}

JNI(void, round)(void *env, void *cls, int32 set, int64 x, int32 type, int64 count, int64 group, int64 codes,
                 int64 scales, int64 sums) {
    const struct rounded to = {(int8 *)codes, (float *)scales, (int32 *)sums};
    round[set]((const void *)x, type, count, group, &to);
}

JNI(void, int4Linear)(void *env, void *cls, int32 set, int64 codes, int64 scales, int64 offsets, int32 type,
                      int64 rows, int64 columns, int64 group, int64 in, int64 inScales, int64 inSums, int64 tokens,
                      int64 from, int64 to, int64 out, int32 outType) {
    const struct int4 w = {(const uint8 *)codes, (const void *)scales, (const void *)offsets, type, rows, columns, group};
    const struct rounded x = {(int8 *)in, (float *)inScales, (int32 *)inSums};
    const struct outputs y = {(void *)out, outType};
    int4_linear[set](&w, &x, tokens, from, to, &y);
}

#if defined(__x86_64__)
static void cpuid(uint32 leaf, uint32 subleaf, uint32 *r) {
    __asm__("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(subleaf));
}
#endif

/* Bit n is set if processor and operating system support the n-th kernels of the tables. */
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
    return avx2 | avxvnni << 1 | vnni << 2;
#else
    return 1;
#endif
}
