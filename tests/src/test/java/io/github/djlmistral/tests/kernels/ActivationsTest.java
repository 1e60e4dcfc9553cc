/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.cpu.Activations;
import io.github.djlmistral.engine.internal.cpu.Address;
import io.github.djlmistral.tests.model.Fixture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Memory of activations is used again, but never while an array refers to it. */
class ActivationsTest extends Fixture {

    private final Activations activations = new Activations();

    @BeforeEach
    void requireLibrary() {
        assumeAvailable("native");
    }

    private NDArray filled(NDManager owner, float value, long... shape) {
        NDArray array = activations.create(owner, new Shape(shape));
        for (int i = 0; i < array.size(); ++i) {
            Activations.elements(array).put(i, value + i);
        }
        return array;
    }

    @Test
    void memoryIsUsedAgainOnceAnArrayIsClosed() {
        NDArray first = filled(manager, 1, 2, 3);
        long address = Address.ofFloats(first, 6);
        NDArray second = filled(manager, 10, 2, 3);
        assertThat(Address.ofFloats(second, 6)).isNotEqualTo(address);
        assertThat(first.toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
        first.close();
        first.close();
        NDArray third = filled(manager, 20, 6);
        assertThat(Address.ofFloats(third, 6)).isEqualTo(address);
        assertThat(Address.ofFloats(filled(manager, 30, 6), 6)).isNotEqualTo(address);
        assertThat(second.toFloatArray()).containsExactly(10, 11, 12, 13, 14, 15);
        assertThat(third.toFloatArray()).containsExactly(20, 21, 22, 23, 24, 25);
    }

    @Test
    void closedArraysHaveNoAddress() {
        NDArray array = filled(manager, 1, 4);
        array.close();
        assertThatIllegalStateException().isThrownBy(() -> Address.ofFloats(array, 4));
        assertThatIllegalStateException().isThrownBy(() -> array.reshape(2, 2));
    }

    @Test
    void copiesDoNotReferToTheMemory() {
        NDArray array = filled(manager, 1, 2, 2);
        NDArray reshaped = array.reshape(-1);
        NDArray copy = Activations.toTorch(array);
        array.close();
        filled(manager, 50, 2, 2);
        assertThat(reshaped.getShape()).isEqualTo(new Shape(4));
        assertThat(reshaped.add(1).toFloatArray()).containsExactly(2, 3, 4, 5);
        assertThat(copy.getShape()).isEqualTo(new Shape(2, 2));
        assertThat(copy.toFloatArray()).containsExactly(1, 2, 3, 4);
        assertThat(Activations.toTorch(copy)).isSameAs(copy);
    }

    @Test
    void anArrayIsClosedWithItsManager() {
        NDArray array;
        try (NDManager inner = manager.newSubManager()) {
            NDArray closed = filled(inner, 1, 4);
            array = filled(inner, 5, 4);
            array.attach(manager);
            assertThat(closed.getManager()).isSameAs(inner);
        }
        assertThat(array.getManager()).isSameAs(manager);
        filled(manager, 80, 4);
        assertThat(array.toFloatArray()).containsExactly(5, 6, 7, 8);
    }

    @Test
    void otherOperationsAreRefused() {
        NDArray array = filled(manager, 1, 4);
        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> array.add(1));
    }

    @Test
    void largeArraysAndResultsOfPyTorchsArraysArePyTorchs() {
        NDArray torch = manager.zeros(new Shape(2), DataType.FLOAT32);
        NDArray result = Activations.like(torch, new Shape(3));
        assertThat(result.getShape()).isEqualTo(new Shape(3));
        assertThat(Activations.toTorch(result)).isSameAs(result);
        NDArray empty = activations.create(manager, new Shape(0, 4));
        assertThat(Activations.toTorch(empty)).isSameAs(empty);
    }
}
