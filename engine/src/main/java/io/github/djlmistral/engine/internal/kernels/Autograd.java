/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.function.Supplier;

/**
 * PyTorch's autograd without a {@code GradientCollector}, of which DJL allows one in the whole
 * process, and which starts from scalars only.
 */
public final class Autograd {

    private Autograd() {}

    /**
     * Computes with or without a graph for gradients. PyTorch keeps this mode for each native
     * thread; afterwards it is as before.
     *
     * @param recorded whether operations on arrays that require gradients are recorded
     * @param computation what to compute on this thread
     * @return the result
     */
    public static <T> T with(boolean recorded, Supplier<T> computation) {
        boolean before = JniUtils.isGradMode();
        JniUtils.setGradMode(recorded);
        try {
            return computation.get();
        } finally {
            JniUtils.setGradMode(before);
        }
    }

    /**
     * Adds to the gradients of the arrays that an array was computed from, and frees the graph.
     *
     * @param y an array with a graph
     * @param gradient the gradient with respect to it, of its shape and data type
     */
    public static void backward(NDArray y, NDArray gradient) {
        JniUtils.backward((PtNDArray) y, (PtNDArray) gradient, false, false);
    }

    /**
     * Returns the gradient of an array that requires one, as an array that shares its memory; zeros
     * in float32 if there is none yet.
     *
     * @param array the array
     * @param manager the manager of the result
     */
    public static NDArray gradient(NDArray array, NDManager manager) {
        NDArray gradient = array.getGradient();
        gradient.attach(manager);
        return gradient;
    }

    /** Sets the gradient of an array to zero, if there is one. */
    public static void zeroGradient(NDArray array) {
        PtNDArray of = (PtNDArray) array;
        PtNDArray gradient = JniUtils.getGradient(of);
        if (gradient != null) {
            gradient.close();
            JniUtils.zeroGrad(of);
        }
    }
}
