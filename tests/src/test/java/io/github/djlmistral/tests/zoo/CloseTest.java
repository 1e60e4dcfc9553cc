/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static io.github.djlmistral.tests.model.Fixture.assumeAvailable;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import ai.djl.util.NativeResource;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.weights.SafetensorsWriter;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.hub.ModelHub;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.translator.MistralTranslatorFactory;
import io.github.djlmistral.zoo.translator.TextStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A model may be closed at any moment, by any thread: who computes with it gets an exception that
 * says so, and memory is freed after the last pass. {@code -Dcloses=2000} closes that many models
 * with each kernel set.
 */
class CloseTest extends ZooFixture {

    private static final int CLOSES = Integer.getInteger("closes", 12);

    private static final String CLOSED = "closed";

    @TempDir static Path directory;

    /** The embedded model's tokenizer before a small network of random weights. */
    @BeforeAll
    static void write() throws Exception {
        copy(directory, "model.safetensors");
        edit(
                directory.resolve("config.json"),
                json ->
                        json.replace("\"hidden_size\": 256", "\"hidden_size\": 32")
                                .replace("\"intermediate_size\": 768", "\"intermediate_size\": 64")
                                .replace("\"head_dim\": 32", "\"head_dim\": 16")
                                .replace("\"num_attention_heads\": 8", "\"num_attention_heads\": 2")
                                .replace("\"num_hidden_layers\": 6", "\"num_hidden_layers\": 2")
                                .replace("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 1")
                                .replace("\"sliding_window\": 128", "\"sliding_window\": 16"));
        MistralConfig config = MistralConfig.read(directory);
        assertThat(config.hiddenSize()).isEqualTo(32);
        Map<String, Tensor> weights = RandomNetwork.weights(config, "float32").unquantized();
        try (SafetensorsWriter writer =
                SafetensorsWriter.open(
                        directory.resolve("model.safetensors"),
                        SafetensorsWriter.headerCapacity(weights.keySet()))) {
            for (Map.Entry<String, Tensor> entry : weights.entrySet()) {
                writer.add(entry.getValue().renamed(entry.getKey()));
            }
            writer.finish(Map.of());
        }
    }

    private static ZooModel<String, String> load(String kernels) throws Exception {
        assumeAvailable(kernels);
        return Mistral.criteria(directory)
                .optArgument("kernels", kernels)
                .optArgument("max_new_tokens", 16)
                .build()
                .loadModel();
    }

    /** Loads the model with DJL's own loader. */
    private static ZooModel<String, String> loadByUrl(String url, String kernels) throws Exception {
        assumeAvailable(kernels);
        return Criteria.builder()
                .setTypes(String.class, String.class)
                .optModelUrls(url)
                .optArgument("kernels", kernels)
                .optArgument("max_new_tokens", 16)
                .build()
                .loadModel();
    }

    /** One way to use a model; each step counts down. */
    @FunctionalInterface
    private interface Use {

        void run(ZooModel<String, String> model, CountDownLatch steps, long seed) throws Exception;
    }

    private static final Use OWN_ARRAYS = CloseTest::arraysOfTheModel;

    private static final List<Use> USES =
            List.of(
                    CloseTest::predict,
                    CloseTest::batch,
                    CloseTest::stream,
                    CloseTest::arrays,
                    OWN_ARRAYS,
                    CloseTest::generate,
                    CloseTest::tokenize);

    private static void predict(ZooModel<String, String> model, CountDownLatch steps, long seed)
            throws Exception {
        while (true) {
            try (Predictor<String, String> predictor = model.newPredictor()) {
                predictor.predict("a " + seed);
                steps.countDown();
            }
        }
    }

    private static void batch(ZooModel<String, String> model, CountDownLatch steps, long seed)
            throws Exception {
        try (Predictor<String, String> predictor = model.newPredictor()) {
            while (true) {
                predictor.batchPredict(List.of("one", "two three", "four " + seed));
                steps.countDown();
            }
        }
    }

    private static void stream(ZooModel<String, String> model, CountDownLatch steps, long seed)
            throws Exception {
        try (Predictor<String, String> predictor = model.newPredictor()) {
            while (true) {
                // some are left unread, and nobody closes them
                TextStream<String> unread = TextStream.of(predictor.streamingPredict("what"));
                assertThat(unread.hasNext()).isTrue();
                try (TextStream<String> pieces =
                        TextStream.of(predictor.streamingPredict("who " + seed))) {
                    pieces.forEachRemaining(piece -> steps.countDown());
                }
            }
        }
    }

    private static void arrays(ZooModel<String, String> model, CountDownLatch steps, long seed)
            throws Exception {
        Translator<NDList, NDList> translator =
                new MistralTranslatorFactory()
                        .newInstance(NDList.class, NDList.class, model, Map.of());
        try (NDManager own = NDManager.newBaseManager("PyTorch");
                Predictor<NDList, NDList> predictor = model.newPredictor(translator)) {
            NDArray ids = own.create(new long[] {1, 5, seed % 5000, 7}, new Shape(1, 4));
            while (true) {
                try (NDManager scope = own.newSubManager()) {
                    NDArray given = ids.duplicate();
                    given.attach(scope);
                    NDArray logits = predictor.predict(new NDList(given)).singletonOrThrow();
                    assertThat(logits.getShape().get(1)).isEqualTo(4);
                    steps.countDown();
                }
            }
        }
    }

