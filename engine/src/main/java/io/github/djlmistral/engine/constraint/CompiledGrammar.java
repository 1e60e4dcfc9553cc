/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import io.github.djlmistral.engine.internal.constraint.Parser;
import io.github.djlmistral.engine.internal.constraint.Productions;

/**
 * A {@link Grammar} made ready for a {@link TokenVocabulary}. Threads may share it, and should: what
 * one constraint finds out about the grammar, the others use.
 *
 * <p>A token is allowed if its bytes, after the text so far, are the beginning of a text of the
 * grammar; the decision is exact. Tokens may cross the borders of terminals and end inside a
 * character.
 */
public final class CompiledGrammar {

    private final Parser parser;
    private final TokenVocabulary vocabulary;

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
     * @throws IllegalArgumentException if no text matches the grammar
     */
    public static CompiledGrammar of(Grammar grammar, TokenVocabulary vocabulary) {
        Productions productions = new Lowering(grammar).productions();
        return new CompiledGrammar(new Parser(productions), vocabulary);
    }

    /**
     * Returns a constraint at the beginning of a text.
     *
     * @return a new constraint
     */
    public Constraint start() {
        return new Constraint(vocabulary, parser.start());
    }
}
