/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A request to {@code /v1/completions}. */
final class CompletionRequest {

    private static final int MOST_LOGPROBS = 5;
    private static final int MOST_PROMPTS = 128;

    private final @Nullable String model;
    private final @Nullable String adapter;
    private final List<PromptFields.Prompt> prompts;
    private final OptionFields options;
    private final boolean echo;
    private final boolean logprobs;
    private final StreamFields stream;

    private CompletionRequest(Fields fields) {
        model = fields.string("model");
        adapter = fields.string("adapter");
        stream = StreamFields.take(fields);
        Long top = fields.integer("logprobs", 0, MOST_LOGPROBS);
        logprobs = top != null;
        echo = fields.flag("echo");
        if (echo && logprobs) {
            throw Fields.unsupported(
                    "echo", "echo with logprobs is not supported: the prompt has none");
        }
        Object form = fields.take("response_format");
        Long best = fields.integer("best_of", 1, Integer.MAX_VALUE);
        options = new OptionFields(fields, "max_tokens");
        options.set("top_logprobs", "logprobs", top);
        options.set("response_format", "response_format", form);
        if (best != null && best != options.count()) {
            throw Fields.unsupported(
                    "best_of", "best_of is " + best + ", supported is only the value of n");
        }
        prompts = PromptFields.take(fields, "prompt", MOST_PROMPTS);
        fields.only("suffix", "");
        fields.ignoreStrings("user");
        fields.end();
    }

    static CompletionRequest parse(Fields fields) {
        return new CompletionRequest(fields);
    }

    ApiAnswer start(OpenAi api) {
        OpenAi.Chosen chosen = api.choose(model, adapter);
        ServedModel served = chosen.model();
        List<long[]> encoded = new ArrayList<>();
        List<String> echoes = new ArrayList<>();
        for (PromptFields.Prompt prompt : prompts) {
            long[] ids = OpenAi.named("prompt", () -> prompt.encode(served::complete));
            encoded.add(ids);
            String echoed = echo ? echoed(prompt, served, ids) : "";
            for (int i = 0; i < options.count(); ++i) {
                echoes.add(echoed);
            }
        }
        return api.start(
                served,
                "prompt",
                encoded,
                options,
                builder -> false,
                stream.stream(),
                new CompletionFormat(
                        AnswerHeader.of("cmpl-", chosen.name()),
                        echoes,
                        logprobs ? new Logprobs(served.tokenizer()) : null,
                        stream.includesUsage()));
    }

    private static String echoed(PromptFields.Prompt prompt, ServedModel served, long[] ids) {
        String text = prompt.text();
        return text != null
                ? text
                : OpenAi.named("prompt", () -> served.tokenizer().decode(ids, true));
    }
}
