/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.model.Chunk;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Beam search of a prompt: {@code GenerationMixin._beam_search} of the reference, with its
 * arithmetic in float32. Each step continues every beam by every token, takes the best of these
 * candidates (or samples them), moves finished ones to the hypotheses and goes on with the best of
 * the others. No token is final before the end.
 */
final class BeamDecoding implements Decoding {

    /** Added to the score of a candidate that must not be chosen; {@code -1e9} of the reference. */
    private static final float EXCLUDED = -1e9f;

    private final int numBeams;
    private final int numReturnSequences;
    private final float lengthPenalty;
    private final EarlyStopping earlyStopping;
    private final int numCandidates;
    private final int firstIndex;
    private final int contexts;
    private final @Nullable SplittableRandom random;
    private final ProcessorChain processors;
    private final TokenAppender appender;
    private final StoppingCriteria stopping;
    private final CacheSource caches;

    private boolean prefilled;
    private List<Beam> beams;
    private List<Hypothesis> hypotheses;

    /** Whether a beam may still become better than the hypotheses. */
    private boolean improvable = true;

    /** The result; empty before the end. */
    private List<Sequence> result = List.of();

    /** An unfinished sequence and the sum of the scores of its tokens. */
    private record Beam(Branch branch, float score) {}

    /** A continuation of a beam by a token, and the sum of its scores. */
    private record Candidate(int beam, int id, float score) {}

    /** A sequence and its score, divided by the length penalty. */
    private record Hypothesis(Sequence sequence, float score, boolean finished) {}

    /**
     * Starts a beam search.
     *
     * @param prompts the prompt, and with guidance the negative prompt
     * @param firstIndex the index of the first sequence in the batch
     * @param config the options
     * @param processors the processors of the scores
     * @param appender appends the tokens
     * @param stopping the stopping criteria
     * @param caches the source of the KV caches
     */
    BeamDecoding(
            List<long[]> prompts,
            int firstIndex,
            GenerationConfig config,
            ProcessorChain processors,
            TokenAppender appender,
            StoppingCriteria stopping,
            CacheSource caches) {
        this.firstIndex = firstIndex;
        this.processors = processors;
        this.appender = appender;
        this.stopping = stopping;
        this.caches = caches;
        numBeams = config.get(BeamOptions.NUM_BEAMS);
        numReturnSequences = config.get(BeamOptions.NUM_RETURN_SEQUENCES);
        lengthPenalty = config.get(BeamOptions.LENGTH_PENALTY).floatValue();
        earlyStopping = config.get(BeamOptions.EARLY_STOPPING);
        random = Sampler.random(config, firstIndex);
        contexts = prompts.size();
        // enough for num_beams to be left if all the others end
        numCandidates = Math.max(2, 1 + config.eosTokenIds().size()) * numBeams;
        Branch prompt = Branch.of(processors.sequence(prompts.get(0)), prompts);
        beams = new ArrayList<>();
        hypotheses = new ArrayList<>();
        for (int i = 0; i < numBeams; ++i) {
            // only the first is continued, otherwise all beams would be the same
            beams.add(new Beam(prompt, i == 0 ? 0 : EXCLUDED));
            hypotheses.add(new Hypothesis(prompt.sequence(), EXCLUDED, false));
        }
    }

    private static List<Branch> branches(List<Beam> beams) {
        return beams.stream().map(Beam::branch).toList();
    }

    @Override
    public List<Chunk> next(int budget) {
        if (!result.isEmpty()) {
            return List.of();
        }
        if (!prefilled) {
            return beams.get(0).branch.next(caches, budget);
        }
        List<Branch> branches = branches(beams);
        Branch.separate(branches);
        return branches.stream().flatMap(branch -> branch.next(caches, budget).stream()).toList();
    }

