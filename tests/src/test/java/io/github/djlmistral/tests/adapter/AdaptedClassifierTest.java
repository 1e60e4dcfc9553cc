/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.adapter.LoraConfig.TaskType;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Adapters of networks with a classification head, as peft saves them. */
class AdaptedClassifierTest extends Fixture {

    @TempDir Path directory;

    private MistralPreTrainedModel network(String name, String kernels) throws Exception {
        Path path = Reference.directory(name);
        return MistralPreTrainedModel.of(
                MistralCheckpoint.open(path),
                name,
                manager,
                new ComputeOptions(kernels, "float32"));
    }

    private static Path recorded(String head) {
        return Reference.directory("training/classification-" + head + "-lora");
    }

    private float[] logits(MistralPreTrainedModel network, long[] ids) {
        NDList inputs = new NDList(manager.create(ids, new Shape(1, ids.length)));
        return network.forward(parameters, inputs, false).get(0).toFloatArray();
    }

    @ParameterizedTest
    @CsvSource({
        "single-label, torch, SEQ_CLS",
        "single-label, native, SEQ_CLS",
        "single-label, reference, SEQ_CLS",
        "token, torch, TOKEN_CLS",
        "token, native, TOKEN_CLS",
    })
    void logitsAreThoseOfPeft(String head, String kernels, TaskType task) throws Exception {
        assumeAvailable(kernels);
        Map<String, Tensor> expected =
                Safetensors.read(recorded(head).resolve("logits.safetensors"));
        LongBuffer buffer = expected.get("input_ids").data().asLongBuffer();
        long[] ids = new long[buffer.remaining()];
        buffer.get(ids);
        Adapter adapter = Adapter.load(recorded(head).resolve("final"));
        assertThat(adapter.config().taskType()).isEqualTo(task);
        MistralPreTrainedModel base = network("heads/" + head, kernels);
        MistralPreTrainedModel adapted = base.withAdapter(adapter, manager);
        assertClose(logits(adapted, ids), floats(expected.get("final.logits")), LOGITS);
        assertClose(logits(base, ids), floats(expected.get("base.logits")), LOGITS);
        adapted.adapter().save(directory);
        assertThat(Adapter.load(directory)).isEqualTo(adapter);
    }

    private static float[] floats(Tensor tensor) {
        FloatBuffer buffer = tensor.data().asFloatBuffer();
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    /** As peft, which adds the names that heads have to modules_to_save. */
    @Test
    void aNewAdapterContainsTheHead() throws Exception {
        MistralPreTrainedModel base = network("heads/token", "torch");
        Adapter adapter = base.newAdapter(LoraConfig.builder().r(2).build(), 1);
        assertThat(adapter.config().taskType()).isEqualTo(TaskType.TOKEN_CLS);
        assertThat(adapter.config().modulesToSave()).containsExactly("classifier", "score");
        MistralPreTrainedModel adapted = base.withAdapter(adapter, manager);
        long[] ids = {5, 6, 7};
        assertThat(logits(adapted, ids)).isEqualTo(logits(base, ids));
        assertThat(adapted.adapter().tensors()).containsKeys("score.weight", "score.bias");
        assertThat(adapted.base()).isSameAs(base);
    }

    @Test
    void anAdapterOfAnotherHeadIsRefused() throws Exception {
        Adapter sequences = Adapter.load(recorded("single-label").resolve("final"));
        for (String name : List.of("heads/token", "checkpoints/window8-f32")) {
            MistralPreTrainedModel other = network(name, "torch");
            assertThatThrownBy(() -> other.withAdapter(sequences, manager))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("its task_type is SEQ_CLS");
        }
        MistralPreTrainedModel answers = network("heads/question", "torch");
        assertThatThrownBy(() -> answers.withAdapter(sequences, manager))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("MistralForQuestionAnswering has no adapters");
    }
}
