/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import ai.djl.ndarray.NDArray;
import io.github.djlmistral.engine.weights.Dtype;
import jdk.incubator.vector.FloatVector;

/** The weights of a root-mean-square norm, read from the parameter's own memory. */
final class Norm {

    private final Dtype dtype;
    private final long address;

    Norm(NDArray array, Dtype dtype) {
        this.dtype = dtype;
        address = Memory.address(array);
    }

    /** Reads {@link Lanes#COUNT} of them from this index on. */
    FloatVector load(int index) {
        return Lanes.load(dtype, address + (long) index * dtype.bytes());
    }
}
