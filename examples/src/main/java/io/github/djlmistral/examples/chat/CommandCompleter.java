/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.LineReader;
import org.jline.reader.ParsedLine;

/** Completes commands, names of files, and names of options. */
final class CommandCompleter implements Completer {

    @Override
    public void complete(LineReader reader, ParsedLine line, List<Candidate> candidates) {
        String first = line.words().get(0);
        if (!first.startsWith("/")) {
            return;
        }
        if (line.wordIndex() == 0) {
            SlashCommand.listed()
                    .map(command -> candidate(command.toString(), command.description()))
                    .forEach(candidates::add);
            return;
        }
        switch (SlashCommand.of(first).orElse(SlashCommand.HELP)) {
            case FILE, SAVE, LOAD -> files(line.word(), candidates);
            case SCHEMA, TOOLS -> {
                candidates.add(new Candidate("off"));
                files(line.word(), candidates);
            }
            case SET -> {
                if (line.wordIndex() == 1) {
                    ChatSettings.options()
                            .forEach(
                                    option ->
                                            candidates.add(
                                                    candidate(option.name(), option.help())));
                } else {
                    values(line.words().get(1))
                            .forEach(value -> candidates.add(new Candidate(value)));
                }
            }
            default -> {}
        }
    }

    private static Candidate candidate(String value, String description) {
        return new Candidate(value, value, null, description, null, null, true);
    }

    private static Stream<String> values(String name) {
        boolean flag =
                ChatSettings.options().stream()
                        .anyMatch(option -> option.name().equals(name) && option.isFlag());
        return flag ? Stream.of("true", "false", "default") : Stream.of("default");
    }

    /** Adds the files of the directory in which the name is typed. */
    private static void files(String typed, List<Candidate> candidates) {
        String directory = typed.substring(0, typed.lastIndexOf('/') + 1);
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(TextFile.path(directory.isEmpty() ? "." : directory))) {
            for (Path file : files) {
                boolean folder = Files.isDirectory(file);
                String name = file.getFileName() + (folder ? "/" : "");
                candidates.add(
                        new Candidate(directory + name, name, null, null, null, null, !folder));
            }
        } catch (IOException | InvalidPathException e) {
            // what cannot be listed is not completed
        }
    }
}