    @Override
    public List<Token> accept(float[][] logits) {
        if (logits.length == 0 || !result.isEmpty()) {
            return List.of();
        }
        float[][] scores = new float[numBeams][];
        float[][] sums = new float[numBeams][];
        for (int i = 0; i < numBeams; ++i) {
            int from = prefilled ? i * contexts : 0;
            Beam beam = beams.get(i);
            scores[i] =
                    processors.logScores(
                            beam.branch.sequence(),
                            Arrays.copyOfRange(logits, from, from + contexts));
            sums[i] = scores[i].clone();
            for (int id = 0; id < sums[i].length; ++id) {
                sums[i][id] += beam.score;
            }
        }
        if (!result.isEmpty()) {
            return List.of(); // cancelled by a logits processor
        }
        List<Candidate> candidates = random == null ? highest(sums, sums) : drawn(sums, random);
        if (candidates.get(0).score == Float.NEGATIVE_INFINITY) {
            throw new IllegalStateException(
                    "the scores after the logits processors for token "
                            + beams.get(0).branch.sequence().length()
                            + " are all -Infinity: at least one token must be allowed");
        }
        List<Sequence> sequences = new ArrayList<>();
        for (Candidate candidate : candidates) {
            Sequence sequence = beams.get(candidate.beam).branch.sequence().copy();
            if (candidate.score == Float.NEGATIVE_INFINITY) {
                sequence.constrain(null); // a forbidden token, in want of others; never the best
            }
            int row = prefilled ? candidate.beam * contexts : 0;
            appender.append(0, sequence, candidate.id, logits[row], scores[candidate.beam]);
            sequences.add(sequence);
        }
        List<Beam> next = continued(candidates, sequences);
        hypotheses = updated(candidates, sequences);
        List<Beam> before = beams;
        improvable &= isImprovable(next.get(0));
        boolean goesOn =
                improvable && !isFull() && sequences.stream().anyMatch(BeamDecoding::isUnfinished);
        beams = goesOn ? next : List.of();
        prefilled = true;
        List<Token> tokens = goesOn ? List.of() : end();
        Branch.release(caches, branches(before), branches(beams));
        return tokens;
    }

    private static boolean isUnfinished(Sequence sequence) {
        return sequence.finishReason() == null;
    }

    /**
     * Draws candidates without replacement from the softmax of their scores, in the order of the
     * draws: those with the highest sums of score and Gumbel noise (Kool et al. 2019, arXiv
     * 1903.06059).
     */
    private List<Candidate> drawn(float[][] scores, SplittableRandom numbers) {
        float[][] keys = new float[scores.length][];
        for (int i = 0; i < scores.length; ++i) {
            keys[i] = new float[scores[i].length];
            for (int id = 0; id < keys[i].length; ++id) {
                double noise = -Math.log(-Math.log(numbers.nextDouble()));
                keys[i][id] = (float) (scores[i][id] + noise);
            }
        }
        return highest(keys, scores);
    }

    /** Returns the candidates with the highest keys, in their order. */
    private List<Candidate> highest(float[][] keys, float[][] scores) {
        Comparator<Candidate> order =
                Comparator.comparingDouble(Candidate::score)
                        .thenComparing(Candidate::beam, Comparator.reverseOrder())
                        .thenComparing(Candidate::id, Comparator.reverseOrder());
        PriorityQueue<Candidate> queue = new PriorityQueue<>(order);
        for (int beam = 0; beam < keys.length; ++beam) {
            for (int id = 0; id < keys[beam].length; ++id) {
                float key = keys[beam][id];
                if (queue.size() < numCandidates) {
                    queue.add(new Candidate(beam, id, key));
                } else if (key > queue.element().score) {
                    queue.remove();
                    queue.add(new Candidate(beam, id, key));
                }
            }
        }
        return queue.stream()
                .sorted(order.reversed())
                .map(found -> new Candidate(found.beam, found.id, scores[found.beam][found.id]))
                .toList();
    }

    /** Returns the best unfinished candidates as beams. */
    private List<Beam> continued(List<Candidate> candidates, List<Sequence> sequences) {
        List<Beam> all = new ArrayList<>();
        for (int i = 0; i < candidates.size(); ++i) {
            Candidate candidate = candidates.get(i);
            Sequence sequence = sequences.get(i);
            all.add(
                    new Beam(
                            beams.get(candidate.beam).branch.child(sequence),
                            candidate.score + (isUnfinished(sequence) ? 0 : EXCLUDED)));
        }
        return all.stream()
                .sorted(Comparator.comparingDouble(Beam::score).reversed())
                .limit(numBeams)
                .toList();
    }

