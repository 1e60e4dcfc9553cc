/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.internal.weights.ConsolidatedLayout;
import io.github.djlmistral.engine.weights.Checkpoint;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConsolidatedLayoutTest {

    private static final Path REFERENCE = Path.of("src/test/resources/reference/checkpoints");

    private static final String QUERY = "layers.7.attention.wq.weight";
    private static final String KEY = "layers.7.attention.wk.weight";
    private static final String HF_QUERY = "model.layers.7.self_attn.q_proj.weight";
    private static final String HF_KEY = "model.layers.7.self_attn.k_proj.weight";

    @Test
    void theSameWeightsInBothLayoutsAgree() throws IOException {
        Checkpoint consolidated = Checkpoint.open(REFERENCE.resolve("consolidated"));
        Checkpoint huggingFace = Checkpoint.open(REFERENCE.resolve("window8-f32"));
        assertThat(consolidated.consolidated()).isTrue();

        assertThat(ConsolidatedLayout.toHuggingFace(consolidated.tensors(), 4, 2))
                .containsExactlyInAnyOrderEntriesOf(huggingFace.tensors());
    }

    @Test
    void evenRowsOfEachHeadComeFirst() {
        Map<String, Tensor> converted =
                ConsolidatedLayout.toHuggingFace(
                        Map.of(QUERY, numberedRows(QUERY, 8, 3), KEY, numberedRows(KEY, 8, 3)),
                        2,
                        1);

        // Heads of 4 rows, and of 8.
        assertThat(rows(converted.get(HF_QUERY))).containsExactly(0, 2, 1, 3, 4, 6, 5, 7);
        assertThat(rows(converted.get(HF_KEY))).containsExactly(0, 2, 4, 6, 1, 3, 5, 7);
    }

    @ParameterizedTest
    @CsvSource({"1, 2", "3, 2", "2, 6", "4, 8", "5, 10"})
    void rowsAreUnpermuted(int heads, int width) {
        Tensor converted =
                ConsolidatedLayout.toHuggingFace(
                                Map.of(QUERY, numberedRows(QUERY, heads * width, 5)), heads, 1)
                        .get(HF_QUERY);

        // The way back: row i of the first half of a head to 2i, of the second to 2i + 1.
        int[] rows = rows(converted);
        for (int row = 0; row < rows.length; row++) {
            int inHead = row % width;
            int half = inHead / (width / 2);
            assertThat(rows[row]).isEqualTo(row - inHead + 2 * (inHead - half * width / 2) + half);
        }
    }

    /**
     * Attention scores are the same whether neighbours are rotated in Mistral's rows, or halves in
     * Hugging Face's. The vectors here are queries and keys themselves, that is, tensors of one
     * column; products of floats go through double, so only the sum's order differs: 1e-12.
     */
    @Test
    void rotaryScoresAreTheSame() {
        int width = 16;
        Map<String, Tensor> converted =
                ConsolidatedLayout.toHuggingFace(
                        Map.of(QUERY, randomColumn(QUERY, width), KEY, randomColumn(KEY, width)),
                        1,
                        1);
        double[] query = column(randomColumn(QUERY, width));
        double[] key = column(randomColumn(KEY, width));
        double[] hfQuery = column(converted.get(HF_QUERY));
        double[] hfKey = column(converted.get(HF_KEY));

        double neighbours = 0;
        double halves = 0;
        for (int pair = 0; pair < width / 2; pair++) {
            double angle = 11 * Math.pow(10_000, -2.0 * pair / width); // 11 positions apart
            neighbours += turned(query, 2 * pair, 2 * pair + 1, key, angle);
            halves += turned(hfQuery, pair, pair + width / 2, hfKey, angle);
        }
        assertThat(halves).isCloseTo(neighbours, Offset.offset(1e-12));
    }

    @Test
    void onlyQueriesAndKeysAreCopied() {
        Tensor value = numberedRows("layers.0.attention.wv.weight", 4, 2);

        Tensor converted =
                ConsolidatedLayout.toHuggingFace(Map.of(value.name(), value), 2, 2)
                        .get("model.layers.0.self_attn.v_proj.weight");
        value.data().putFloat(0, 77);

        assertThat(converted.data().getFloat()).isEqualTo(77);
    }

    @ParameterizedTest
    @CsvSource({"3, 1", "0, 1", "8, 1", "2, 3"})
    void headsThatDoNotDivideAreRefused(int heads, int kvHeads) {
        Map<String, Tensor> tensors =
                Map.of(QUERY, numberedRows(QUERY, 8, 1), KEY, numberedRows(KEY, 4, 1));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> ConsolidatedLayout.toHuggingFace(tensors, heads, kvHeads))
                .withMessageContainingAll("layers.7.attention.w", "F32[", "heads", "config.json");
    }

    @ParameterizedTest
    @CsvSource({
        "layers.0.block_sparse_moe.gate.weight",
        "lm_head.weight",
        "layers.x.ffn_norm.weight"
    })
    void otherModelsAreRefused(String name) {
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                ConsolidatedLayout.toHuggingFace(
                                        Map.of(name, numberedRows(name, 2, 1)), 1, 1))
                .withMessageContainingAll(
                        name, "not a tensor of a Mistral model", "Hugging Face files");
    }

    /** Contribution of one pair of dimensions to the score, for a query rotated by an angle. */
    private static double turned(double[] query, int a, int b, double[] key, double angle) {
        double x = query[a] * Math.cos(angle) - query[b] * Math.sin(angle);
        double y = query[a] * Math.sin(angle) + query[b] * Math.cos(angle);
        return x * key[a] + y * key[b];
    }

    /** [rows, columns], each row filled with its own index. */
    private static Tensor numberedRows(String name, int rows, int columns) {
        ByteBuffer data = floats(rows * columns);
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                data.putFloat(row);
            }
        }
        return new Tensor(name, Dtype.FLOAT32, new long[] {rows, columns}, data.flip());
    }

    private static int[] rows(Tensor tensor) {
        int columns = (int) tensor.shape()[1];
        int[] rows = new int[(int) tensor.shape()[0]];
        ByteBuffer data = tensor.data();
        for (int row = 0; row < rows.length; row++) {
            rows[row] = (int) data.getFloat();
            for (int column = 1; column < columns; column++) {
                assertThat(data.getFloat()).isEqualTo(rows[row]);
            }
        }
        return rows;
    }

    private static Tensor randomColumn(String name, int rows) {
        Random random = new Random(name.hashCode());
        ByteBuffer data = floats(rows);
        for (int row = 0; row < rows; row++) {
            data.putFloat((float) random.nextGaussian());
        }
        return new Tensor(name, Dtype.FLOAT32, new long[] {rows, 1}, data.flip());
    }

    private static double[] column(Tensor tensor) {
        ByteBuffer data = tensor.data();
        double[] values = new double[(int) tensor.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = data.getFloat();
        }
        return values;
    }

    private static ByteBuffer floats(int count) {
        return ByteBuffer.allocateDirect(4 * count).order(ByteOrder.LITTLE_ENDIAN);
    }
}
