/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.modality.nlp.translator.NamedEntity;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.ParameterStore;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.listener.TrainingListener;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Adam;
import ai.djl.training.tracker.Tracker;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForQuestionAnswering;
import io.github.djlmistral.engine.model.MistralForSequenceClassification;
import io.github.djlmistral.engine.model.MistralForTokenClassification;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Heads that a checkpoint gets on request, and their training. */
class HeadTrainingTest extends ZooFixture {

    private static final String SEQUENCE = "MistralForSequenceClassification";

    private static final List<String> TEXTS =
            List.of(
                    "What is a lighthouse?",
                    "a ship at the sea",
                    "the tower of a harbour",
                    "a boat and its sail",
                    "What is a fox?",
                    "an owl in the wood",
                    "a wolf and its cub",
                    "the nest of a bird");

    @TempDir Path temporary;

    private static Criteria.Builder<String, Classifications> classifier(Path checkpoint) {
        return Mistral.criteria(checkpoint, String.class, Classifications.class)
                .optArgument("head", SEQUENCE)
                .optArgument("labels", "sea, land")
                .optArgument("pad_token_id", 0)
                .optArgument("dtype", "float32");
    }

    /** The texts as ids padded on the right, and 0 for the first half of them, 1 for the others. */
    private static ArrayDataset dataset(NDManager manager, Path checkpoint) throws Exception {
        try (MistralTokenizer tokenizer = MistralTokenizer.open(checkpoint)) {
            List<long[]> rows =
                    TEXTS.stream().map(text -> tokenizer.encodePlain(text, true)).toList();
            int longest = rows.stream().mapToInt(row -> row.length).max().orElseThrow();
            Shape shape = new Shape(rows.size(), longest);
            long[] ids =
                    rows.stream()
                            .flatMapToLong(row -> Arrays.stream(Arrays.copyOf(row, longest)))
                            .toArray();
            long[] mask = Arrays.stream(ids).map(id -> id == 0 ? 0 : 1).toArray();
            long[] labels = new long[rows.size()];
            Arrays.fill(labels, rows.size() / 2, rows.size(), 1);
            return new ArrayDataset.Builder()
                    .setData(manager.create(ids, shape), manager.create(mask, shape))
                    .optLabels(manager.create(labels))
                    .setSampling(4, true)
                    .build();
        }
    }