    /** Returns the best of the hypotheses and the candidates that have just finished. */
    private List<Hypothesis> updated(List<Candidate> candidates, List<Sequence> sequences) {
        boolean closed = !improvable || isFull();
        List<Hypothesis> all = new ArrayList<>(hypotheses);
        for (int i = 0; i < candidates.size(); ++i) {
            Sequence sequence = sequences.get(i);
            float score = candidates.get(i).score / penalty(sequence.generatedLength());
            // the candidates after the first num_beams are there only to be continued
            boolean finished = i < numBeams && !isUnfinished(sequence);
            all.add(
                    new Hypothesis(
                            sequence,
                            score + (closed ? EXCLUDED : 0) + (finished ? 0 : EXCLUDED),
                            finished));
        }
        return all.stream()
                .sorted(Comparator.comparingDouble(Hypothesis::score).reversed())
                .limit(numBeams)
                .toList();
    }

    private float penalty(int length) {
        return (float) Math.pow(length, lengthPenalty);
    }

    /** Whether there are enough hypotheses and no others are wanted. */
    private boolean isFull() {
        return earlyStopping == EarlyStopping.TRUE
                && hypotheses.stream().allMatch(Hypothesis::finished);
    }

    /** Compares the best beam, at its best possible length, with the worst hypothesis. */
    private boolean isImprovable(Beam best) {
        Sequence first = best.branch.sequence();
        int length =
                earlyStopping == EarlyStopping.NEVER && lengthPenalty > 0
                        ? stopping.limit(first.promptLength())
                        : first.generatedLength();
        float possible = best.score / penalty(length);
        float worst = hypotheses.get(numBeams - 1).score;
        return hypotheses.stream()
                .anyMatch(hypothesis -> possible > (hypothesis.finished ? worst : EXCLUDED));
    }

    private List<Token> end() {
        List<Token> tokens = new ArrayList<>();
        List<Sequence> sequences = new ArrayList<>();
        for (Hypothesis hypothesis : hypotheses.subList(0, numReturnSequences)) {
            Sequence sequence = hypothesis.sequence;
            if (isUnfinished(sequence)) { // no beam is left to continue
                sequence = sequence.copy();
                sequence.finish(FinishReason.LENGTH);
            }
            sequence.beamScore(hypothesis.score);
            long[] ids = sequence.generated();
            float[] logProbabilities = sequence.logProbabilities();
            List<List<TokenLogProbability>> top = sequence.topLogProbabilities();
            for (int i = 0; i < ids.length; ++i) {
                tokens.add(
                        new Token(
                                firstIndex + sequences.size(),
                                ids[i],
                                logProbabilities[i],
                                i == ids.length - 1 ? sequence.finishReason() : null,
                                top.get(i)));
            }
            sequences.add(sequence);
        }
        result = sequences;
        return tokens;
    }

    /** Returns the result, or before the end the best sequences so far. */
    @Override
    public List<Sequence> sequences() {
        if (!result.isEmpty()) {
            return result;
        }
        return Stream.concat(
                        hypotheses.stream().filter(Hypothesis::finished).map(Hypothesis::sequence),
                        beams.stream().map(beam -> beam.branch.sequence()))
                .limit(numReturnSequences)
                .toList();
    }

    @Override
    public void finish(FinishReason reason) {
        if (result.isEmpty()) {
            List<Sequence> sequences = new ArrayList<>();
            for (Sequence sequence : sequences()) {
                Sequence last = sequence.copy();
                FinishReason earlier = sequence.finishReason();
                last.finish(earlier == null ? reason : earlier);
                sequences.add(last);
            }
            result = sequences;
        }
    }

    @Override
    public void close() {
        finish(FinishReason.CANCELLED);
        List<Beam> before = beams;
        beams = List.of();
        Branch.release(caches, branches(before), List.of());
    }
}
