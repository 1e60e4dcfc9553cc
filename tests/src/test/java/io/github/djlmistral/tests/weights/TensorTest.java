/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class TensorTest {

    @Test
    void takesWhatIsBetweenPositionAndLimit() {
        ByteBuffer buffer = ByteBuffer.allocateDirect(6).put(new byte[] {9, 9, 1, 2, 3, 4});
        Tensor tensor = new Tensor("t", Dtype.FLOAT16, new long[] {2, 1}, buffer.position(2));

        assertThat(tensor.elements()).isEqualTo(2);
        assertThat(tensor.data().position()).isZero();
        assertThat(tensor.data().limit()).isEqualTo(4).isEqualTo(tensor.data().capacity());
        assertThat(tensor.data().order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
        assertThat(tensor.data().getShort()).isEqualTo((short) 0x0201);
        assertThat(tensor).hasToString("F16[2, 1]");
    }

    @Test
    void nobodyElseCanChangeShapeOrPosition() {
        long[] shape = {2};
        Tensor tensor = new Tensor("t", Dtype.UINT8, shape, ByteBuffer.allocateDirect(2));

        shape[0] = 5;
        tensor.shape()[0] = 6;
        tensor.data().get();

        assertThat(tensor.shape()).containsExactly(2);
        assertThat(tensor.data().position()).isZero();
    }

    @Test
    void equalityIsThatOfTheBytes() {
        ByteBuffer zeros = ByteBuffer.allocateDirect(2);
        ByteBuffer other = ByteBuffer.allocateDirect(2).put(1, (byte) 1);
        Tensor tensor = new Tensor("t", Dtype.UINT8, new long[] {2}, zeros);

        assertThat(new Tensor("t", Dtype.UINT8, new long[] {2}, ByteBuffer.allocateDirect(2)))
                .isEqualTo(tensor)
                .hasSameHashCodeAs(tensor);
        assertThat(new Tensor("t", Dtype.UINT8, new long[] {2}, other)).isNotEqualTo(tensor);
        assertThat(new Tensor("t", Dtype.UINT8, new long[] {1, 2}, zeros)).isNotEqualTo(tensor);
        assertThat(new Tensor("t", Dtype.INT8, new long[] {2}, zeros)).isNotEqualTo(tensor);
        assertThat(tensor.renamed("u")).isNotEqualTo(tensor);
        assertThat(tensor.renamed("u").renamed("t")).isEqualTo(tensor);
    }

    @Test
    void bufferMustFitTheShape() {
        ByteBuffer four = ByteBuffer.allocateDirect(4);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Tensor("t", Dtype.FLOAT32, new long[] {2}, four))
                .withMessageContainingAll("t: F32[2] takes 8 bytes, not 4");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Tensor("t", Dtype.FLOAT32, new long[] {-1, -1}, four))
                .withMessageContaining("negative dimension in F32[-1, -1]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Tensor("t", Dtype.FLOAT32, new long[] {1L << 62, 4}, four))
                .withMessageContaining("too large");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> new Tensor("t", Dtype.UINT8, new long[] {4}, ByteBuffer.allocate(4)))
                .withMessageContaining("direct");
    }

    @ParameterizedTest
    @EnumSource
    void dtypesHaveTheNamesOfPyTorch(Dtype dtype) {
        assertThat(Dtype.of(dtype.toString())).isEqualTo(dtype);
        assertThat(Dtype.of("torch." + dtype)).isEqualTo(dtype);
    }

    @ParameterizedTest
    @ValueSource(strings = {"float8", "BF16", "", "torch.", "auto"})
    void otherDtypesAreRefused(String name) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Dtype.of(name))
                .withMessageContainingAll("\"" + name + "\"", "supported are", "bfloat16");
    }
}
