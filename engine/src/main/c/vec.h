/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vector operations of a variant. Every kernel is compiled once per variant, with the instruction set of that
 * variant, and calls these operations only.
 *
 * Sums run in 16 lanes in every variant, whatever the width of its registers (LANES), and are reduced in one order.
 * So all variants give the same bits.
 */
#ifndef VEC_H
#define VEC_H

#include "kernels.h"

#define INLINE static inline __attribute__((always_inline))
/* A rare path, which would make the code around it long, or a loop that needs all registers. */
#define SHARED static inline __attribute__((noinline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define ROLLED _Pragma("clang loop unroll(disable) vectorize(disable)")

#if defined(__AVX2__)
#include <immintrin.h>
/* Reductions add or compare lane i and lane i + n / 2 of n. */
INLINE float sum_of_4(__m128 x) {
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
INLINE float sum_of_8(__m256 x) { return sum_of_4(_mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1))); }
INLINE float largest_of_8(__m256 x) {
    __m128 y = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    y = _mm_max_ps(y, _mm_movehl_ps(y, y));
    return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
}
#endif

#if defined(__AVX512VNNI__)

#define LANES 16
typedef __m512 vf;
typedef __m512i vi;
INLINE vf vf_set(float x) { return _mm512_set1_ps(x); }
INLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void vf_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE float vf_sum(vf x) { return sum_of_8(_mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1))); }
INLINE float vf_largest(vf x) {
    return largest_of_8(_mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1)));
}
/* x where y >= least, otherwise 0 */
INLINE vf vf_keep(vf x, vf y, float least) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(y, _mm512_set1_ps(least), _CMP_GE_OQ), x);
}
INLINE vf vf_load_f16(const uint16 *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)p)); }
INLINE void vf_store_f16(uint16 *p, vf x) {
    _mm256_storeu_si256((void *)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
INLINE vf vf_of(vi x) { return _mm512_cvtepi32_ps(x); }
INLINE vf vf_bits(vi x) { return _mm512_castsi512_ps(x); }
INLINE vi vi_bits(vf x) { return _mm512_castps_si512(x); }
INLINE vi vi_set(int32 x) { return _mm512_set1_epi32(x); }
INLINE vi vi_load(const void *p) { return _mm512_loadu_si512(p); }
INLINE void vi_store(void *p, vi x) { _mm512_storeu_si512(p, x); }
INLINE vi vi_load_u16(const uint16 *p) { return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)p)); }
INLINE vi vi_load_s8(const int8 *p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)p)); }
INLINE void vi_store_u16(uint16 *p, vi x) { _mm256_storeu_si256((void *)p, _mm512_cvtepi32_epi16(x)); }
INLINE vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
INLINE vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
INLINE vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
INLINE vi vi_sub_s8(vi a, vi b) { return _mm512_sub_epi8(a, b); } /* 64 bytes */
#define vi_right(a, bits) _mm512_srli_epi32(a, bits)
#define vi_left(a, bits) _mm512_slli_epi32(a, bits)
/*
 * The 16 entries of a codebook, and those of 16 bytes, which hold an even column's code in their high bits and an odd
 * one's in their low bits: 32 columns in 2 * REGISTERS registers. In each 8 columns the order is 0 2 4 6 1 3 5 7, that of
 * the unpacked bytes of AVX2.
 */
struct table { vf entries; };
INLINE struct table vf_table(const float *p) { return (struct table){vf_load(p)}; }
INLINE void vf_look_up(const struct table *t, const uint8 *p, vf *out) {
    const vi both = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p)); /* a permutation ignores the high bits */
    const vf even = _mm512_permutexvar_ps(_mm512_srli_epi32(both, 4), t->entries);
    const vf odd = _mm512_permutexvar_ps(both, t->entries);
    const vi first = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    out[0] = _mm512_permutex2var_ps(even, first, odd);
    out[1] = _mm512_permutex2var_ps(even, _mm512_add_epi32(first, _mm512_set1_epi32(8)), odd);
}
#define DOT_INT32 1
INLINE vi vi_dot(vi total, vi codes, vi inputs) { return _mm512_dpbusd_epi32(total, codes, inputs); }
INLINE vi vi_widen(vi total, vi sums) { return _mm512_add_epi32(total, sums); }