    /** The head alone, or the backbone as well. */
    @ParameterizedTest
    @CsvSource({"true, 0.3", "false, 0.1"})
    void trainsWithDjl(boolean frozen, float bound) throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        Engine.getEngine("PyTorch").setRandomSeed(7);
        try (ZooModel<String, Classifications> model = classifier(checkpoint).build().loadModel();
                NDManager manager = model.getNDManager().newSubManager()) {
            var network = (MistralForSequenceClassification) model.getBlock();
            float[] embedding = weight(network, "model.embed_tokens.weight");
            DefaultTrainingConfig config =
                    new DefaultTrainingConfig(network.loss())
                            .addTrainingListeners(TrainingListener.Defaults.basic())
                            .optOptimizer(
                                    Adam.builder()
                                            .optLearningRateTracker(
                                                    Tracker.fixed(frozen ? 0.03f : 0.003f))
                                            .build());
            float loss;
            try (Trainer trainer = model.newTrainer(config)) {
                network.namedParameters()
                        .forEach(
                                (name, weight) ->
                                        weight.freeze(frozen && name.startsWith("model.")));
                trainer.initialize(new Shape(1, 1), new Shape(1, 1));
                EasyTrain.fit(trainer, 12, dataset(manager, checkpoint), null);
                loss = trainer.getTrainingResult().getTrainLoss();
            }
            assertThat(loss).isLessThan(bound);
            float[] trained = weight(network, "model.embed_tokens.weight");
            assertThat(Arrays.equals(trained, embedding)).isEqualTo(frozen);
            try (Predictor<String, Classifications> predictor = model.newPredictor()) {
                List<Classifications> classes = predictor.batchPredict(TEXTS);
                for (int i = 0; i < TEXTS.size(); ++i) {
                    assertThat(classes.get(i).best().getClassName())
                            .isEqualTo(i < TEXTS.size() / 2 ? "sea" : "land");
                }
                assertSaved(model, classes);
            }
        }
    }

    @Test
    void aTrainerUnfreezesNothing() throws Exception {
        Path checkpoint = copy(temporary.resolve("frozen"));
        try (ZooModel<String, Classifications> model = classifier(checkpoint).build().loadModel()) {
            var network = (MistralForSequenceClassification) model.getBlock();
            network.freezeParameters(false, weight -> weight.getName().equals("norm"));
            Map<String, Parameter> parameters = network.namedParameters();
            try (Trainer trainer = model.newTrainer(new DefaultTrainingConfig(network.loss()))) {
                assertThat(trainer.getModel().getBlock()).isSameAs(network);
                assertThat(parameters.keySet().stream())
                        .filteredOn(name -> parameters.get(name).requiresGradient())
                        .containsExactly("model.norm.weight");
            }
        }
    }

    private void assertSaved(ZooModel<?, ?> model, List<Classifications> expected)
            throws Exception {
        Path saved = temporary.resolve("saved");
        Mistral.save(model, saved);
        MistralConfig config = MistralConfig.read(saved);
        assertThat(config.architecture()).isEqualTo(SEQUENCE);
        assertThat(config.padTokenId()).isZero();
        try (ZooModel<String, Classifications> loaded =
                        Mistral.criteria(saved, String.class, Classifications.class)
                                .build()
                                .loadModel();
                Predictor<String, Classifications> predictor = loaded.newPredictor()) {
            List<Classifications> classes = predictor.batchPredict(TEXTS);
            for (int i = 0; i < TEXTS.size(); ++i) {
                assertThat(classes.get(i).getClassNames()).containsExactly("sea", "land");
                assertThat(classes.get(i).getProbabilities().get(0))
                        .isCloseTo(expected.get(i).getProbabilities().get(0), within(1e-5));
            }
        }
        assertThatThrownBy(() -> Mistral.save(model, saved)).hasMessageContaining("is not empty");
    }

    /** Quantized on load, or in the checkpoint. */
    @ParameterizedTest
    @CsvSource({"heads/embedding, nf4", "quantized/bitsandbytes, ", "quantized/gptq, "})
    void aQuantizedBackboneIsSavedAsItIsStored(String base, String quantization) throws Exception {
        Path saved = temporary.resolve("saved");
        float[] expected;
        try (ZooModel<NDList, NDList> model =
                arrays(Reference.directory(base), quantization)
                        .optArgument("head", "MistralForTokenClassification")
                        .optArgument("labels", List.of("O", "B-X"))
                        .build()
                        .loadModel()) {
            Mistral.save(model, saved);
            expected = predict(model);
        }
        try (ZooModel<NDList, NDList> model = arrays(saved, quantization).build().loadModel()) {
            assertThat(model.getBlock()).isInstanceOf(MistralForTokenClassification.class);
            assertThat(predict(model)).containsExactly(expected, within(1e-5f));
        }
    }

    private static Criteria.Builder<NDList, NDList> arrays(Path checkpoint, String quantization) {
        var criteria =
                Mistral.criteria(checkpoint, NDList.class, NDList.class)
                        .optArgument("dtype", "float32");
        return quantization == null ? criteria : criteria.optArgument("quantization", quantization);
    }

    private static float[] predict(ZooModel<NDList, NDList> model) throws Exception {
        try (Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = model.getNDManager().newSubManager()) {
            NDArray ids = manager.create(new long[] {5, 6, 7}, new Shape(1, 3));
            return predictor.predict(new NDList(ids)).singletonOrThrow().toFloatArray();
        }
    }

    @Test
    void trainingNeedsFloat32() throws Exception {
        try (ZooModel<NDList, NDList> model =
                Mistral.criteria(
                                Reference.directory("checkpoints/window4-bf16"),
                                NDList.class,
                                NDList.class)
                        .optArgument("dtype", "bfloat16")
                        .build()
                        .loadModel()) {
            assertThatThrownBy(
                            () ->
                                    model.newTrainer(
                                            new DefaultTrainingConfig(
                                                    Loss.softmaxCrossEntropyLoss())))
                    .hasMessageContaining("are bfloat16")
                    .hasMessageContaining("float32");
        }
    }

    private static float[] weight(MistralPreTrainedModel network, String name) {
        return network.namedParameters().get(name).getArray().toFloatArray();
    }

    @Test
    void aNewHeadIsDrawnByTheEngine() throws Exception {
        Path checkpoint = copy(temporary.resolve("plain"));
        float[][] drawn = new float[3][];
        for (int i = 0; i < 3; ++i) {
            Engine.getEngine("PyTorch").setRandomSeed(i == 1 ? 8 : 7);
            try (ZooModel<String, Classifications> model =
                    classifier(checkpoint).build().loadModel()) {
                var network = (MistralPreTrainedModel) model.getBlock();
                drawn[i] = weight(network, "score.weight");
                assertThat(network.config().labels().names()).containsExactly("sea", "land");
                assertThat(network.config().padTokenId()).isZero();
            }
        }
        assertThat(drawn[0]).isEqualTo(drawn[2]).isNotEqualTo(drawn[1]);
        double square = 0;
        for (float value : drawn[0]) {
            square += (double) value * value / drawn[0].length;
        }
        assertThat(Math.sqrt(square)).isBetween(0.015, 0.025); // initializer_range is 0.02
    }

    @ParameterizedTest
    @CsvSource({
        "MistralForSequenceClassification, checkpoints/window8-f32",
        "MistralForTokenClassification, heads/embedding",
        "MistralForQuestionAnswering, checkpoints/nowindow-tied-sharded"
    })
    void everyHeadOnEveryBase(String architecture, String base) throws Exception {
        for (boolean quantized : new boolean[] {false, true}) {
            try (NDManager manager = NDManager.newBaseManager()) {
                MistralCheckpoint stored = MistralCheckpoint.open(Reference.directory(base));
                if (quantized) {
                    stored = stored.quantized(Quantization.parse("nf4"));
                }
                MistralCheckpoint changed =
                        stored.withNewHead(
                                architecture,
                                new LabelConfig(List.of("a", "b", "c"), ProblemType.REGRESSION),
                                manager);
                MistralPreTrainedModel network =
                        MistralPreTrainedModel.of(
                                changed, base, manager, new ComputeOptions("torch", "float32"));
                assertThat(network.getClass().getSimpleName()).isEqualTo(architecture);
                NDArray ids = manager.create(new long[] {5, 6, 7}, new Shape(1, 3));
                NDList outputs =
                        network.forward(new ParameterStore(manager, false), new NDList(ids), false);
                assertThat(outputs.get(0).getShape())
                        .isEqualTo(
                                switch (architecture) {
                                    case SEQUENCE -> new Shape(1, 3);
                                    case "MistralForTokenClassification" -> new Shape(1, 3, 3);
                                    default -> new Shape(1, 3);
                                });
            }
        }
    }

    @Test
    void headsThatDoNotFit() throws Exception {
        Path plain = copy(temporary.resolve("plain"));
        assertThatThrownBy(
                        () ->
                                Mistral.criteria(plain, String.class, NamedEntity[].class)
                                        .build()
                                        .loadModel())
                .hasMessageContaining(
                        "is a MistralForCausalLM, not a MistralForTokenClassification")
                .hasMessageContaining("give the arguments head and labels");
        refused(plain, "Mistral", "a", "head is \"Mistral\", must be one of");
        refused(plain, SEQUENCE, null, "needs labels");
        refused(plain, SEQUENCE, "a,,b", "a name of its own");
        refused(plain, SEQUENCE, "a,b,a", "a name of its own");
        refused(plain, "MistralForQuestionAnswering", "a,b", "has no labels");
        refused(plain, null, "a,b", "give head as well");
        Path token = Reference.directory("heads/token");
        refused(
                token,
                SEQUENCE,
                "a,b",
                "is a MistralForTokenClassification already, so it gets no new head");
        refused(
                token,
                "MistralForTokenClassification",
                "a,b",
                "is a MistralForTokenClassification already, so it gets no new head");
        try (NDManager manager = NDManager.newBaseManager()) {
            assertThatThrownBy(
                            () ->
                                    MistralForQuestionAnswering.load(
                                            Reference.directory("heads/embedding"),
                                            manager,
                                            ComputeOptions.AUTO))
                    .hasMessageContaining("is a MistralModel, not a MistralForQuestionAnswering")
                    .hasMessageContaining("withNewHead");
        }
    }

    private static void refused(Path checkpoint, String head, String labels, String message) {
        var criteria = Mistral.criteria(checkpoint, NDList.class, NDList.class);
        if (head != null) {
            criteria.optArgument("head", head);
        }
        if (labels != null) {
            criteria.optArgument("labels", labels);
        }
        assertThatThrownBy(() -> criteria.build().loadModel()).hasMessageContaining(message);
    }
}
