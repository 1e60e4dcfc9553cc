/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import ai.djl.translate.TranslatorContext;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralModel;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.zoo.tokenizer.EncodedText;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Base class of the translators that run a network once over each text. Texts of a batch that have
 * equally many tokens share a forward pass: none is padded, so each gets what it gets alone.
 *
 * @param <I> the input type
 * @param <O> the output type
 */
abstract class HeadTranslator<I, O> extends BatchTranslator<I, O> {

    private static final String ROWS = "mistral.rows";

    /** Tokens of a forward pass, which bounds its memory. */
    private static final int TOKENS_AT_ONCE = 2048;

    private final MistralPreTrainedModel network;
    private final @Nullable MistralTokenizer tokenizer;
    private final RequestLimits limits;
    private final boolean truncates;

    /** An input and its tokens. */
    private record Row<I>(I input, EncodedText text) {}

    /**
     * Opens the tokenizer, which is closed with the model.
     *
     * @param head the class that the network must have
     * @throws IOException if the checkpoint has no tokenizer, or a file is damaged
     * @throws IllegalArgumentException if the model has another head
     */
    HeadTranslator(
            Model model, Class<? extends MistralPreTrainedModel> head, Map<String, ?> arguments)
            throws IOException {
        this(model, head, arguments, true);
    }

    /** As above, without a tokenizer for inputs that are tokens already. */
    HeadTranslator(
            Model model,
            Class<? extends MistralPreTrainedModel> head,
            Map<String, ?> arguments,
            boolean tokenizes)
            throws IOException {
        if (!head.isInstance(model.getBlock())) {
            throw new IllegalArgumentException(
                    "the model "
                            + model.getName()
                            + " is a "
                            + model.getBlock().getClass().getSimpleName()
                            + ", not a "
                            + head.getSimpleName()
                            + ": load a checkpoint whose config.json names this architecture"
                            + (isBase(model.getBlock())
                                    ? ", or, to train a new head, give the arguments head and"
                                            + " labels"
                                    : ""));
        }
        network = head.cast(model.getBlock());
        limits = ModelArguments.limits(model.getProperties(), arguments);
        truncates = ModelArguments.truncation(arguments);
        tokenizer = tokenizes ? MistralTokenizer.open(MistralPipeline.checkpoint(model)) : null;
        if (tokenizer != null) {
            model.getNDManager().attachInternal(NDManager.nextUid(), tokenizer);
        }
    }

    private static boolean isBase(Block block) {
        return block instanceof MistralForCausalLM || block instanceof MistralModel;
    }

    final MistralPreTrainedModel network() {
        return network;
    }

    final MistralTokenizer tokenizer() {
        return Objects.requireNonNull(tokenizer, "this translator takes token ids");
    }

    /** Returns the tokens of an input, of which there may be too many. */
    abstract EncodedText encode(I input);

    /**
     * Converts what the network gives for an input.
     *
     * @param logits the logits of the text, or of all its tokens one after another
     */
    abstract O output(I input, EncodedText text, float[] logits);

    /** Returns whether texts may share a forward pass. */
    boolean batches() {
        return true;
    }

    /** Encodes a text that must not be empty, named in the message. */
    final EncodedText encode(String text, String name) {
        requireText(text, name);
        return tokenizer().encodeWithOffsets(text, true);
    }

    static void requireText(String text, String name) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException(
                    "the " + name + " is empty: give at least one character");
        }
    }

    /** Returns the most tokens that a text may have. */
    int longest() {
        return network.config().maxPositionEmbeddings();
    }

    @Override
    public final NDList batchProcessInput(TranslatorContext ctx, List<I> inputs) {
        List<Row<I>> rows = new ArrayList<>();
        for (I input : inputs) {
            rows.add(new Row<>(input, fitting(encode(input))));
        }
        limits.check(rows.stream().mapToInt(row -> row.text.ids().length).toArray(), 0);
        ctx.getNDManager().attachInternal(NDManager.nextUid(), limits.admit(rows.size()));
        ctx.setAttachment(ROWS, rows);
        return new NDList();
    }

    private EncodedText fitting(EncodedText text) {
        if (text.ids().length > longest() && !truncates) {
            throw new IllegalArgumentException(
                    "the text has "
                            + text.ids().length
                            + " tokens, "
                            + (longest() == network.config().maxPositionEmbeddings()
                                    ? "max_position_embeddings"
                                    : "max_seq_length")
                            + " is "
                            + longest()
                            + ": give a shorter text, or load the model with the argument"
                            + " truncation");
        }
        return text.truncated(longest());
    }

    @Override
    @SuppressWarnings("unchecked") // set by batchProcessInput
    public final List<O> batchProcessOutput(TranslatorContext ctx, NDList list) {
        List<Row<I>> rows = (List<Row<I>>) ctx.getAttachment(ROWS);
        Map<Integer, List<Integer>> byLength = new TreeMap<>();
        for (int i = 0; i < rows.size(); ++i) {
            int length = rows.get(i).text.ids().length;
            byLength.computeIfAbsent(length, any -> new ArrayList<>()).add(i);
        }
        Map<Integer, O> results = new TreeMap<>();
        byLength.forEach(
                (length, members) -> {
                    int most = batches() ? Math.max(1, TOKENS_AT_ONCE / length) : 1;
                    for (int from = 0; from < members.size(); from += most) {
                        List<Integer> part =
                                members.subList(from, Math.min(members.size(), from + most));
                        float[][] logits =
                                logits(
                                        ctx.getNDManager(),
                                        part.stream().map(i -> rows.get(i).text.ids()).toList());
                        for (int i = 0; i < logits.length; ++i) {
                            Row<I> row = rows.get(part.get(i));
                            results.put(part.get(i), output(row.input, row.text, logits[i]));
                        }
                    }
                });
        return List.copyOf(results.values());
    }

    /** Runs rows of equal length. */
    private float[][] logits(NDManager manager, List<long[]> rows) {
        try (NDManager own = manager.newSubManager()) {
            long[] flat = rows.stream().flatMapToLong(Arrays::stream).toArray();
            NDArray ids = HostArray.of(own, flat, new Shape(rows.size(), rows.get(0).length));
            float[] all = run(new ParameterStore(own, false), ids).toFloatArray();
            int count = all.length / rows.size();
            return IntStream.range(0, rows.size())
                    .mapToObj(i -> Arrays.copyOfRange(all, i * count, (i + 1) * count))
                    .toArray(float[][]::new);
        }
    }

    /**
     * Runs the network.
     *
     * @param ids token ids (B, T)
     * @return float32 with the first dimension B
     */
    NDArray run(ParameterStore parameters, NDArray ids) {
        return network.forward(parameters, ForwardInput.ofIds(ids), false).logits();
    }

    /** Returns the probabilities of classes that exclude each other. */
    static double[] softmax(float[] logits, int from, int to) {
        double most = Double.NEGATIVE_INFINITY;
        for (int i = from; i < to; ++i) {
            most = Math.max(most, logits[i]);
        }
        double[] values = new double[to - from];
        double sum = 0;
        for (int i = from; i < to; ++i) {
            values[i - from] = Math.exp(logits[i] - most);
            sum += values[i - from];
        }
        for (int i = 0; i < values.length; ++i) {
            values[i] /= sum;
        }
        return values;
    }
}