#elif defined(__AVX2__)

#define LANES 8
typedef __m256 vf;
typedef __m256i vi;
INLINE vf vf_set(float x) { return _mm256_set1_ps(x); }
INLINE vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void vf_store(float *p, vf x) { _mm256_storeu_ps(p, x); }
INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE float vf_sum(vf x) { return sum_of_8(x); }
INLINE float vf_largest(vf x) { return largest_of_8(x); }
INLINE vf vf_keep(vf x, vf y, float least) {
    return _mm256_and_ps(x, _mm256_cmp_ps(y, _mm256_set1_ps(least), _CMP_GE_OQ));
}
INLINE vf vf_load_f16(const uint16 *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const void *)p)); }
INLINE void vf_store_f16(uint16 *p, vf x) {
    _mm_storeu_si128((void *)p, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
INLINE vf vf_of(vi x) { return _mm256_cvtepi32_ps(x); }
INLINE vf vf_bits(vi x) { return _mm256_castsi256_ps(x); }
INLINE vi vi_bits(vf x) { return _mm256_castps_si256(x); }
INLINE vi vi_set(int32 x) { return _mm256_set1_epi32(x); }
INLINE vi vi_load(const void *p) { return _mm256_loadu_si256(p); }
INLINE void vi_store(void *p, vi x) { _mm256_storeu_si256(p, x); }
INLINE vi vi_load_u16(const uint16 *p) { return _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)p)); }
INLINE vi vi_load_s8(const int8 *p) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)p)); }
INLINE void vi_store_u16(uint16 *p, vi x) {
    __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(x, x), 0x08);
    _mm_storeu_si128((void *)p, _mm256_castsi256_si128(packed));
}
INLINE vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
INLINE vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
INLINE vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
INLINE vi vi_sub_s8(vi a, vi b) { return _mm256_sub_epi8(a, b); }
#define vi_right(a, bits) _mm256_srli_epi32(a, bits)
#define vi_left(a, bits) _mm256_slli_epi32(a, bits)
/* Shuffles look up the four bytes of the entries. Even lanes are the low half of a register, odd ones the high half. */
struct table { vi bytes[4]; };
INLINE struct table vf_table(const float *p) {
    struct table t;
    for (int b = 0; b < 4; ++b) {
        uint8 bytes[16];
        for (int i = 0; i < 16; ++i) bytes[i] = ((const uint8 *)(p + i))[b];
        t.bytes[b] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)bytes));
    }
    return t;
}
INLINE void vf_look_up(const struct table *t, const uint8 *p, vf *out) {
    const vi both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)p));
    const vi codes = vi_and(_mm256_srlv_epi64(both, _mm256_set_epi64x(0, 0, 4, 4)), _mm256_set1_epi8(15));
    const vi a = _mm256_shuffle_epi8(t->bytes[0], codes), b = _mm256_shuffle_epi8(t->bytes[1], codes);
    const vi c = _mm256_shuffle_epi8(t->bytes[2], codes), d = _mm256_shuffle_epi8(t->bytes[3], codes);
    const vi ab = _mm256_unpacklo_epi8(a, b), ab8 = _mm256_unpackhi_epi8(a, b); /* of bytes 0 to 7, and 8 to 15 */
    const vi cd = _mm256_unpacklo_epi8(c, d), cd8 = _mm256_unpackhi_epi8(c, d);
    out[0] = vf_bits(_mm256_unpacklo_epi16(ab, cd));
    out[1] = vf_bits(_mm256_unpackhi_epi16(ab, cd));
    out[2] = vf_bits(_mm256_unpacklo_epi16(ab8, cd8));
    out[3] = vf_bits(_mm256_unpackhi_epi16(ab8, cd8));
}
#if defined(__AVXVNNI__)
#define DOT_INT32 1
INLINE vi vi_dot(vi total, vi codes, vi inputs) { return _mm256_dpbusd_avx_epi32(total, codes, inputs); }
INLINE vi vi_widen(vi total, vi sums) { return _mm256_add_epi32(total, sums); }
#else
/* Two sums of 16 bits a lane. A dot adds at most 2 * 15 * 127 = 3810 to each: eight dots fit, those of 32 columns. */
#define DOT_INT32 0
INLINE vi vi_dot(vi sums, vi codes, vi inputs) {
    return _mm256_add_epi16(sums, _mm256_maddubs_epi16(codes, inputs));
}
INLINE vi vi_widen(vi total, vi sums) {
    return _mm256_add_epi32(total, _mm256_madd_epi16(sums, _mm256_set1_epi16(1)));
}
#endif