    /** Inputs that belong to the model's manager: closing the model frees them. */
    private static void arraysOfTheModel(
            ZooModel<String, String> model, CountDownLatch steps, long seed) throws Exception {
        Translator<NDList, NDList> translator =
                new MistralTranslatorFactory()
                        .newInstance(NDList.class, NDList.class, model, Map.of());
        long[] ids = new Random(seed).longs(400, 3, 5000).toArray();
        try (NDManager own = model.getNDManager().newSubManager();
                Predictor<NDList, NDList> predictor = model.newPredictor(translator)) {
            while (true) {
                try (NDManager scope = own.newSubManager()) {
                    predictor.predict(new NDList(scope.create(ids, new Shape(1, ids.length))));
                    steps.countDown();
                }
            }
        }
    }

    private static void generate(ZooModel<String, String> model, CountDownLatch steps, long seed) {
        MistralForCausalLM network = Mistral.network(model);
        Generator generator = new Generator(network, model.getNDManager(), null);
        GenerationConfig config =
                GenerationConfig.builder()
                        .option("max_new_tokens", 30)
                        .option("prefill_chunk_size", 5)
                        .build();
        long[] prompt = new Random(seed).longs(23, 3, 5000).toArray();
        while (true) {
            generator.generate(
                    List.of(prompt, new long[] {9}),
                    config,
                    token -> {
                        steps.countDown();
                        return true;
                    });
        }
    }

    private static void tokenize(ZooModel<String, String> model, CountDownLatch steps, long seed)
            throws Exception {
        while (true) {
            try (Predictor<String, String> predictor =
                    model.newPredictor(
                            new MistralTranslatorFactory()
                                    .newInstance(
                                            String.class,
                                            String.class,
                                            model,
                                            Map.of("max_new_tokens", 1)))) {
                predictor.predict("a long text ".repeat(5) + seed);
                steps.countDown();
            }
        }
    }

    /** One way to close a model. */
    private static void close(ZooModel<String, String> model, int way) {
        switch (way) {
            case 0 -> model.getWrappedModel().close();
            case 1 -> model.getNDManager().close();
            case 2 -> Mistral.network(model).close();
            default -> model.close();
        }
    }

