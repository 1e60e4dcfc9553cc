/* SPDX-License-Identifier: Apache-2.0 */
/* Products of many tokens with a weight that is converted to float32 in panels of 16 rows and 256 columns, see panel.c. */
#ifndef PANEL_H
#define PANEL_H

#include "vec.h"

enum { ROWS = 16, TOKENS = 48, COLUMNS = 256, R = 4, T = 3 };

enum { STEP = COLUMNS / TILE * R * LANES }; /* from one register of the 16 lanes of a panel to the next */

/* A weight (rows, columns), and the function that packs a panel of it: see pack_rows in dense.c. */
struct source {
    const void *weight;
    void (*pack)(const void *weight, int64 row, int64 rows, int64 column, int64 columns, float *panel);
    int64 rows, columns;
};

INLINE float total(const float *sums) {
    vf lanes[REGISTERS];
    for (int k = 0; k < REGISTERS; ++k) lanes[k] = vf_load(sums + k * LANES);
    return lane_sum(lanes);
}

/* Rows from inclusive to exclusive; `scratch` has room for 16384 floats. */
void NAME(panel_linear)(const struct source *w, const float *x, int64 tokens, int64 from, int64 to, float *out,
                        float *scratch);

#endif
