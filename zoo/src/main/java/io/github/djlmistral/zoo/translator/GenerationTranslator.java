/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.inference.streaming.StreamingTranslator;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.translate.TranslatorContext;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ToolCallReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Base class of the text translators: generation takes many forward passes.
 *
 * @param <I> the input type
 * @param <O> the output type
 */
abstract class GenerationTranslator<I, O> extends BatchTranslator<I, O>
        implements StreamingTranslator<I, O> {

    private static final String REQUESTS = "mistral.requests";

    final MistralPipeline pipeline;
    private final GenerationConfig.Builder options;

    /**
     * Creates a translator.
     *
     * @param pipeline the pipeline of the model
     * @param options generation options of the checkpoint, overridden by the model's arguments
     */
    GenerationTranslator(MistralPipeline pipeline, GenerationConfig.Builder options) {
        this.pipeline = pipeline;
        this.options = options;
    }

    /** Converts inputs to prompts and options. */
    abstract List<GenerationRequest> requests(TranslatorContext ctx, List<I> inputs);

    /** Converts a generated text to the output type. */
    abstract O output(GeneratedText text);

    /**
     * Overrides the model's options with those of the request, which may also choose an adapter,
     * and offers the tools of the conversation, null for a text. The default of {@code
     * max_new_tokens} is lowered to what {@code max_total_tokens} leaves.
     */
    final GenerationRequest request(
            long[] prompt, @Nullable Conversation conversation, Map<String, ?> given) {
        String adapter = NamedAdapters.chosen(given);
        MistralPipeline chosen = adapter == null ? pipeline : pipeline.adapter(adapter);
        Map<String, Object> own = new LinkedHashMap<>(given);
        own.remove(NamedAdapters.ADAPTER);
        ToolOptions tools = conversation == null ? null : ToolOptions.take(own);
        GenerationConfig.Builder builder = options.copy();
        ModelArguments.set(builder, own);
        boolean calls =
                conversation != null
                        && tools != null
                        && chosen.offerTools(
                                builder, conversation, tools.choice(), tools.parallel());
        MistralPipeline.requireSingleSequence(builder.build());
        boolean open = ModelArguments.value(own, "max_new_tokens").isEmpty();
        GenerationConfig config = pipeline.limits().complete(builder, options, open, prompt.length);
        return new GenerationRequest(chosen, prompt, config, calls);
    }

    @Override
    public final NDList batchProcessInput(TranslatorContext ctx, List<I> inputs) {
        try {
            ctx.setAttachment(REQUESTS, requests(ctx, inputs));
        } catch (RuntimeException e) {
            // DJL does not close the context of a stream whose input is rejected
            ctx.close();
            throw e;
        }
        return new NDList();
    }

    private static List<GenerationRequest> requests(TranslatorContext ctx) {
        List<GenerationRequest> requests = new ArrayList<>();
        for (Object request : (List<?>) ctx.getAttachment(REQUESTS)) {
            requests.add((GenerationRequest) request);
        }
        return requests;
    }

    /** Generates the inputs together, those with equal options in one batch. */
    @Override
    public List<O> batchProcessOutput(TranslatorContext ctx, NDList list) {
        List<GenerationRequest> requests = requests(ctx);
        Map<Batch, List<Integer>> batches = new LinkedHashMap<>();
        for (int i = 0; i < requests.size(); ++i) {
            GenerationRequest request = requests.get(i);
            Batch batch = new Batch(request.pipeline(), request.config());
            batches.computeIfAbsent(batch, key -> new ArrayList<>()).add(i);
        }
        List<@Nullable O> outputs = new ArrayList<>();
        requests.forEach(request -> outputs.add(null));
        batches.forEach(
                (batch, members) -> {
                    GenerationResult result =
                            generate(members.stream().map(requests::get).toList(), batch);
                    for (int i = 0; i < members.size(); ++i) {
                        Sequence sequence = result.sequences().get(i);
                        ToolCallReader reader =
                                pipeline.newReader(requests.get(members.get(i)).calls());
                        String text = reader.read(sequence.generated());
                        outputs.set(
                                members.get(i),
                                output(
                                        new GeneratedText(
                                                text, reader.toolCalls(), sequence, result)));
                    }
                });
        return outputs.stream().map(Objects::requireNonNull).toList();
    }

    /** What the inputs of a batch have in common. */
    private record Batch(MistralPipeline pipeline, GenerationConfig config) {}

    private GenerationResult generate(List<GenerationRequest> requests, Batch batch) {
        List<long[]> prompts = requests.stream().map(GenerationRequest::prompt).toList();
        try (Generation generation = batch.pipeline().start(prompts, batch.config())) {
            return generation.run(token -> true);
        }
    }

    @Override
    public StreamOutput<O> processStreamOutput(TranslatorContext ctx, Stream<NDList> list) {
        return stream(ctx, list);
    }

    /** Starts the stream of one text; the list only serves to free DJL's context. */
    final TextStream<O> stream(TranslatorContext ctx, Stream<NDList> list) {
        try {
            GenerationRequest request = requests(ctx).get(0);
            TextStream<O> stream =
                    new TextStream<>(
                            request.pipeline().stream(
                                    request.prompt(), request.config(), request.calls()),
                            list,
                            this::output);
            // frees a stream that was not closed, when its predictor is closed
            ctx.getNDManager().attachInternal(NDManager.nextUid(), stream::abandon);
            return stream;
        } catch (RuntimeException | Error e) {
            list.close();
            throw e;
        }
    }

    @Override
    public Support getSupport() {
        return Support.ITERATIVE;
    }
}
