/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The prompt: text or token IDs. */
final class PromptOptions {

    @Parameters(
            arity = "0..1",
            paramLabel = "TEXT",
            description = "The prompt; read from standard input if - or omitted.")
    @Nullable String text;

    @Option(
            names = "--ids",
            paramLabel = "IDS",
            converter = Rows.Converter.class,
            description =
                    "Token IDs instead of a text, as 5,6,7 with ; between sequences. No"
                            + " tokenizer is needed.")
    @Nullable Rows ids;

    @Option(
            names = "--mask",
            paramLabel = "MASK",
            converter = Rows.Converter.class,
            description = "attention_mask of --ids, as 0,1,1: 0 for padding on the left.")
    @Nullable Rows mask;

    @Option(names = "--system", paramLabel = "TEXT", description = "System message of the chat.")
    @Nullable String system;

    @Option(names = "--raw", description = "Complete the text without the chat template.")
    boolean raw;

    @Option(
            names = "--parse-special",
            description = "Parse special tokens such as <s> and [INST] in the text; implies --raw.")
    boolean parseSpecial;

    /** Checks the options before the model is loaded. */
    void check(Terminal terminal) {
        if (mask != null && ids == null) {
            throw terminal.usage("--mask needs --ids: give both or neither");
        }
        if (ids != null && (text != null || system != null || raw || parseSpecial)) {
            throw terminal.usage("the prompt is either --ids or a text: omit one of them");
        }
        if (system != null && (raw || parseSpecial)) {
            throw terminal.usage("--system needs the chat template: omit --raw");
        }
        if (ids != null && mask != null) {
            if (!ids.fits(mask)) {
                throw terminal.usage("--mask must have the shape of --ids");
            }
            if (Arrays.stream(mask.flat()).anyMatch(m -> m != 0 && m != 1)) {
                throw terminal.usage("--mask must contain only 0 and 1");
            }
        }
        if ("".equals(text)) {
            throw terminal.usage("the prompt is empty: give at least one character");
        }
        if (ids == null && text == null && Terminal.isTerminal(0)) {
            throw terminal.usage("there is no prompt: give a text or --ids, or pipe a text in");
        }
    }

    /**
     * Renders and tokenizes the prompt.
     *
     * @param pipeline tokenizer and chat template
     * @return token IDs
     */
    long[] encode(MistralPipeline pipeline) throws IOException {
        String prompt = text();
        if (parseSpecial) {
            return pipeline.tokenizer().encode(prompt, true);
        }
        if (raw) {
            return pipeline.complete(prompt);
        }
        if (system == null) {
            return pipeline.encode(prompt);
        }
        return pipeline.encode(List.of(Message.system(system), Message.user(prompt)));
    }

    /** Returns the prompt as a user message, behind the system message if there is one. */
    Conversation conversation() throws IOException {
        List<Message> messages = new ArrayList<>();
        if (system != null) {
            messages.add(Message.system(system));
        }
        messages.add(Message.user(text()));
        return new Conversation(messages);
    }

    /** Returns the text, read from standard input where that was asked for. */
    String text() throws IOException {
        return text == null || text.equals("-") ? input() : text;
    }

    /**
     * Returns the sequences without padding, which generation does not need.
     *
     * @param terminal reports invalid options
     */
    List<long[]> unpadded(Rows rows, Terminal terminal) {
        if (mask == null) {
            return rows.list();
        }
        List<long[]> prompts = new ArrayList<>();
        for (int i = 0; i < rows.count(); ++i) {
            long[] row = rows.list().get(i);
            long[] visible = mask.list().get(i);
            int padding = 0;
            while (padding < visible.length && visible[padding] == 0) {
                ++padding;
            }
            if (Arrays.stream(visible, padding, visible.length).anyMatch(m -> m == 0)) {
                throw terminal.usage(
                        "--mask has a 0 after a 1: prompts are padded on the left only");
            }
            prompts.add(Arrays.copyOfRange(row, padding, row.length));
        }
        return prompts;
    }

    /** Reads standard input, without a final line break. */
    static String input() throws IOException {
        String text = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        return text.replaceFirst("\\R\\z", "");
    }
}
