/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Addresses of the weights of a network, which PyTorch takes a microsecond to tell. They change
 * neither when a weight is trained nor when it is frozen.
 */
public final class WeightAddresses {

    /** More than a network has; closed networks would otherwise add up. */
    private static final int MOST = 1 << 14;

    /** By the address of PyTorch's tensor, which another array may get once this one is closed. */
    private final Map<Long, Weight> weights = new ConcurrentHashMap<>();

    private record Weight(WeakReference<NDArray> array, long address) {}

    /**
     * Returns the address of a weight, as {@link Address#of(NDArray, long)} does.
     *
     * @param array an array of PyTorch
     * @param elements the number of elements that kernels access
     * @throws IllegalStateException if the array is closed
     */
    public long of(NDArray array, long elements) {
        PtNDArray tensor = (PtNDArray) array;
        Weight known = weights.get(tensor.getHandle());
        if (known != null && known.array.refersTo(array) && array.size() == elements) {
            return known.address;
        }
        long address = Address.of(array, elements);
        // an array that is not contiguous is copied, each time to another address
        if (address == Address.of(array, elements)) {
            if (weights.size() >= MOST) {
                weights.clear();
            }
            weights.put(tensor.getHandle(), new Weight(new WeakReference<>(array), address));
        }
        return address;
    }
}
