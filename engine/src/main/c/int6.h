/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codes of a 6-bit weight, from 0 to 63.
 *
 * 16 columns of a row are three words. Two have the lower four bits of 8 columns each, as in Int4, and make two operands
 * each; byte i of the third word has the upper bits of byte i of these four operands, from its lowest bits on.
 */
#ifndef INT6_H
#define INT6_H

#include "vec.h"

/* The operands of 16 columns of a register of rows. */
INLINE void operands(const uint8 *words, vi *q) {
    const vi low = vi_set(0x0f0f0f0f), high = vi_set(0x30303030);
    const vi a = vi_load(words), b = vi_load(words + TILE * 4), upper = vi_load(words + TILE * 8);
    q[0] = vi_add(vi_and(a, low), vi_and(vi_left(upper, 4), high));
    q[1] = vi_add(vi_and(vi_right(a, 4), low), vi_and(vi_left(upper, 2), high));
    q[2] = vi_add(vi_and(b, low), vi_and(upper, high));
    q[3] = vi_add(vi_and(vi_right(b, 4), low), vi_and(vi_right(upper, 2), high));
}

#endif
