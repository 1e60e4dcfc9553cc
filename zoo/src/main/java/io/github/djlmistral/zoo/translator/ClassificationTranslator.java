/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.Model;
import ai.djl.modality.Classifications;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import ai.djl.translate.TranslatorContext;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import io.github.djlmistral.engine.model.MistralForSequenceClassification;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Classifies texts. Those of a batch that have equally many tokens share a forward pass: none is
 * padded, so each gets what it gets alone.
 */
final class ClassificationTranslator extends BatchTranslator<String, Classifications> {

    private static final String TEXTS = "mistral.texts";

    /** Tokens of a forward pass, which bounds its memory. */
    private static final int TOKENS_AT_ONCE = 2048;

    private final MistralForSequenceClassification network;
    private final MistralTokenizer tokenizer;
    private final RequestLimits limits;
    private final boolean truncates;

    private ClassificationTranslator(
            MistralForSequenceClassification network,
            MistralTokenizer tokenizer,
            RequestLimits limits,
            boolean truncates) {
        this.network = network;
        this.tokenizer = tokenizer;
        this.limits = limits;
        this.truncates = truncates;
    }

    /**
     * Opens the translator of a loaded model, with which its tokenizer is closed.
     *
     * @throws IOException if the checkpoint has no tokenizer, or a file is damaged
     * @throws IllegalArgumentException if the model has another head
     */
    static ClassificationTranslator open(Model model, Map<String, ?> arguments) throws IOException {
        if (!(model.getBlock() instanceof MistralForSequenceClassification network)) {
            throw new IllegalArgumentException(
                    "the model "
                            + model.getName()
                            + " does not classify texts: load a checkpoint whose config.json names"
                            + " the architecture MistralForSequenceClassification");
        }
        RequestLimits limits = ModelArguments.limits(model.getProperties(), arguments);
        boolean truncates = ModelArguments.truncation(arguments);
        MistralTokenizer tokenizer = MistralTokenizer.open(MistralPipeline.checkpoint(model));
        model.getNDManager().attachInternal(NDManager.nextUid(), tokenizer);
        return new ClassificationTranslator(network, tokenizer, limits, truncates);
    }

    @Override
    public NDList batchProcessInput(TranslatorContext ctx, List<String> inputs) {
        List<long[]> texts = inputs.stream().map(this::encode).toList();
        limits.check(texts.stream().mapToInt(ids -> ids.length).toArray(), 0);
        ctx.getNDManager().attachInternal(NDManager.nextUid(), limits.admit(texts.size()));
        ctx.setAttachment(TEXTS, texts);
        return new NDList();
    }

    private long[] encode(String text) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("the text is empty: give at least one character");
        }
        long[] ids = tokenizer.encodePlain(text, true);
        int most = network.config().maxPositionEmbeddings();
        if (ids.length <= most) {
            return ids;
        }
        if (truncates) {
            return Arrays.copyOf(ids, most);
        }
        throw new IllegalArgumentException(
                "the text has "
                        + ids.length
                        + " tokens, max_position_embeddings is "
                        + most
                        + ": give a shorter text, or load the model with the argument truncation");
    }

    @Override
    public List<Classifications> batchProcessOutput(TranslatorContext ctx, NDList list) {
        List<long[]> texts = new ArrayList<>();
        ((List<?>) ctx.getAttachment(TEXTS)).forEach(ids -> texts.add((long[]) ids));
        Map<Integer, List<Integer>> byLength = new TreeMap<>();
        for (int i = 0; i < texts.size(); ++i) {
            byLength.computeIfAbsent(texts.get(i).length, length -> new ArrayList<>()).add(i);
        }
        Classifications[] results = new Classifications[texts.size()];
        byLength.forEach(
                (length, members) -> {
                    // without a padding token, the network takes single rows only
                    int rows =
                            network.config().padTokenId() == null
                                    ? 1
                                    : Math.max(1, TOKENS_AT_ONCE / length);
                    for (int from = 0; from < members.size(); from += rows) {
                        List<Integer> part =
                                members.subList(from, Math.min(members.size(), from + rows));
                        float[][] logits =
                                logits(ctx.getNDManager(), part.stream().map(texts::get).toList());
                        for (int i = 0; i < logits.length; ++i) {
                            results[part.get(i)] = classes(logits[i]);
                        }
                    }
                });
        return List.of(results);
    }

    /** Runs rows of equal length. */
    private float[][] logits(NDManager manager, List<long[]> rows) {
        try (NDManager own = manager.newSubManager()) {
            int tokens = rows.get(0).length;
            long[] flat = rows.stream().flatMapToLong(Arrays::stream).toArray();
            NDArray ids = own.create(flat, new Shape(rows.size(), tokens));
            float[] all =
                    network.forward(new ParameterStore(own, false), ForwardInput.ofIds(ids), false)
                            .logits()
                            .toFloatArray();
            int count = all.length / rows.size();
            return IntStream.range(0, rows.size())
                    .mapToObj(i -> Arrays.copyOfRange(all, i * count, (i + 1) * count))
                    .toArray(float[][]::new);
        }
    }

    /**
     * Converts logits to probabilities as the reference's {@code TextClassificationPipeline}:
     * softmax; the logistic function for one label or independent labels; none for a regression.
     */
    private Classifications classes(float[] logits) {
        LabelConfig labels = network.config().labels();
        ProblemType type = labels.problemType();
        List<Double> values = new ArrayList<>();
        if (type == ProblemType.REGRESSION) {
            for (float logit : logits) {
                values.add((double) logit);
            }
        } else if (type == ProblemType.MULTI_LABEL_CLASSIFICATION || logits.length == 1) {
            for (float logit : logits) {
                values.add(1 / (1 + Math.exp(-logit)));
            }
        } else {
            double most = Double.NEGATIVE_INFINITY;
            for (float logit : logits) {
                most = Math.max(most, logit);
            }
            double sum = 0;
            for (float logit : logits) {
                sum += Math.exp(logit - most);
            }
            for (float logit : logits) {
                values.add(Math.exp(logit - most) / sum);
            }
        }
        return new Classifications(labels.names(), values);
    }
}
