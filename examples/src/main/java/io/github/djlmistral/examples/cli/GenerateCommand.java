/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.cache.PrefixCache;
import io.github.djlmistral.engine.generation.Batching;
import io.github.djlmistral.engine.generation.BeamOptions;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.SpeculationMetrics;
import io.github.djlmistral.engine.generation.TokenLogProbability;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ToolCall;
import io.github.djlmistral.zoo.chat.ToolCallReader;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import io.github.djlmistral.zoo.translator.TextPieces;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mistral generate}. */
@Command(
        name = "generate",
        description = {
            "Generates text from a prompt.",
            "If the checkpoint has a chat template, the prompt is a user message; otherwise, and"
                    + " with --raw, it is the beginning of a text.",
            "The checkpoint's generation_config.json may have other defaults of generation."
        },
        modelTransformer = GenerationOptions.class,
        customSynopsis = "mistral generate [OPTIONS] [TEXT]",
        parameterListHeading = "%n",
        footer = {
            "  mistral generate \"What is a lighthouse?\"",
            "  mistral generate --raw --max-new-tokens 20 \"A lighthouse is\"",
            "  mistral generate --choice yes --choice no \"Is a lighthouse a tower?\"",
            "  mistral generate --ids \"5,6,7;0,8,9\" --mask \"1,1,1;0,1,1\" --json"
        })
