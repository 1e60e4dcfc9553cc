/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import io.github.djlmistral.engine.internal.constraint.Parser;
import io.github.djlmistral.engine.internal.constraint.ParserState;
import io.github.djlmistral.engine.internal.constraint.Productions;
import io.github.djlmistral.engine.internal.constraint.TokenTrie;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Grammar} made ready for a {@link TokenVocabulary}. Threads may share it, and should:
 * what one constraint finds out about the grammar, the others use.
 *
 * <p>A token is allowed if its bytes, after the text so far, are the beginning of a text of the
 * grammar; the decision is exact. Tokens may cross the borders of terminals and end inside a
 * character.
 */
public final class CompiledGrammar {

    private final Parser parser;
    private final TokenVocabulary vocabulary;

    /** The mask of the beginning, where a space may precede the text. */
    private volatile long @Nullable [] beginning;

    private CompiledGrammar(Parser parser, TokenVocabulary vocabulary) {
        this.parser = parser;
        this.vocabulary = vocabulary;
    }

    /**
     * Compiles a grammar. Automata are built when a text first needs them.
     *
     * @param grammar the grammar
     * @param vocabulary the tokens
     * @return the compiled grammar
     * @throws IllegalArgumentException if no token of the vocabulary ends a text, if no text
     *     matches the grammar, or if the tokens can spell none of them
     */
    public static CompiledGrammar of(Grammar grammar, TokenVocabulary vocabulary) {
        if (vocabulary.ends().length == 0) {
            throw new IllegalArgumentException(
                    "the vocabulary has no token that ends a text: a grammar needs one");
        }
        Parser parser;
        try {
            Productions productions = new Lowering(grammar, vocabulary).productions();
            parser = new Parser(productions);
        } catch (IllegalArgumentException e) {
            if (vocabulary.spelled() == null) {
                throw e;
            }
            throw new IllegalArgumentException(
                    e.getMessage()
                            + ", or the tokens of the vocabulary cannot spell it: the vocabulary"
                            + " has no byte fallback",
                    e);
        }
        return new CompiledGrammar(parser, vocabulary);
    }

    /**
     * Returns a constraint at the beginning of a text.
     *
     * @return a new constraint
     */
    public Constraint start() {
        ParserState start = parser.start();
        boolean text = start.forcedByte() != (TokenTrie.CONTROL & 0xFF);
        return new Constraint(this, start, text && vocabulary.dropsFirstSpace());
    }

    TokenVocabulary vocabulary() {
        return vocabulary;
    }

    /** Returns the tokens that may begin a text, with or without a space before it. */
    long[] beginning() {
        long[] known = beginning;
        if (known == null) {
            known = parser.start().maskAfterOptionalSpace(vocabulary.trie());
            beginning = known;
        }
        return known;
    }
}
