/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.constraint.ResponseFormat;
import io.github.djlmistral.engine.generation.ConstraintOptions;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ToolCallReader;
import io.github.djlmistral.zoo.chat.ToolChoice;
import io.github.djlmistral.zoo.chat.ToolFormat;
import io.github.djlmistral.zoo.tokenizer.Detokenizer;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The tool calls of a model: what its template writes, and what its answers contain. */
final class ToolCalling {

    private final String model;
    private final Optional<ChatTemplate> template;
    private final MistralTokenizer tokenizer;

    private volatile @Nullable ToolFormat format;

    /** Whether the template was asked for the format, which takes a while. */
    private volatile boolean asked;

    /**
     * Makes the tool calls of a model.
     *
     * @param model its name, for messages
     * @param template its chat template
     * @param tokenizer its tokenizer
     */
    ToolCalling(String model, Optional<ChatTemplate> template, MistralTokenizer tokenizer) {
        this.model = model;
        this.template = template;
        this.tokenizer = tokenizer;
    }

    /** Returns how the model calls tools; empty if its template does not in Mistral's format. */
    private Optional<ToolFormat> format() {
        if (!asked) {
            format = template.flatMap(chat -> ToolFormat.of(chat, tokenizer)).orElse(null);
            asked = true;
        }
        return Optional.ofNullable(format);
    }

    /** Returns a conversation as the template takes it. */
    Conversation prepare(Conversation conversation) {
        return ToolFormat.concerns(conversation)
                ? format().map(tools -> tools.prepare(conversation)).orElse(conversation)
                : conversation;
    }

    /** Lets an answer call tools, see {@link MistralPipeline#offerTools}. */
    boolean offer(
            GenerationConfig.Builder options,
            Conversation conversation,
            ToolChoice choice,
            boolean parallel) {
        List<Map<String, @Nullable Object>> tools = conversation.tools();
        if (tools == null || tools.isEmpty()) {
            if (choice.mode() == ToolChoice.Mode.REQUIRED) {
                throw new IllegalArgumentException(
                        "tool_choice requires a call, but there are no tools: give tools");
            }
            return false;
        }
        ToolFormat known = format().orElse(null);
        if (choice.mode() == ToolChoice.Mode.NONE) {
            if (known != null) {
                List<Integer> suppressed =
                        new ArrayList<>(options.build().get(ConstraintOptions.SUPPRESS_TOKENS));
                suppressed.add(known.callsToken());
                options.set(ConstraintOptions.SUPPRESS_TOKENS, suppressed);
            }
            return false;
        }
        if (known == null) {
            throw new IllegalArgumentException(
                    "the model "
                            + model
                            + " cannot call tools: its chat template does not write calls in"
                            + " Mistral's format, behind the token [TOOL_CALLS]; use a model that"
                            + " does, such as Mistral-7B-Instruct-v0.3, or set tool_choice to none");
        }
        ResponseFormat text = options.build().get(ConstraintOptions.RESPONSE_FORMAT);
        options.set(
                ConstraintOptions.RESPONSE_FORMAT,
                known.responseFormat(tools, choice, parallel, text));
        return true;
    }

    /** Returns a reader of one answer, which may have calls or is all text. */
    ToolCallReader newReader(boolean calls) {
        Detokenizer detokenizer = tokenizer.newDetokenizer(true);
        return calls
                ? format().orElseThrow().newReader(detokenizer)
                : ToolCallReader.ofText(detokenizer);
    }
}