#elif defined(__ARM_FEATURE_DOTPROD)

#include <arm_neon.h>
#define LANES 4
typedef float32x4_t vf;
typedef int32x4_t vi;
INLINE vf vf_set(float x) { return vdupq_n_f32(x); }
INLINE vf vf_load(const float *p) { return vld1q_f32(p); }
INLINE void vf_store(float *p, vf x) { vst1q_f32(p, x); }
INLINE vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
INLINE vf vf_max(vf a, vf b) { return vmaxq_f32(a, b); }
INLINE vf vf_min(vf a, vf b) { return vminq_f32(a, b); }
INLINE float vf_sum(vf x) {
    const float32x2_t y = vadd_f32(vget_low_f32(x), vget_high_f32(x));
    return vget_lane_f32(y, 0) + vget_lane_f32(y, 1);
}
INLINE float vf_largest(vf x) { return vmaxvq_f32(x); }
INLINE vf vf_keep(vf x, vf y, float least) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), vcgeq_f32(y, vdupq_n_f32(least))));
}
INLINE vf vf_load_f16(const uint16 *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
INLINE void vf_store_f16(uint16 *p, vf x) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x))); }
INLINE vf vf_of(vi x) { return vcvtq_f32_s32(x); }
INLINE vf vf_bits(vi x) { return vreinterpretq_f32_s32(x); }
INLINE vi vi_bits(vf x) { return vreinterpretq_s32_f32(x); }
INLINE vi vi_set(int32 x) { return vdupq_n_s32(x); }
INLINE vi vi_load(const void *p) { return vreinterpretq_s32_u8(vld1q_u8(p)); }
INLINE void vi_store(void *p, vi x) { vst1q_u8(p, vreinterpretq_u8_s32(x)); }
INLINE vi vi_load_u16(const uint16 *p) { return vreinterpretq_s32_u32(vmovl_u16(vld1_u16(p))); }
INLINE vi vi_load_s8(const int8 *p) {
    return vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u32(vld1_lane_u32((const uint32 *)p, vdup_n_u32(0), 0)))));
}
INLINE void vi_store_u16(uint16 *p, vi x) { vst1_u16(p, vmovn_u32(vreinterpretq_u32_s32(x))); }
INLINE vi vi_and(vi a, vi b) { return vandq_s32(a, b); }
INLINE vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
INLINE vi vi_sub(vi a, vi b) { return vsubq_s32(a, b); }
#define vi_right(a, bits) vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a), bits))
#define vi_left(a, bits) vshlq_n_s32(a, bits)
struct table { uint8x16x4_t bytes; };
INLINE struct table vf_table(const float *p) { return (struct table){vld1q_u8_x4((const uint8 *)p)}; }
INLINE vf vf_entry(const struct table *t, uint16x4_t codes) { /* entry n is the bytes 4 n to 4 n + 3 */
    const uint32x4_t bytes = vaddq_u32(vmulq_n_u32(vmovl_u16(codes), 0x04040404), vdupq_n_u32(0x03020100));
    return vreinterpretq_f32_u8(vqtbl4q_u8(t->bytes, vreinterpretq_u8_u32(bytes)));
}
INLINE void vf_look_up(const struct table *t, const uint8 *p, vf *out) {
    const uint8x16_t both = vld1q_u8(p), codes[2] = {vshrq_n_u8(both, 4), vandq_u8(both, vdupq_n_u8(15))};
    for (int i = 0; i < 2; ++i) {
        const uint16x8_t low = vmovl_u8(vget_low_u8(codes[i])), high = vmovl_u8(vget_high_u8(codes[i]));
        out[i] = vf_entry(t, vget_low_u16(low));
        out[i + 2] = vf_entry(t, vget_high_u16(low));
        out[i + 4] = vf_entry(t, vget_low_u16(high));
        out[i + 6] = vf_entry(t, vget_high_u16(high));
    }
}
#define DOT_INT32 1
INLINE vi vi_dot(vi total, vi codes, vi inputs) {
    return vdotq_s32(total, vreinterpretq_s8_s32(codes), vreinterpretq_s8_s32(inputs));
}
INLINE vi vi_widen(vi total, vi sums) { return vaddq_s32(total, sums); }
#if defined(__ARM_FEATURE_MATMUL_INT8)
/*
 * Products of 8 columns of 4 rows and 2 tokens: `first` and `second` are 4 columns of each row, `inputs` are 8 of each
 * token. The four sums of rows 0 and 1 are in sums[0], those of rows 2 and 3 in sums[1]: row 0 with either token, then
 * row 1.
 */
