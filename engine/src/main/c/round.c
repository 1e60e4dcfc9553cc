/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding of inputs to int8, symmetric, one scale a group: codes from -127 to 127, ties to even. */
#include "vec.h"

void NAME(round)(const float *x, int64 count, int64 group, const struct rounded *to) {
    const vf magic = vf_set(12582912.f); /* 1.5 * 2^23: adding it rounds to an integer in the low bits */
    const vi zero = vi_bits(magic), byte = vi_set(255);
    for (int64 g = 0; g < count; ++g) {
        int8 *codes = to->codes + g * group;
        float lanes[TILE] = {0};
        int32 sums[TILE] = {0}, q[128];
        vf largest = vf_set(0);
        for (int64 i = 0; i < group; i += LANES) {
            const vf v = vf_load(x + g * group + i);
            largest = vf_max(largest, vf_max(v, -v));
        }
        vf_store(lanes, largest);
        float magnitude = 0;
        for (int i = 0; i < LANES; ++i) magnitude = lanes[i] > magnitude ? lanes[i] : magnitude;
        const vf factor = vf_set(magnitude == 0 ? 0 : 127 / magnitude);
        vi sum = vi_set(0);
        for (int64 i = 0; i < group; i += LANES) {
            const vi code = vi_sub(vi_bits(vf_load(x + g * group + i) * factor + magic), zero);
            sum = vi_add(sum, code);
            vi_store(q + i, vi_and(code, byte));
        }
        for (int64 i = 0; i < group; i += 8)
            for (int64 j = 0; j < 4; ++j) ((uint16 *)(codes + i))[j] = (uint16)(q[i + j] | q[i + 4 + j] << 8);
        vi_store(sums, sum);
        to->scales[g] = magnitude / 127;
        to->sums[g] = 0;
        for (int i = 0; i < LANES; ++i) to->sums[g] += sums[i];
    }
}
