/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.ResponseFormat;
import io.github.djlmistral.engine.constraint.TokenVocabulary;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The grammars that requests used last, compiled: what one request finds out about a grammar, the
 * next ones use. Thread-safe.
 */
final class GrammarCache {

    /** Each may keep some megabytes of masks. */
    private static final int MOST = 16;

    private final @Nullable TokenDecoder decoder;
    private final int vocabSize;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<Key, CompiledGrammar> grammars = new LinkedHashMap<>(MOST, 0.75f, true);

    private record Key(ResponseFormat format, List<Integer> ends) {}

    /**
     * Makes an empty cache.
     *
     * @param decoder has the vocabulary; null for none
     * @param vocabSize the number of tokens of the network
     */
    GrammarCache(@Nullable TokenDecoder decoder, int vocabSize) {
        this.decoder = decoder;
        this.vocabSize = vocabSize;
    }

    /**
     * Returns the grammar of the response format; null for any text.
     *
     * @throws IllegalArgumentException if there is no vocabulary, no token that ends a text, or no
     *     text of the grammar that the tokens can spell
     */
    @Nullable CompiledGrammar of(GenerationConfig config) {
        ResponseFormat format = config.get(ConstraintOptions.RESPONSE_FORMAT);
        Grammar grammar = format.grammar().orElse(null);
        if (grammar == null) {
            return null;
        }
        TokenVocabulary vocabulary = decoder == null ? null : decoder.vocabulary();
        if (vocabulary == null) {
            throw new IllegalArgumentException(
                    "response_format needs a tokenizer, this model has none: use type text");
        }
        int known = Math.min(vocabulary.size(), vocabSize);
        List<Integer> ends = config.eosTokenIds().stream().filter(id -> id < known).toList();
        if (ends.isEmpty()) {
            throw new IllegalArgumentException(
                    "response_format needs a token that ends the text: set eos_token_id");
        }
        lock.lock();
        try {
            Key key = new Key(format, ends);
            CompiledGrammar compiled = grammars.get(key);
            if (compiled == null) {
                int[] ids = ends.stream().mapToInt(Integer::intValue).toArray();
                compiled = CompiledGrammar.of(grammar, vocabulary.withEnds(ids));
                if (grammars.size() == MOST) {
                    grammars.remove(grammars.keySet().iterator().next());
                }
                grammars.put(key, compiled);
            }
            return compiled;
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("response_format: " + e.getMessage(), e);
        } finally {
            lock.unlock();
        }
    }
}