#define DOT_MATRIX 1
INLINE vi vi_inputs(const int8 *token, const int8 *next) {
    return vreinterpretq_s32_s8(vcombine_s8(vld1_s8(token), vld1_s8(next)));
}
INLINE void vi_dot_matrix(vi *sums, vi first, vi second, vi inputs) {
    const int8x16_t x = vreinterpretq_s8_s32(inputs);
    sums[0] = vmmlaq_s32(sums[0], vreinterpretq_s8_s32(vzip1q_s32(first, second)), x);
    sums[1] = vmmlaq_s32(sums[1], vreinterpretq_s8_s32(vzip2q_s32(first, second)), x);
}
/* The sums of 4 rows and token 0 or 1. */
INLINE vi vi_token(const vi *sums, int token) {
    return token ? vuzp2q_s32(sums[0], sums[1]) : vuzp1q_s32(sums[0], sums[1]);
}
#endif

#else
#error "no variant for this instruction set"
#endif

#if !defined(DOT_MATRIX)
#define DOT_MATRIX 0
#endif

/* 16 lanes, in REGISTERS registers. */
enum { TILE = 16, REGISTERS = TILE / LANES };

/* Adds 16 lanes, in the same order in each variant: lanes i and i + 8, then i and i + 4, and so on. */
INLINE float lane_sum(const vf *lanes) {
    vf x[REGISTERS];
    UNROLL for (int r = 0; r < REGISTERS; ++r) x[r] = lanes[r];
    UNROLL for (int width = REGISTERS / 2; width > 0; width /= 2) UNROLL for (int r = 0; r < width; ++r)
        x[r] = x[r] + x[r + width];
    return vf_sum(x[0]);
}

INLINE float lane_max(const vf *lanes) {
    vf most = lanes[0];
    UNROLL for (int r = 1; r < REGISTERS; ++r) most = vf_max(most, lanes[r]);
    return vf_largest(most);
}

INLINE int64 bytes_of(int type) { return type == FLOAT32 ? 4 : type == INT8 ? 1 : 2; }

INLINE vf load(const int type, const void *p, int64 i) {
    if (type == FLOAT32) return vf_load((const float *)p + i);
    if (type == FLOAT16) return vf_load_f16((const uint16 *)p + i);
    if (type == INT8) return vf_of(vi_load_s8((const int8 *)p + i));
    return vf_bits(vi_left(vi_load_u16((const uint16 *)p + i), 16));
}

