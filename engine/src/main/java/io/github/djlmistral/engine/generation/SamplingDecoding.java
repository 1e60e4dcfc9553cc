/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.model.Chunk;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Greedy decoding and sampling of one or more sequences of a prompt, which is computed once; {@code
 * GenerationMixin._sample} of the reference.
 */
final class SamplingDecoding implements Decoding {

    private final CacheSource caches;
    private final ProcessorChain processors;
    private final TokenAppender appender;
    private final int contexts;
    private final List<Row> rows = new ArrayList<>();

    /** The prompt, until it is computed. */
    private @Nullable Branch prompt;

    /** A sequence, the sampler of its tokens, and its caches while it decodes. */
    private static final class Row {

        final int index;
        final Sequence sequence;
        final Sampler sampler;
        @Nullable Branch branch;

        Row(int index, Sequence sequence, Sampler sampler) {
            this.index = index;
            this.sequence = sequence;
            this.sampler = sampler;
        }

        boolean finished() {
            return sequence.finishReason() != null;
        }
    }

    /**
     * Starts a decoding.
     *
     * @param prompts the prompt, and with guidance the negative prompt
     * @param firstIndex the index of the first sequence in the batch
     * @param samplers one for each sequence
     * @param processors the processors of the scores
     * @param appender appends the tokens
     * @param caches the source of the KV caches
     */
    SamplingDecoding(
            List<long[]> prompts,
            int firstIndex,
            List<Sampler> samplers,
            ProcessorChain processors,
            TokenAppender appender,
            CacheSource caches) {
        this.processors = processors;
        this.appender = appender;
        this.caches = caches;
        contexts = prompts.size();
        prompt = Branch.of(new Sequence(prompts.get(0)), prompts);
        for (Sampler sampler : samplers) {
            Sequence sequence = processors.sequence(prompts.get(0));
            rows.add(new Row(firstIndex + rows.size(), sequence, sampler));
        }
    }

    private List<Row> unfinished() {
        return rows.stream().filter(row -> !row.finished()).toList();
    }

    private List<Branch> branches() {
        return Stream.concat(Stream.of(prompt), rows.stream().map(row -> row.branch))
                .filter(Objects::nonNull)
                .toList();
    }

    @Override
    public List<Chunk> next(int budget) {
        if (unfinished().isEmpty()) {
            return List.of();
        }
        List<Branch> branches = branches();
        Branch.separate(branches);
        return branches.stream().flatMap(branch -> branch.next(caches, budget).stream()).toList();
    }

    @Override
    public List<Token> accept(float[][] logits) {
        List<Row> active = unfinished();
        if (logits.length == 0 || active.isEmpty()) {
            return List.of();
        }
        // all scores before any draw, so that a failure changes nothing
        float[][] first = new float[active.size()][];
        float[][] scores = new float[active.size()][];
        for (int i = 0; i < scores.length; ++i) {
            int from = prompt == null ? i * contexts : 0;
            first[i] = logits[from];
            scores[i] =
                    processors.scores(
                            active.get(i).sequence,
                            Arrays.copyOfRange(logits, from, from + contexts));
        }
        List<Token> tokens = new ArrayList<>();
        for (int i = 0; i < scores.length; ++i) {
            Row row = active.get(i);
            if (row.finished()) {
                continue; // cancelled by a logits processor
            }
            int id = row.sampler.select(scores[i]);
            tokens.add(appender.append(row.index, row.sequence, id, first[i], scores[i]));
        }
        List<Branch> before = branches();
        for (Row row : active) {
            if (row.finished()) {
                row.branch = null;
            } else if (prompt != null) {
                row.branch = prompt.child(row.sequence);
            }
        }
        prompt = null;
        Branch.release(caches, before, branches());
        return tokens;
    }

    @Override
    public List<Sequence> sequences() {
        return rows.stream().map(row -> row.sequence).toList();
    }

    @Override
    public void finish(FinishReason reason) {
        for (Row row : unfinished()) {
            row.sequence.finish(reason);
        }
    }

    @Override
    public void close() {
        finish(FinishReason.CANCELLED);
        List<Branch> ended = branches();
        prompt = null;
        rows.forEach(row -> row.branch = null);
        Branch.release(caches, ended, List.of());
    }
}
