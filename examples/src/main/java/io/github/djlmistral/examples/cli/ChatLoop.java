/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.examples.chat.ChatConsole;
import io.github.djlmistral.examples.chat.ChatSession;
import io.github.djlmistral.examples.chat.ConversationFile;
import io.github.djlmistral.examples.chat.SlashCommand;
import io.github.djlmistral.examples.chat.TextFile;
import io.github.djlmistral.zoo.chat.ConversationJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Reads messages and commands, and carries them out. */
final class ChatLoop {

    private static final String RESPONSE_FORMAT = "response_format";

    private final Terminal terminal;
    private final ChatConsole console;
    private final ChatSession session;
    private final Kernels kernels;
    private boolean verbose;

    ChatLoop(
            Terminal terminal,
            ChatConsole console,
            ChatSession session,
            Kernels kernels,
            boolean verbose) {
        this.terminal = terminal;
        this.console = console;
        this.session = session;
        this.kernels = kernels;
        this.verbose = verbose;
    }

    /** Runs until the end of the input or {@code /quit}. An entry that fails is reported. */
    void run() throws IOException {
        ChatConsole.Entry entry;
        while ((entry = console.read(prompt())) != null) {
            String text = entry.text();
            String[] words = text.split("\\s+", 2);
            // "/etc/hosts" and "/* a comment */" are text
            boolean command = !entry.quoted() && words[0].matches("/\\w*") && !text.contains("\n");
            if (text.isEmpty()) {
                continue;
            }
            try {
                if (!command) {
                    session.ask(text).ifPresent(this::report);
                } else if (!run(words[0], words.length > 1 ? words[1] : "")) {
                    return;
                }
            } catch (IllegalArgumentException | IOException e) {
                terminal.err().println("mistral: " + ErrorReporter.message(e));
            }
        }
    }

    private String prompt() {
        return session.pending().map(call -> "result of " + call.name() + "> ").orElse("> ");
    }

    /** Runs a command; returns whether the conversation goes on. */
    private boolean run(String name, String argument) throws IOException {
        Optional<SlashCommand> found = SlashCommand.of(name);
        if (found.isEmpty()) {
            terminal.err().println("unknown command " + name + "; /help lists all");
            return true;
        }
        SlashCommand command = found.get();
        if (argument.isEmpty() && command.argument().equals("FILE")) {
            throw new IllegalArgumentException(command + " needs the name of a file");
        }
        switch (command) {
            case REGENERATE -> report(session.regenerate());
            case UNDO -> terminal.note("took back: " + shortened(session.undo()));
            case FILE -> attach(TextFile.path(argument));
            case SYSTEM -> session.begin(argument);
            case CLEAR, RESET -> session.begin();
            case SET -> set(argument);
            case SCHEMA -> schema(argument);
            case TOOLS -> tools(argument);
            case SAVE -> save(TextFile.path(argument));
            case LOAD -> load(TextFile.path(argument));
            case TOKENS -> {
                verbose = !verbose;
                terminal.note("tokens and times: " + (verbose ? "on" : "off"));
            }
            case HELP -> terminal.err().println(SlashCommand.help());
            case QUIT, EXIT -> {
                return false;
            }
        }
        return true;
    }

    private void report(GenerationResult result) {
        if (verbose) {
            terminal.note(GenerationTimings.describe(result, kernels));
        }
    }

    private static String shortened(String text) {
        String line = text.lines().findFirst().orElse("").replaceAll("\\p{Cc}", "?");
        return line.length() <= 60 ? line : line.substring(0, 60) + "...";
    }

    private void attach(Path file) throws IOException {
        int tokens = session.attach(TextFile.read(file));
        terminal.note(file + " comes before the next message: " + tokens + " tokens");
    }

    private void set(String argument) {
        String[] words = argument.split("\\s+", 2);
        if (argument.isEmpty()) {
            Map<String, Object> changes = session.settings().changes();
            changes.forEach((name, value) -> terminal.note(name + " " + value));
            if (changes.isEmpty()) {
                terminal.note("no option is set: the model's own apply");
            }
        } else if (words.length == 1) {
            throw new IllegalArgumentException(
                    "/set " + words[0] + " needs a value, default for the model's own");
        } else {
            session.settings().set(words[0], words[1].equals("default") ? null : words[1]);
        }
    }

    private void schema(String argument) throws IOException {
        if (argument.equals("off")) {
            session.settings().set(RESPONSE_FORMAT, "text");
            return;
        }
        Path file = TextFile.path(argument);
        Map<String, String> schema = Map.of("schema", TextFile.read(file));
        try {
            session.settings()
                    .set(RESPONSE_FORMAT, Map.of("type", "json_schema", "json_schema", schema));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
        }
    }

    private void tools(String argument) throws IOException {
        if (argument.equals("off")) {
            session.tools(null);
            return;
        }
        Path file = TextFile.path(argument);
        String json = TextFile.read(file);
        try {
            session.tools(ConversationJson.objects(json));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
        }
    }

    private void save(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new IllegalArgumentException(file + " is a directory: give a file");
        }
        if (Files.exists(file) && !console.confirm(file + " exists. Overwrite it?")) {
            throw new IllegalArgumentException(file + " exists and was not overwritten");
        }
        ConversationFile saved = session.save();
        saved.write(file);
        terminal.note("saved " + saved.messages().size() + " messages in " + file);
    }

    private void load(Path file) throws IOException {
        ConversationFile saved = ConversationFile.read(file);
        try {
            session.load(saved);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
        }
        terminal.note("loaded " + saved.messages().size() + " messages from " + file);
    }
}
