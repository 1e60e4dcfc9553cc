/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls the functions of jni.c with random shapes and numbers, and prints a line for each call: the function, its
 * arguments and a hash of all that it wrote. The lines are the same for all instruction sets of all processors.
 *
 *     digests SET        the index of the instruction set in the tables of jni.c
 *
 * Each array ends where unmapped memory begins: an access behind it ends the program. For Linux, without a C library.
 */
#include "../../main/c/jni.c"

#if defined(__x86_64__)
enum { WRITE = 1, MMAP = 9, MPROTECT = 10, MUNMAP = 11, EXIT_GROUP = 231 };
__asm__(".globl _start\n_start: mov %rsp, %rdi\n call begin");
static int64 syscall(int64 n, int64 a, int64 b, int64 c, int64 d, int64 e, int64 f) {
    register int64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return n;
}
#else
enum { WRITE = 64, MUNMAP = 215, MMAP = 222, MPROTECT = 226, EXIT_GROUP = 94 };
__asm__(".globl _start\n_start: mov x0, sp\n bl begin");
static int64 syscall(int64 n, int64 a, int64 b, int64 c, int64 d, int64 e, int64 f) {
    register int64 x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    register int64 x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
#endif

/* The compiler calls these, also where the source does not. */
void *memset(void *to, int value, unsigned long count) {
    for (volatile char *p = to; count > 0; --count) *p++ = (char)value;
    return to;
}
void *memcpy(void *to, const void *from, unsigned long count) {
    volatile char *p = to;
    for (const char *q = from; count > 0; --count) *p++ = *q++;
    return to;
}

static void leave(int status) {
    for (;;) syscall(EXIT_GROUP, status, 0, 0, 0, 0, 0);
}

/* xorshift64 */
static uint64 state = 88172645463325252;

static uint64 bits(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* From `least` to `most`. */
static int64 between(int64 least, int64 most) { return least + (int64)((bits() >> 33) % (uint64)(most - least + 1)); }

/* Arrays of a call, before unmapped memory: 64 KiB is the largest page of ARM. */
enum { GUARD = 1 << 16, MOST = 16 };
static struct {
    int64 address, size;
} mapped[MOST];
static int mappings;

static int64 array(int64 bytes) {
    const int64 size = (bytes + GUARD - 1) / GUARD * GUARD;
    const int64 at = syscall(MMAP, 0, size + 2 * GUARD, 0, 0x22 /* private, anonymous */, -1, 0);
    if (mappings == MOST || at < 0 || syscall(MPROTECT, at + GUARD, size, 3 /* read, write */, 0, 0, 0)) leave(3);
    mapped[mappings].address = at;
    mapped[mappings++].size = size + 2 * GUARD;
    return at + GUARD + size - bytes;
}

static void forget_arrays(void) {
    while (mappings) {
        --mappings;
        syscall(MUNMAP, mapped[mappings].address, mapped[mappings].size, 0, 0, 0, 0);
    }
}

/* From -1 to 1, in steps of 2^-23. */
static float number(void) { return (float)(int32)(bits() >> 40) / 8388608 - 1; }

/* Finite numbers of a type; for INT8 any byte, for float16 some subnormal ones. */
static int64 fill(int64 to, int64 count, int32 type) {
    for (int64 i = 0; i < count; ++i) {
        const float x = number();
        const uint64 random = bits() >> 20;
        if (type == FLOAT32) ((float *)to)[i] = x;
        if (type == BFLOAT16) ((uint16 *)to)[i] = (uint16)(*(const uint32 *)&x >> 16);
        if (type == FLOAT16) ((uint16 *)to)[i] = (uint16)(random % 64 ? (random & 0x9fff) + 0x1400 : random & 0x83ff);
        if (type == INT8) ((int8 *)to)[i] = (int8)random;
    }
    return to;
}

static int64 numbers(int64 count, int32 type) { return fill(array(bytes_of_type(count, type)), count, type); }

/* Scales or offsets of a weight. */
static int64 factors(int64 rows, int64 columns, int64 group, int32 type) {
    if (type != TWO_LEVEL) return numbers(TILES(rows) * 16 * columns / group, type);
    const int64 bytes = scale_bytes(rows, columns, group, type), to = array(bytes), block = 32 + 16 * (256 / group);
    for (int64 at = to; at < to + bytes; at += block) {
        fill(at, 16, FLOAT16);
        fill(at + 32, block - 32, INT8);
    }
    return to;
}

static uint64 hash(uint64 hash, int64 from, int64 bytes) {
    for (int64 i = 0; i < bytes; ++i) hash = (hash ^ ((const uint8 *)from)[i]) * 1099511628211;
    return hash;
}

enum { START = 99194853094755497 };

/* Prints a line. */
static void result(const char *name, const int64 *arguments, int count, uint64 digest) {
    char line[400], *to = append(line, name);
    for (int i = 0; i < count; ++i) to = append_number(append(to, " "), arguments[i]);
    to = append(to, ": ");
    for (int shift = 60; shift >= 0; shift -= 4) *to++ = "0123456789abcdef"[digest >> shift & 15];
    *to++ = '\n';
    if (syscall(WRITE, 1, (int64)line, to - line, 0, 0, 0) != to - line) leave(4);
}
#define RESULT(name, digest, ...) \
    result(name, (const int64[]){__VA_ARGS__}, sizeof((const int64[]){__VA_ARGS__}) / 8, digest)

#define CALL(name, ...) Java_io_github_djlmistral_engine_internal_cpu_NativeLibrary_##name(0, 0, set, __VA_ARGS__)

static int32 set;

static void rounding(void) {
    const int64 group = 16 * between(1, 8), count = between(1, 9);
    const int64 x = numbers(count * group, FLOAT32), codes = array(count * group), scales = array(count * 4);
    const int64 sums = array(count * 4), zeros = between(0, count);
    for (int64 i = 0; i < count * group; ++i) ((float *)x)[i] *= i / group == zeros ? 0 : (float)(1 << i / group * 3);
    CALL(round, x, count, group, codes, scales, sums);
    RESULT("round", hash(hash(hash(START, codes, count * group), scales, count * 4), sums, count * 4), count, group);
}

/* In two calls, as by two threads. */
static void rounded_linear(void) {
    static const int32 types[] = {FLOAT32, FLOAT16, TWO_LEVEL};
    const int32 bits = between(0, 1) ? 4 : 6, type = types[between(0, 2)];
    const int64 group = bits == 4 ? 32 << between(0, 2) : 16 << between(0, 3), rows = between(1, 150);
    const int64 columns = type == TWO_LEVEL ? 256 * between(1, 5) : group * between(1, 7), tokens = between(0, 3) ? between(1, 11) : between(15, 37);
    const int64 symmetric = between(0, 1), middle = between(0, TILES(rows));
    const int64 codes = numbers(TILES(rows) * 2 * bits * columns, INT8), scales = factors(rows, columns, group, type);
    const int64 offsets = symmetric ? 0 : factors(rows, columns, group, type), groups = tokens * (columns / group);
    const int64 x = numbers(tokens * columns, FLOAT32), in = array(tokens * columns), in_scales = array(groups * 4);
    const int64 in_sums = array(groups * 4), out = array(tokens * rows * 4);
    CALL(round, x, groups, group, in, in_scales, in_sums);
    CALL(roundedLinear, bits, codes, scales, offsets, type, rows, columns, group, in, in_scales, in_sums, tokens, 0,
         middle, out);
    CALL(roundedLinear, bits, codes, scales, offsets, type, rows, columns, group, in, in_scales, in_sums, tokens,
         middle, TILES(rows), out);
    RESULT("roundedLinear", hash(START, out, tokens * rows * 4), bits, type, rows, columns, group, tokens, symmetric,
           middle);
}

static void int8_linear_case(void) {
    static const int32 types[] = {FLOAT32, FLOAT16, TWO_LEVEL};
    const int32 type = types[between(0, 2)];
    const int64 group = 16 << between(0, 3), columns = type == TWO_LEVEL ? 256 : group * between(1, 5);
    const int64 rows = between(1, 90), tokens = between(1, 7), symmetric = between(0, 1);
    const int64 middle = between(0, TILES(rows));
    const int64 codes = numbers(TILES(rows) * 16 * columns, INT8), scales = factors(rows, columns, group, type);
    const int64 offsets = symmetric ? 0 : factors(rows, columns, group, type), x = numbers(tokens * columns, FLOAT32);
    const int64 out = array(tokens * rows * 4);
    CALL(int8Linear, codes, scales, offsets, type, rows, columns, group, x, tokens, 0, middle, out);
    CALL(int8Linear, codes, scales, offsets, type, rows, columns, group, x, tokens, middle, TILES(rows), out);
    RESULT("int8Linear", hash(START, out, tokens * rows * 4), type, rows, columns, group, tokens, symmetric, middle);
}

/* A few tokens, or more than a panel takes. */
static int64 some_tokens(void) { return between(0, 5) ? between(1, 7) : between(47, 52); }

static void codebook_case(void) {
    const int64 block = 32 * between(1, 4), columns = block * between(1, 5), rows = between(1, 40);
    const int64 tokens = some_tokens(), middle = between(0, rows);
    const int64 codes = numbers(rows * columns / 2, INT8), absmax = numbers(rows * columns / block, FLOAT32);
    const int64 table = numbers(16, FLOAT32), x = numbers(tokens * columns, FLOAT32), split = array(tokens * columns * 4);
    const int64 out = array(tokens * rows * 4), scratch = array(16384 * 4);
    CALL(split, x, tokens, columns, split);
    CALL(codebookLinear, codes, absmax, table, rows, columns, block, split, tokens, 0, middle, out, scratch);
    CALL(codebookLinear, codes, absmax, table, rows, columns, block, split, tokens, middle, rows, out, scratch);
    RESULT("codebookLinear", hash(hash(START, split, tokens * columns * 4), out, tokens * rows * 4), rows, columns,
           block, tokens, middle);
}

static void dense_case(void) {
    const int32 type = (int32)between(FLOAT32, BFLOAT16);
    const int64 rows = between(1, 40), columns = between(1, 300), tokens = some_tokens(), middle = between(0, rows);
    const int64 values = numbers(rows * columns, type), x = numbers(tokens * columns, FLOAT32);
    const int64 out = array(tokens * rows * 4), scratch = array(16384 * 4);
    CALL(denseLinear, values, type, rows, columns, x, tokens, 0, middle, out, scratch);
    CALL(denseLinear, values, type, rows, columns, x, tokens, middle, rows, out, scratch);
    RESULT("denseLinear", hash(START, out, tokens * rows * 4), type, rows, columns, tokens, middle);
}

static void single_numbers(void) {
    const int32 type = (int32)between(FLOAT32, BFLOAT16);
    const int64 tokens = between(1, 4), columns = between(1, 150), count = tokens * columns;
    const int64 x = numbers(count, FLOAT32), y = numbers(count, FLOAT32), weight = numbers(count, type);
    const int64 norm = array(count * 4), product = array(count * 4), sum = array(count * 4), wide = array(count * 4);
    const float factor = (float)(1 << between(0, 8));
    for (int64 i = 0; i < count; ++i) ((float *)x)[i] *= factor; /* SwiGLU of up to 256 */
    CALL(rmsNorm, x, weight, type, 1e-5f, tokens, columns, norm);
    CALL(swiGlu, x, y, count, product);
    CALL(add, x, y, count, sum);
    CALL(widen, weight, type, count, wide);
    RESULT("rmsNorm", hash(START, norm, count * 4), type, tokens, columns, (int64)factor);
    RESULT("swiGlu", hash(START, product, count * 4), count);
    RESULT("add", hash(START, sum, count * 4), count);
    RESULT("widen", hash(START, wide, count * 4), type, count);
}

static void rotary(void) {
    const int64 size = 2 * between(1, 70), heads = between(1, 4), tokens = between(1, 5);
    const int64 stride = heads * size + between(0, 40), count = (tokens - 1) * stride + heads * size;
    const int64 x = numbers(count, FLOAT32), cos = numbers(tokens * size / 2, FLOAT32);
    const int64 sin = numbers(tokens * size / 2, FLOAT32);
    CALL(rotate, x, stride, tokens, heads, size, cos, sin, 0.125f);
    RESULT("rotate", hash(START, x, count * 4), stride, tokens, heads, size);
}

/* The cache of one or two key/value heads, of which one is written and attended to. */
static void attention(void) {
    static const int32 types[] = {FLOAT32, FLOAT16, BFLOAT16, INT8};
    const int32 type = types[between(0, 3)];
    const int64 size = 2 * between(1, between(0, 3) ? 20 : 80), groups = between(1, 2), head = between(0, groups - 1);
    const int64 heads = between(1, 5), tokens = between(0, 5) ? between(1, 6) : between(15, 18), first = between(0, 2);
    const int64 length = between(1, between(0, 3) ? 200 : 1100), count = (length + PART - 1) / PART;
    const int64 begin = first * PART, end = begin + length, stride = heads * size + between(0, 9);
    const int64 pages = array(count * sizeof(struct page)), number_bytes = bytes_of_type(1, type);
    int64 bytes[3];
    for (int64 p = 0; p < count; ++p) {
        const int64 slots = p + 1 < count ? PART : (length - p * PART + 15) / 16 * 16;
        bytes[p] = 2 * groups * slots * (size * number_bytes + (type == INT8 ? 4 : 0));
        ((struct page *)pages)[p] = (struct page){array(bytes[p]), slots};
    }
    const int64 k = numbers(length * size, FLOAT32), v = numbers(length * size, FLOAT32), chunk = between(1, length);
    CALL(write, pages, first, count, head, groups, type, size, k, v, size, chunk, begin);
    CALL(write, pages, first, count, head, groups, type, size, k + chunk * size * 4, v + chunk * size * 4, size,
         length - chunk, begin + chunk);
    uint64 digest = START;
    for (int64 p = 0; p < count; ++p) digest = hash(digest, ((struct page *)pages)[p].address, bytes[p]);

    const int64 q = numbers((tokens - 1) * stride + heads * size, FLOAT32), from = array(tokens * 8), to = array(tokens * 8);
    const int64 masked = between(0, 1), mask = masked ? numbers(tokens * length, FLOAT32) : 0;
    for (int64 i = 0; i < tokens; ++i) {
        ((int64 *)from)[i] = between(0, 2) ? begin : between(begin, end);
        ((int64 *)to)[i] = between(begin, end);
        if (masked) ((float *)mask)[i * length + between(0, length - 1)] = -1e30f;
    }
    const int64 rows = tokens * heads, step = rows * (size + 2), scratch = array(count * step * 4);
    const int64 out = array(rows * size * 4), merged = array(rows * size * 4), weights = array(rows * length * 4);
#define ATTENTION pages, first, count, head, groups, type, size, q, stride, tokens, heads, from, to, mask, length, begin
    CALL(attend, ATTENTION, scratch, out, heads * size);
    for (int64 p = 0; p < count; ++p) CALL(attendPart, ATTENTION, first + p, scratch + p * step * 4);
    for (int64 i = 0; i < rows; ++i)
        CALL(merge, scratch + i * (size + 2) * 4, count, step, size, merged + i * size * 4);
    CALL(attentionWeights, ATTENTION, begin, end, weights, tokens * length);
    digest = hash(hash(digest, out, rows * size * 4), scratch, count * step * 4);
    digest = hash(hash(digest, merged, rows * size * 4), weights, rows * length * 4);
    RESULT("attend", digest, type, size, groups, head, heads, tokens, first, length, stride, chunk, masked);
}

__attribute__((used, noreturn)) void begin(const int64 *stack) {
    const char *argument = stack[0] == 2 ? (const char *)stack[2] : "";
    set = *argument - '0';
    if (!KNOWN(set)) leave(2);
    static void (*const cases[])(void) = {rounding,      rounded_linear, rounded_linear, rounded_linear, int8_linear_case,
                                          codebook_case, dense_case,     single_numbers, rotary,         attention};
    for (int i = 0; i < 40 * 10; ++i) {
        cases[i % 10]();
        forget_arrays();
    }
    leave(0);
    for (;;);
}
