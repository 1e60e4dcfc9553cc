/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.Model;
import ai.djl.nn.Block;
import io.github.djlmistral.engine.generation.BeamOptions;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.chat.ToolCallReader;
import io.github.djlmistral.zoo.chat.ToolChoice;
import io.github.djlmistral.zoo.openai.ServedModel;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Tokenizer, chat template, generation options and generator of a loaded model. Thread-safe. */
public final class MistralPipeline implements ServedModel, AutoCloseable {

    private final MistralForCausalLM network;
    private final MistralTokenizer tokenizer;
    private final Optional<ChatTemplate> chatTemplate;
    private final GenerationConfig.Builder defaults;
    private final Generator generator;
    private final ToolCalling tools;
    private final String name;
    private final Map<String, MistralPipeline> adapted = new LinkedHashMap<>();

    private MistralPipeline(
            Model model,
            MistralTokenizer tokenizer,
            RequestLimits limits,
            @Nullable MistralForCausalLM assistant)
            throws IOException {
        Path path = checkpoint(model);
        this.tokenizer = tokenizer;
        network = network(model);
        chatTemplate = ChatTemplate.open(path);
        name = model.getName();
        tools = new ToolCalling(name, chatTemplate, tokenizer);
        defaults = GenerationConfig.read(path, network.config());
        generator = generator(model, limits, assistant);
        NamedAdapters.of(model, network)
                .forEach(
                        (name, other) ->
                                adapted.put(
                                        name,
                                        new MistralPipeline(
                                                this, model, other, limits, assistant)));
    }

    /** Creates a pipeline that differs from another one in its network. */
    private MistralPipeline(
            MistralPipeline base,
            Model model,
            MistralForCausalLM network,
            RequestLimits limits,
            @Nullable MistralForCausalLM assistant) {
        this.network = network;
        tokenizer = base.tokenizer;
        chatTemplate = base.chatTemplate;
        tools = base.tools;
        name = base.name;
        defaults = base.defaults;
        generator = generator(model, limits, assistant);
    }

    private Generator generator(
            Model model, RequestLimits limits, @Nullable MistralForCausalLM assistant) {
        Map<String, ?> arguments = model.getProperties();
        return new Generator(
                network,
                model.getNDManager(),
                new TextDecoder(tokenizer),
                limits,
                CacheArguments.batching(arguments).orElse(null),
                CacheArguments.prefixes(arguments, network).orElse(null),
                assistant);
    }

    /**
     * Opens the pipeline of a loaded model.
     *
     * @param model a model of this zoo
     * @return the pipeline; closing it leaves the model open
     * @throws IOException if the checkpoint has no tokenizer, or a file is damaged
     */
    public static MistralPipeline open(Model model) throws IOException {
        return open(model, Map.of());
    }

    /** Opens a pipeline whose request limits may be lower than the model's. */
    static MistralPipeline open(Model model, Map<String, ?> arguments) throws IOException {
        RequestLimits limits = ModelArguments.limits(model.getProperties(), arguments);
        MistralTokenizer tokenizer = MistralTokenizer.open(checkpoint(model));
        try {
            return new MistralPipeline(
                    model, tokenizer, limits, AssistantModel.load(model, arguments));
        } catch (IOException | RuntimeException e) {
            tokenizer.close();
            throw e;
        }
    }

    /**
     * Loads the assistant model of a model, for a {@link Generator} without a pipeline.
     *
     * @param model a model of this zoo
     * @return the network of the model that the argument {@code assistant_model} names, closed with
     *     the given model; null if there is none
     * @throws IOException if it cannot be loaded
     */
    public static @Nullable MistralForCausalLM assistant(Model model) throws IOException {
        return AssistantModel.load(model, Map.of());
    }