INLINE void store(const int type, void *p, int64 i, vf x) {
    if (type == FLOAT32) {
        vf_store((float *)p + i, x);
    } else if (type == FLOAT16) {
        vf_store_f16((uint16 *)p + i, x);
    } else { /* to nearest, ties to even */
        const vi bits = vi_bits(x);
        const vi odd = vi_and(vi_right(bits, 16), vi_set(1));
        vi_store_u16((uint16 *)p + i, vi_right(vi_add(bits, vi_add(odd, vi_set(0x7fff))), 16));
    }
}

/*
 * e^x within 2 units in the last place, 0 below -87.3: x = n ln 2 + r with |r| <= ln 2 / 2, e^r by its Taylor
 * polynomial of degree 7.
 */
INLINE vf vf_exp(vf x) {
    const vf magic = vf_set(12582912.f); /* 1.5 * 2^23: adding it rounds to an integer in the low bits */
    const vf in = vf_min(vf_max(x, vf_set(-87.3f)), vf_set(88.3f));
    const vf shifted = vf_fma(in, vf_set(1.44269504f), magic);
    const vf n = shifted - magic;
    vf r = vf_fma(n, vf_set(-0.693145752f), in);
    r = vf_fma(n, vf_set(-1.42860677e-6f), r);
    vf y = vf_fma(r, vf_set(1.f / 5040), vf_set(1.f / 720));
    y = vf_fma(y, r, vf_set(1.f / 120));
    y = vf_fma(y, r, vf_set(1.f / 24));
    y = vf_fma(y, r, vf_set(1.f / 6));
    y = vf_fma(y, r, vf_set(.5f));
    y = vf_fma(y, r, vf_set(1));
    y = vf_fma(y, r, vf_set(1));
    return vf_keep(vf_bits(vi_add(vi_bits(y), vi_left(vi_bits(shifted), 23))), x, -87.3f);
}

/* Copies a few numbers of `bytes` bytes. */
INLINE void copy_some(int64 bytes, void *to, const void *from, int64 count) {
    ROLLED for (int64 i = 0; i < count * bytes; ++i) ((uint8 *)to)[i] = ((const uint8 *)from)[i];
}

/* Fewer lanes than a register has, zeros for the others. */
SHARED vf load_rest(int type, const void *p, int64 count) {
    float lanes[LANES] = {0};
    copy_some(bytes_of(type), lanes, p, count);
    if (type == FLOAT32) return load(FLOAT32, lanes, 0);
    if (type == INT8) return load(INT8, lanes, 0);
    return type == FLOAT16 ? load(FLOAT16, lanes, 0) : load(BFLOAT16, lanes, 0);
}

/* Loads the first `count` lanes, zeros for the others. A count may be negative. */
INLINE vf load_some(const int type, const void *p, int64 i, int64 count) {
    if (count >= LANES) return load(type, p, i);
    return load_rest(type, (const uint8 *)p + i * bytes_of(type), count);
}

/* Converts up to 16 numbers to float32, and fills up with zeros. */
SHARED void widen_some(int type, const void *p, int64 i, int64 count, float *out) {
    for (int k = 0; k < TILE; k += LANES) {
        const int64 left = count - k < LANES ? count - k : LANES;
        vf_store(out + k, load_rest(type, (const uint8 *)p + (i + k) * bytes_of(type), left));
    }
}

SHARED void store_rest(int type, void *p, int64 count, vf x) {
    float lanes[LANES];
    if (type == FLOAT32)
        store(FLOAT32, lanes, 0, x);
    else if (type == FLOAT16)
        store(FLOAT16, lanes, 0, x);
    else
        store(BFLOAT16, lanes, 0, x);
    copy_some(bytes_of(type), p, lanes, count);
}

/* Stores the first `count` lanes. */
INLINE void store_some(const int type, void *p, int64 i, int64 count, vf x) {
    if (count >= LANES)
        store(type, p, i, x);
    else
        store_rest(type, (uint8 *)p + i * bytes_of(type), count, x);
}

#endif
