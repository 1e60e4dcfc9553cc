/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mistral tokenize}. */
@Command(
        name = "tokenize",
        description = "Tokenizes a text or a conversation, or decodes token IDs.",
        customSynopsis = "mistral tokenize [OPTIONS] [TEXT]",
        parameterListHeading = "%n",
        footer = {
            "  mistral tokenize \"a lighthouse\"",
            "  mistral tokenize --chat --system \"Be brief.\" \"What is a lighthouse?\"",
            "  mistral tokenize --messages chat.json --tools tools.json --json",
            "  mistral tokenize --decode 1,335,9"
        })
public final class TokenizeCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @Parameters(
            arity = "0..1",
            paramLabel = "TEXT",
            description = "The text; read from standard input if - or omitted.")
    private @Nullable String text;

    @Option(
            names = {"-m", "--model"},
            paramLabel = "MODEL",
            description =
                    "A directory with a tokenizer, a .gguf file, or a model of the Hub or the"
                            + " zoo. Default: the embedded model.")
    private @Nullable String model;

    @Option(
            names = "--chat",
            description = "Apply the chat template to the text as a user message.")
    private boolean chat;

    @Option(
            names = "--system",
            paramLabel = "TEXT",
            description = "System message of the chat; implies --chat.")
    private @Nullable String system;

    @Mixin private final ConversationOptions conversation = new ConversationOptions();

    @Option(
            names = "--parse-special",
            description = "Parse special tokens such as <s> and [INST] in the text.")
    private boolean parseSpecial;

    @Option(names = "--no-bos", description = "Do not add the BOS token.")
    private boolean noBos;

    @Option(
            names = "--decode",
            paramLabel = "IDS",
            converter = Rows.Converter.class,
            description = "Decode token IDs, as 1,335,9 with ; between sequences.")
    private @Nullable Rows decode;

    @Option(names = "--ids-only", description = "Print only the token IDs, as 1,335,9.")
    private boolean idsOnly;

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public TokenizeCommand() {}

    @Override
    public Integer call() throws IOException {
        chat |= system != null;
        conversation.check(terminal);
        if (conversation.given() && (text != null || chat || decode != null)) {
            throw terminal.usage(
                    "--messages cannot be combined with a text, --chat or"
                            + " --decode: omit them");
        }
        if (decode != null && (text != null || chat)) {
            throw terminal.usage(
                    "--decode takes token IDs instead of a text: omit the text and --chat");
        }
        if ((chat || conversation.given()) && (parseSpecial || noBos)) {
            throw terminal.usage(
                    "the chat template adds the special tokens: omit --parse-special and"
                            + " --no-bos");
        }
        if (decode == null && text == null && !conversation.given() && Terminal.isTerminal(0)) {
            throw terminal.usage("there is no text: give one as an argument or on standard input");
        }
        ModelOptions options = new ModelOptions();
        if (model != null) {
            options.model = model;
        }
        Conversation given = conversation.given() ? conversation.read() : null;
        Path path = options.path(terminal);
        try (MistralTokenizer tokenizer = MistralTokenizer.open(path)) {
            if (decode != null) {
                decode(tokenizer, decode);
            } else if (given != null) {
                apply(tokenizer, path, given);
            } else {
                encode(tokenizer, path);
            }
        }
        return 0;
    }

    private void decode(MistralTokenizer tokenizer, Rows rows) {
        List<String> texts = new ArrayList<>();
        rows.list().forEach(ids -> texts.add(tokenizer.decode(ids, false)));
        if (json.wanted) {
            json.print(
                    terminal,
                    texts.size() == 1 ? Map.of("text", texts.get(0)) : Map.of("texts", texts));
        } else {
            texts.forEach(terminal.out()::println);
        }
    }

    private static ChatTemplate template(Path path) throws IOException {
        return ChatTemplate.open(path)
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "the checkpoint has no chat template: give a text"
                                                + " without --chat, or put a chat_template.jinja beside the"
                                                + " checkpoint"));
    }

    private void apply(MistralTokenizer tokenizer, Path path, Conversation given)
            throws IOException {
        ChatTemplate template = template(path);
        String prompt = template.render(given);
        long[] ids = template.encode(tokenizer, given);
        if (json.wanted) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("text", prompt);
            object.put("ids", ids);
            json.print(terminal, object);
        } else {
            print(tokenizer, ids, prompt);
        }
    }

    private void encode(MistralTokenizer tokenizer, Path path) throws IOException {
        String input = text == null || text.equals("-") ? PromptOptions.input() : text;
        String prompt = null;
        long[] ids;
        if (chat) {
            ChatTemplate template = template(path);
            List<Message> messages = new ArrayList<>();
            if (system != null) {
                messages.add(Message.system(system));
            }
            messages.add(Message.user(input));
            prompt = template.render(messages, true);
            ids = template.encode(tokenizer, messages, true);
        } else {
            ids =
                    parseSpecial
                            ? tokenizer.encode(input, !noBos)
                            : tokenizer.encodePlain(input, !noBos);
        }
        print(tokenizer, ids, prompt);
    }

    private void print(MistralTokenizer tokenizer, long[] ids, @Nullable String prompt) {
        List<String> pieces = tokenizer.tokens(ids);
        PrintWriter out = terminal.out();
        if (json.wanted) {
            Map<String, Object> object = new LinkedHashMap<>();
            if (prompt != null) {
                object.put("prompt", prompt);
            }
            object.put("ids", ids);
            object.put("tokens", pieces);
            json.print(terminal, object);
        } else if (idsOnly) {
            out.println(
                    Arrays.stream(ids).mapToObj(Long::toString).collect(Collectors.joining(",")));
        } else {
            if (prompt != null) {
                out.println(prompt);
                out.println();
            }
            for (int i = 0; i < ids.length; ++i) {
                out.printf(Locale.ROOT, "%7d  %s%n", ids[i], pieces.get(i));
            }
            terminal.note(ids.length + " tokens");
        }
    }
}