    /**
     * Returns the path of a model's checkpoint.
     *
     * @param model a model of this zoo
     * @return its directory, or its GGUF file; {@link Model#getModelPath} is the directory of both
     * @throws IOException if it no longer exists
     */
    public static Path checkpoint(Model model) throws IOException {
        return ModelArguments.checkpoint(model.getModelPath(), model.getProperties());
    }

    /**
     * Returns a model's network.
     *
     * @param model a model of this zoo
     * @return its block
     * @throws IllegalArgumentException if it is not a Mistral model of this zoo
     */
    public static MistralForCausalLM network(Model model) {
        Block block = model.getBlock();
        if (block instanceof MistralForCausalLM causal) {
            return causal;
        }
        throw new IllegalArgumentException(
                "the model "
                        + model.getName()
                        + (block instanceof MistralPreTrainedModel
                                ? " is a "
                                        + block.getClass().getSimpleName()
                                        + ", which generates no text"
                                : " is not a Mistral model of this zoo: load it with"
                                        + " Mistral.criteria(..)"));
    }

    /**
     * Returns the pipeline that computes with one of the adapters in the model argument {@code
     * adapters}.
     *
     * @param name the name of the adapter
     * @return the pipeline, which is closed with this one
     * @throws IllegalArgumentException if the model has no such adapter
     */
    @Override
    public MistralPipeline adapter(String name) {
        MistralPipeline chosen = adapted.get(name);
        if (chosen == null) {
            throw new IllegalArgumentException(
                    "adapter is \""
                            + name
                            + "\"; "
                            + (adapted.isEmpty()
                                    ? "the model has no named adapters: give them when it is loaded, in the model argument adapters"
                                    : "the model has " + adapted.keySet()));
        }
        return chosen;
    }

    /** Returns the name of the model. */
    String name() {
        return name;
    }

    @Override
    public Set<String> adapters() {
        return Collections.unmodifiableSet(adapted.keySet());
    }

    @Override
    public RequestLimits limits() {
        return generator.limits();
    }

    @Override
    public int maxPositions() {
        return network.config().maxPositionEmbeddings();
    }

    /** Returns the network. */
    public MistralForCausalLM network() {
        return network;
    }

    /** Returns the tokenizer. */
    @Override
    public MistralTokenizer tokenizer() {
        return tokenizer;
    }

    /**
     * Returns the chat template; empty if the checkpoint has none, which is common for base models.
     */
    public Optional<ChatTemplate> chatTemplate() {
        return chatTemplate;
    }

    /** Returns the generator. */
    public Generator generator() {
        return generator;
    }

    /** Returns a copy of the checkpoint's generation options. */
    public GenerationConfig.Builder defaults() {
        return defaults.copy();
    }

    /**
     * Encodes a conversation with a generation prompt.
     *
     * @param messages oldest first
     * @return token ids
     * @throws IllegalArgumentException if the checkpoint has no template, or its template rejects
     *     the conversation, with the template's own message
     */
    public long[] encode(List<Message> messages) {
        return encode(new Conversation(messages));
    }

    /**
     * Encodes a conversation, with a generation prompt unless its last message is continued.
     *
     * @param conversation the conversation; its own {@code addGenerationPrompt} is ignored
     * @return token ids
     * @throws IllegalArgumentException as {@link #encode(List)}
     */
    public long[] encode(Conversation conversation) {
        return encodeAsGiven(
                conversation.withGenerationPrompt(conversation.continuedField() == null));
    }

