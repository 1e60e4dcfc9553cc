/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import io.github.djlmistral.engine.weights.StagingDirectory;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The checkpoints {@code checkpoint-N} in the output directory, N being the number of steps. Each
 * is written to a hidden directory beside it, which is renamed when all its files are on the disk.
 * An error leaves the earlier checkpoints as they are.
 */
final class CheckpointDirectory {

    private static final Pattern NAME = Pattern.compile("checkpoint-(\\d{1,9})");
    private static final Pattern TEMPORARY = Pattern.compile("\\.checkpoint-\\d{1,9}\\..*\\.tmp");

    private final Path output;

    CheckpointDirectory(Path output) {
        this.output = output;
    }

    /** Writes the files of a checkpoint. */
    interface Content {
        void write(Path directory) throws IOException;
    }

    Path path(int step) {
        return resolve("checkpoint-" + step);
    }

    Path resolve(String name) {
        return output.resolve(name);
    }

    /** Writes a checkpoint; one of the same step is replaced. */
    Path write(int step, Content content) throws IOException {
        Path target = path(step);
        try (StagingDirectory staging = StagingDirectory.of(target)) {
            content.write(staging.path());
            staging.replace();
        } catch (ClosedByInterruptException e) {
            throw e;
        } catch (IOException e) {
            throw new IOException(
                    "cannot write " + target + ", earlier checkpoints are kept: " + e.getMessage(),
                    e);
        }
        return target;
    }

    /** Returns the numbers of steps of all checkpoints, in ascending order. */
    List<Integer> steps() throws IOException {
        if (!Files.isDirectory(output)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(output)) {
            return entries.map(entry -> NAME.matcher(String.valueOf(entry.getFileName())))
                    .filter(Matcher::matches)
                    .map(match -> Integer.valueOf(match.group(1)))
                    .filter(step -> Files.exists(TrainerState.file(path(step))))
                    .sorted()
                    .toList();
        }
    }

    @Nullable Path last() throws IOException {
        List<Integer> steps = steps();
        return steps.isEmpty() ? null : path(steps.get(steps.size() - 1));
    }

    /** Deletes the oldest checkpoints apart from the best one. */
    void prune(int limit, @Nullable String best) throws IOException {
        List<Integer> others =
                steps().stream()
                        .filter(step -> !String.valueOf(path(step).getFileName()).equals(best))
                        .toList();
        for (Integer step : others.subList(0, Math.max(0, others.size() - limit))) {
            StagingDirectory.delete(path(step));
        }
    }

    /** Deletes what a killed process has left. */
    void deleteTemporary() throws IOException {
        if (!Files.isDirectory(output)) {
            return;
        }
        List<Path> left;
        try (Stream<Path> entries = Files.list(output)) {
            left =
                    entries.filter(
                                    entry ->
                                            TEMPORARY
                                                    .matcher(String.valueOf(entry.getFileName()))
                                                    .matches())
                            .toList();
        }
        for (Path entry : left) {
            StagingDirectory.delete(entry);
        }
    }
}
