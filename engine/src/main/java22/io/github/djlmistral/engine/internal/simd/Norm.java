/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import ai.djl.ndarray.NDArray;
import io.github.djlmistral.engine.weights.Dtype;
import jdk.incubator.vector.FloatVector;

/** The weight of an RMS norm, read in place from the parameter. */
final class Norm {

    private final Dtype dtype;
    private final long address;

    Norm(NDArray array, Dtype dtype) {
        this.dtype = dtype;
        address = Memory.address(array);
    }

    /** Loads {@link Lanes#COUNT} elements from this index on, as float32. */
    FloatVector load(int index) {
        return Lanes.load(dtype, address + (long) index * dtype.bytes());
    }
}