public final class GenerateCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @Mixin private final PromptOptions prompt = new PromptOptions();

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 2)
    private ModelOptions model = new ModelOptions();

    @Mixin private final ResponseFormatOptions format = new ResponseFormatOptions();
    @Mixin private final ToolOptions tools = new ToolOptions();
    @Mixin private final PrefixOption prefix = new PrefixOption();
    @Mixin private final AdapterOption adapter = new AdapterOption();
    @Mixin private final AssistantOption assistant = new AssistantOption();

    @Mixin private final JsonOption json = new JsonOption();

    @Option(
            names = "--logprobs",
            description = "Add the log-probability of each token, to the JSON or in a table.")
    private boolean logProbabilities;

    @Option(
            names = {"-q", "--quiet"},
            description = "Print no timings.")
    private boolean quiet;

    /** Used by picocli. */
    public GenerateCommand() {}

    @Override
    public Integer call() throws IOException, ModelNotFoundException, MalformedModelException {
        prompt.check(terminal);
        tools.check(terminal);
        if (tools.given() && (prompt.ids != null || prompt.raw || prompt.parseSpecial)) {
            throw terminal.usage(
                    "--tools needs the chat template: omit --ids, --raw and" + " --parse-special");
        }
        GenerationOptions.config(
                format.apply(GenerationConfig.builder(), terminal),
                terminal); // reports invalid options before the model is loaded
        long started = System.nanoTime();
        Map<String, String> arguments = new LinkedHashMap<>(assistant.arguments(terminal));
        arguments.putAll(adapter.arguments());
        if (prefix.file != null) {
            arguments.put("prefix_cache_bytes", "1024T"); // what a file has is kept, however large
        }
        try (ZooModel<NDList, NDList> loaded =
                        model.load(terminal, NDList.class, NDList.class, arguments);
                MistralPipeline pipeline = pipeline(loaded)) {
            double loadSeconds = (System.nanoTime() - started) / 1e9;
            run(loaded, pipeline, loadSeconds);
        }
        return 0;
    }

    /** Token IDs need no tokenizer. Text does, and the error tells what is missing. */
    private @Nullable MistralPipeline pipeline(ZooModel<?, ?> loaded) throws IOException {
        if (prompt.ids != null && !MistralTokenizer.isIn(MistralPipeline.checkpoint(loaded))) {
            return null;
        }
        return MistralPipeline.open(loaded);
    }

    private void run(ZooModel<?, ?> loaded, @Nullable MistralPipeline pipeline, double loadSeconds)
            throws IOException {
        MistralForCausalLM network = Mistral.network(loaded);
        GenerationConfig.Builder options =
                GenerationOptions.apply(
                        format.apply(
                                pipeline != null
                                        ? pipeline.defaults()
                                        : GenerationConfig.read(
                                                MistralPipeline.checkpoint(loaded),
                                                network.config()),
                                terminal),
                        terminal);
        List<long[]> prompts;
        boolean calls = false;
        if (prompt.ids != null || pipeline == null) {
            prompts = prompt.unpadded(Objects.requireNonNull(prompt.ids), terminal);
        } else if (tools.given()) {
            Conversation conversation = tools.addTo(prompt.conversation());
            calls = tools.offer(pipeline, conversation, options);
            prompts = List.of(pipeline.encode(conversation));
        } else {
            prompts = List.of(prompt.encode(pipeline));
        }
        GenerationConfig config = options.build();
        Generator generator = generator(loaded, pipeline, prompts);
        long reused = reused(generator);
        PrintWriter out = terminal.out();
        GenerationResult result;
        boolean single =
                config.get(BeamOptions.NUM_BEAMS) == 1
                        && config.get(BeamOptions.NUM_RETURN_SEQUENCES) == 1;
        boolean streams = pipeline != null && prompts.size() == 1 && single && !json.wanted;
        if (pipeline != null && streams) {
            try (TextPieces text = pipeline.stream(prompts.get(0), config, calls)) {
                boolean empty = true;
                while (!text.hasEnded()) {
                    String piece = text.next();
                    empty &= piece.isEmpty();
                    out.print(piece);
                    out.flush();
                }
                result = text.result();
                if (!empty || text.toolCalls().isEmpty()) {
                    out.println();
                }
                ToolOptions.print(terminal, text.toolCalls());
            }
        } else {
            result = generate(generator, pipeline, prompts, config);
        }
        if (json.wanted) {
            Map<String, Object> object = object(network, pipeline, result, calls, loadSeconds);
            if (prefix.file != null) {
                object.put("prefix_tokens", reused(generator) - reused);
            }
            json.print(terminal, object);
            return;
        }
        for (Sequence row : result.sequences()) {
            if (!streams) {
                if (pipeline == null) {
                    out.println(ids(row));
                } else {
                    ToolCallReader reader = pipeline.newReader(calls);
                    String text = reader.read(row.generated());
                    if (!text.isEmpty() || reader.toolCalls().isEmpty()) {
                        out.println(text);
                    }
                    ToolOptions.print(terminal, reader.toolCalls());
                }
            }
            if (logProbabilities) {
                table(pipeline, row);
            }
        }
        if (!quiet) {
            terminal.note(GenerationTimings.describe(result, network.kernels()));
            if (prefix.file != null) {
                long tokens = reused(generator) - reused;
                terminal.note("prefix: " + tokens + " tokens of " + prefix.file);
            }
        }
    }

    private static long reused(Generator generator) {
        return generator.prefixes().map(PrefixCache::metrics).map(m -> m.reusedTokens()).orElse(0L);
    }

    /** Returns the generator, which has the prefix of the prompt if one is given. */
    private Generator generator(
            ZooModel<?, ?> loaded, @Nullable MistralPipeline pipeline, List<long[]> prompts)
            throws IOException {
        MistralForCausalLM network = Mistral.network(loaded);
        NDManager manager = loaded.getNDManager();
        Generator generator =
                pipeline != null
                        ? pipeline.generator()
                        : new Generator(
                                network,
                                manager,
                                null,
                                RequestLimits.unlimited(),
                                Batching.DEFAULT,
                                prefix.file == null ? null : new PrefixCache(Long.MAX_VALUE),
                                MistralPipeline.assistant(loaded));
        if (prefix.file != null) {
            if (prompts.size() > 1) {
                throw terminal.usage("--prefix needs a single prompt");
            }
            PrefixCache prefixes = generator.prefixes().orElseThrow();
            prefix.apply(generator, prefixes, network, manager, prompts.get(0));
        }
        return generator;
    }

    private GenerationResult generate(
            Generator generator,
            @Nullable MistralPipeline pipeline,
            List<long[]> prompts,
            GenerationConfig config) {
        try (Generation generation =
                        pipeline == null
                                ? generator.start(prompts, config)
                                : pipeline.start(prompts, config);
                Terminal.Progress progress =
                        terminal.progress("generating", config.maxNewTokens())) {
            return generation.run(
                    token -> {
                        if (token.batchIndex() == 0) {
                            progress.stepBy(1);
                        }
                        return true;
                    });
        }
    }

    private static String ids(Sequence row) {
        return Arrays.stream(row.generated())
                .mapToObj(Long::toString)
                .collect(Collectors.joining(","));
    }

    private void table(@Nullable MistralPipeline pipeline, Sequence row) {
        long[] ids = row.generated();
        float[] values = row.logProbabilities();
        for (int i = 0; i < ids.length; ++i) {
            terminal.out()
                    .printf(
                            Locale.ROOT,
                            "%8d %10.4f  %s%n",
                            ids[i],
                            values[i],
                            pipeline == null ? "" : pipeline.tokenizer().token(ids[i]));
        }
    }

    /** A single sequence is the object itself; several are in its list {@code rows}. */
    private Map<String, Object> object(
            MistralForCausalLM network,
            @Nullable MistralPipeline pipeline,
            GenerationResult result,
            boolean calls,
            double loadSeconds) {
        Map<String, Object> object = new LinkedHashMap<>();
        List<Map<String, Object>> rows = new ArrayList<>();
        for (Sequence row : result.sequences()) {
            Map<String, Object> fields = new LinkedHashMap<>();
            ToolCallReader reader = pipeline == null ? null : pipeline.newReader(calls);
            fields.put("text", reader == null ? null : reader.read(row.generated()));
            if (reader != null && calls) {
                fields.put(
                        "tool_calls", reader.toolCalls().stream().map(ToolCall::fields).toList());
            }
            fields.put("ids", row.generated());
            fields.put("finish_reason", String.valueOf(row.finishReason()));
            fields.put("prompt_tokens", row.promptLength());
            if (row.beamScore() != null) {
                fields.put("beam_score", row.beamScore());
            }
            if (logProbabilities) {
                fields.put("logprobs", row.logProbabilities());
            }
            if (row.topLogProbabilities().stream().anyMatch(top -> !top.isEmpty())) {
                fields.put("top_logprobs", topLogProbabilities(pipeline, row));
            }
            if (!row.scores().isEmpty()) {
                fields.put("scores", row.scores().stream().map(GenerateCommand::finite).toList());
            }
            rows.add(fields);
        }
        object.put("model", model.model);
        if (rows.size() == 1) {
            object.putAll(rows.get(0));
        } else {
            object.put("rows", rows);
        }
        object.put("timings", timings(result, loadSeconds));
        object.put("kernels", ModelOptions.describe(network));
        return object;
    }

    /** The most likely tokens at each position, with their texts if there is a tokenizer. */
    private static List<?> topLogProbabilities(@Nullable MistralPipeline pipeline, Sequence row) {
        List<List<Map<String, Object>>> positions = new ArrayList<>();
        for (List<TokenLogProbability> top : row.topLogProbabilities()) {
            List<Map<String, Object>> tokens = new ArrayList<>();
            for (TokenLogProbability token : top) {
                Map<String, Object> fields = new LinkedHashMap<>();
                fields.put("id", token.id());
                if (pipeline != null) {
                    fields.put("token", pipeline.tokenizer().token(token.id()));
                }
                fields.put("logprob", token.logProbability());
                tokens.add(fields);
            }
            positions.add(tokens);
        }
        return positions;
    }

    /** JSON has no infinite numbers: forbidden tokens are null. */
    private static List<@Nullable Float> finite(float[] scores) {
        List<@Nullable Float> values = new ArrayList<>();
        for (float score : scores) {
            values.add(Float.isFinite(score) ? score : null);
        }
        return values;
    }

    private static Map<String, Object> timings(GenerationResult result, double loadSeconds) {
        Map<String, Object> timings = new LinkedHashMap<>();
        timings.put("load_seconds", loadSeconds);
        timings.put("time_to_first_token_seconds", result.timeToFirstToken().toNanos() / 1e9);
        timings.put("prefill_tokens_per_second", result.prefillTokensPerSecond());
        timings.put("decode_seconds", result.decodeTime().toNanos() / 1e9);
        timings.put("decode_tokens_per_second", result.decodeTokensPerSecond());
        SpeculationMetrics speculation = result.speculation();
        if (speculation.passes() > 0) {
            timings.put("drafted_tokens", speculation.drafted());
            timings.put("accepted_tokens", speculation.accepted());
            timings.put("decode_passes", speculation.passes());
        }
        return timings;
    }
}