    /**
     * Four threads use a model, each in its way, and a fifth closes it after some of their steps
     * and a moment of no fixed length.
     */
    @ParameterizedTest
    @CsvSource({"reference, 1", "torch, 2", "native, 3"})
    void atRandomMoments(String kernels, long seed) throws Exception {
        Random random = new Random(seed);
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            for (int i = 0; i < CLOSES; ++i) {
                closeWhileOthersCompute(load(kernels), random, threads);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @ParameterizedTest
    @CsvSource({"reference, 4", "torch, 5", "native, 6"})
    void atRandomMomentsIfLoadedByUrl(String kernels, long seed, @TempDir Path home)
            throws Exception {
        Random random = new Random(seed);
        ExecutorService threads = Executors.newCachedThreadPool();
        try (ModelHub hub = new ModelHub(home).offer("owner/Tiny", directory)) {
            String url = "hf://owner/Tiny@" + ModelHub.COMMIT;
            for (int i = 0; i < CLOSES; ++i) {
                closeWhileOthersCompute(loadByUrl(url, kernels), random, threads);
            }
            assertThat(hub.requests()).isPositive();
        } finally {
            threads.shutdownNow();
        }
    }

    private static void closeWhileOthersCompute(
            ZooModel<String, String> model, Random random, ExecutorService threads)
            throws Exception {
        List<NDArray> weights = weights(model);
        CountDownLatch steps = new CountDownLatch(random.nextInt(12));
        List<Future<?>> users = new ArrayList<>();
        int way = random.nextInt(8);
        for (int i = 0; i < 4; ++i) {
            Use use = USES.get(random.nextInt(USES.size()));
            if (use == OWN_ARRAYS && way == 1) {
                way = 3; // closing a manager of DJL frees its arrays immediately
            }
            long own = random.nextInt(5000);
            users.add(
                    threads.submit(
                            () -> {
                                use.run(model, steps, own);
                                return null;
                            }));
        }
        if (!steps.await(60, TimeUnit.SECONDS)) {
            throw new AssertionError("no step in a minute");
        }
        for (int i = random.nextInt(20_000); i > 0; --i) {
            Thread.onSpinWait();
        }
        close(model, way);
        assertThat(weights).allMatch(array -> ((NativeResource<?>) array).isReleased());
        for (Future<?> user : users) {
            assertThatThrownBy(() -> user.get(60, TimeUnit.SECONDS))
                    .cause()
                    .satisfies(CloseTest::saysThatTheModelIsClosed);
        }
        model.close();
        assertThat(model.getNDManager().isOpen()).isFalse();
    }

    private static List<NDArray> weights(ZooModel<String, String> model) {
        return Mistral.network(model).namedParameters().values().stream()
                .map(Parameter::getArray)
                .toList();
    }

    /** Predictors under construction may get the message of DJL's managers. */
    private static void saysThatTheModelIsClosed(Throwable thrown) {
        Throwable cause = thrown instanceof TranslateException ? thrown.getCause() : thrown;
        assertThat(cause).isInstanceOf(IllegalStateException.class).hasMessageContaining(CLOSED);
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void byTheConsumerOfAStream(String kernels) throws Exception {
        ZooModel<String, String> model = load(kernels);
        List<NDArray> weights = weights(model);
        try (Predictor<String, String> predictor = model.newPredictor();
                TextStream<String> stream = TextStream.of(predictor.streamingPredict("who"))) {
            assertThatThrownBy(() -> stream.forEachRemaining(piece -> model.close()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining(CLOSED);
            assertThat(weights).allMatch(array -> ((NativeResource<?>) array).isReleased());
            assertThatThrownBy(() -> predictor.predict("who"))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("load it again");
        }
    }

    @Test
    void byACallbackOfAGeneration() throws Exception {
        ZooModel<String, String> model = load("torch");
        Generator generator = new Generator(Mistral.network(model), model.getNDManager(), null);
        GenerationConfig config = GenerationConfig.builder().option("max_new_tokens", 9).build();
        AtomicInteger tokens = new AtomicInteger();
        assertThatThrownBy(
                        () ->
                                generator.generate(
                                        List.of(new long[] {5, 6}),
                                        config,
                                        token -> {
                                            if (tokens.incrementAndGet() == 3) {
                                                model.close();
                                            }
                                            return true;
                                        }))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(CLOSED);
        assertThat(tokens).hasValue(3);
    }

    /** The current step completes; the next one finds the model closed. */
    @Test
    void byALogitsProcessorInTheMiddleOfAStep() throws Exception {
        ZooModel<String, String> model = load("torch");
        Generator generator = new Generator(Mistral.network(model), model.getNDManager(), null);
        GenerationConfig config = GenerationConfig.builder().option("max_new_tokens", 9).build();
        try (var generation =
                generator.start(
                        List.of(new long[] {5, 6}), config, (scores, row) -> model.close())) {
            assertThat(generation.next()).isEmpty();
            assertThat(generation.result().sequences().get(0).finishReason())
                    .isEqualTo(FinishReason.CANCELLED);
            assertThatThrownBy(generation::next)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining(CLOSED);
        }
    }

    @Test
    void unreadStreamDoesNotBlockOthers() throws Exception {
        ZooModel<String, String> model = load("torch");
        TextStream<String> stream =
                TextStream.of(model.newPredictor().streamingPredict("what is a fox"));
        assertThat(stream.hasNext()).isTrue();
        stream.next();
        model.close();
        assertThatThrownBy(stream::hasNext)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(CLOSED);
        stream.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void loadedAndClosedAgainAndAgain(String kernels) throws Exception {
        String first = null;
        for (int i = 0; i < 4; ++i) {
            ZooModel<String, String> model = load(kernels);
            List<NDArray> weights = weights(model);
            try (Predictor<String, String> predictor = model.newPredictor()) {
                String text = predictor.predict("what is a fox");
                assertThat(text).isEqualTo(first == null ? text : first);
                first = text;
            }
            model.close();
            model.close();
            assertThat(weights).allMatch(array -> ((NativeResource<?>) array).isReleased());
        }
    }

    /** By reflection, because tests are compiled for Java 17. */
    private static ExecutorService virtualThreads() throws ReflectiveOperationException {
        assumeTrue(Runtime.version().feature() >= 21, "no virtual threads before Java 21");
        return (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    }

    @ParameterizedTest
    @ValueSource(strings = {"torch", "native"})
    void whileVirtualThreadsCompute(String kernels) throws Exception {
        ExecutorService threads = virtualThreads();
        try {
            ZooModel<String, String> model = load(kernels);
            CountDownLatch steps = new CountDownLatch(20);
            List<Future<?>> users = new ArrayList<>();
            for (int i = 0; i < 2 * USES.size(); ++i) {
                Use use = USES.get(i % USES.size());
                users.add(
                        threads.submit(
                                () -> {
                                    use.run(model, steps, 7);
                                    return null;
                                }));
            }
            assertThat(steps.await(60, TimeUnit.SECONDS)).isTrue();
            // by this thread: virtual ones that compute leave their carriers to no other
            model.close();
            for (Future<?> user : users) {
                assertThatThrownBy(() -> user.get(60, TimeUnit.SECONDS))
                        .cause()
                        .satisfies(CloseTest::saysThatTheModelIsClosed);
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