    @Override
    public long[] encodeAsGiven(Conversation conversation) {
        ChatTemplate template =
                chatTemplate.orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "the checkpoint has no chat template, so it can only"
                                                + " complete text: give text instead of messages,"
                                                + " or put a chat_template.jinja beside the"
                                                + " checkpoint"));
        return template.encode(tokenizer, tools.prepare(conversation));
    }

    /**
     * Lets an answer call the tools of a conversation. Sets {@code response_format}, to which text
     * keeps if it is set before, or {@code suppress_tokens} for {@link ToolChoice#NONE}.
     *
     * @param options the options of the answer, changed here
     * @param conversation has the tools
     * @param choice whether tools are called
     * @param parallel whether an answer may have several calls
     * @return whether the answer may have calls, for {@link #newReader} and {@link #stream(long[],
     *     GenerationConfig, boolean)}
     * @throws IllegalArgumentException if the model cannot call tools, a tool is wrong or cannot be
     *     enforced, or the choice is of a tool that is not there; the message names the tool
     */
    @Override
    public boolean offerTools(
            GenerationConfig.Builder options,
            Conversation conversation,
            ToolChoice choice,
            boolean parallel) {
        return tools.offer(options, conversation, choice, parallel);
    }

    @Override
    public ToolCallReader newReader(boolean calls) {
        return tools.newReader(calls);
    }

    /**
     * Encodes a prompt: a user message where there is a chat template, else a text to be completed.
     *
     * @param text the text; spellings of special tokens in it are encoded as text
     * @return token ids
     * @throws IllegalArgumentException if it is empty
     */
    public long[] encode(String text) {
        requireText(text);
        return chatTemplate.isPresent() ? encode(List.of(Message.user(text))) : complete(text);
    }

    /**
     * Encodes a text to be completed, without the chat template.
     *
     * @param text the text; spellings of special tokens in it are encoded as text
     * @return token ids, beginning with BOS if the tokenizer adds it
     * @throws IllegalArgumentException if it is empty
     */
    @Override
    public long[] complete(String text) {
        requireText(text);
        return tokenizer.encodePlain(text, true);
    }

    private static void requireText(String text) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("the prompt is empty: give at least one character");
        }
    }

    /**
     * Starts a generation. Token ids beyond the tokenizer's vocabulary, which padded networks have,
     * are masked.
     *
     * @param prompts token ids, one array for each sequence
     * @param config the options
     * @return the generation, to be closed
     * @throws IllegalArgumentException as {@link Generator#start}
     */
    @Override
    public Generation start(List<long[]> prompts, GenerationConfig config) {
        int known = tokenizer.vocabularySize();
        if (known >= network.config().vocabSize()) {
            return generator.start(prompts, config);
        }
        return generator.start(
                prompts,
                config,
                (scores, row) ->
                        Arrays.fill(scores, known, scores.length, Float.NEGATIVE_INFINITY));
    }

    /**
     * Starts a generation whose text is read in pieces.
     *
     * @param prompt token ids
     * @param config the options
     * @return the pieces, to be closed
     * @throws IllegalArgumentException as {@link #stream(long[], GenerationConfig, boolean)}
     */
    public TextPieces stream(long[] prompt, GenerationConfig config) {
        return stream(prompt, config, false);
    }

    /**
     * Starts a generation whose text and calls of tools are read in pieces.
     *
     * @param prompt token ids
     * @param config the options
     * @param calls whether the answer may have calls, see {@link #offerTools}
     * @return the pieces, to be closed
     * @throws IllegalArgumentException as {@link Generator#start}, or if the options are those of
     *     beam search or ask for several sequences
     */
    public TextPieces stream(long[] prompt, GenerationConfig config, boolean calls) {
        int beams = config.get(BeamOptions.NUM_BEAMS);
        if (beams > 1) {
            throw new IllegalArgumentException(
                    "num_beams is "
                            + beams
                            + ": beam search cannot be streamed, as it decides on the text only at"
                            + " its end; set num_beams to 1, or ask for the whole output");
        }
        requireSingleSequence(config);
        return new TextPieces(start(List.of(prompt), config), newReader(calls));
    }

    /** Checks that the options ask for one text. */
    static void requireSingleSequence(GenerationConfig config) {
        int count = config.get(BeamOptions.NUM_RETURN_SEQUENCES);
        if (count > 1) {
            throw new IllegalArgumentException(
                    "num_return_sequences is "
                            + count
                            + ", but the output has one text: set it to 1, or generate with"
                            + " MistralPipeline.start");
        }
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
